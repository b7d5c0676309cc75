import { readFileSync } from "node:fs";

/** What `ip` and `bridge` 6.1 printed in the lab: classic engine 20.10, A1 on veth0, B1 on veth1 and pinned there. */
export function captured(name: string): string {
  return readFileSync(`test/overlay/fixtures/${name}.out`, "utf8");
}
