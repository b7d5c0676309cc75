import { shellLine } from "../../host/shell-line.ts";

export const shellWords = (...words: readonly string[]): string => shellLine(words);

/** Inside the namespace of a network. */
export const within = (netns: string, ...words: readonly string[]): string =>
  shellWords("nsenter", `--net=${netns}`, ...words);

/** Inside the namespace of a container. */
export const inside = (pid: number | undefined, ...words: readonly string[]): string =>
  shellWords("nsenter", "-t", pid === undefined ? "PID" : String(pid), "-n", ...words);

/** Rows of a MAC: the bridge's (`master`), or a device's own (`self`). */
export const rowsOf = (netns: string, mac: string, of: "master" | "self", ...device: readonly string[]): string =>
  `${within(netns, "bridge", "fdb", "show", ...device)} | ${shellWords("grep", `${mac}.*${of}`)}`;
