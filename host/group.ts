import { readFileSync } from "node:fs";

/** The number of a group of /etc/group (group(5)); undefined where it has none of that name. */
export function groupId(name: string): number | undefined {
  const lines = readFileSync("/etc/group", "utf8").split("\n");
  const fields = lines.map((line) => line.split(":")).find(([known]) => known === name);
  return fields === undefined || !/^\d+$/u.test(fields[2] ?? "") ? undefined : Number(fields[2]);
}
