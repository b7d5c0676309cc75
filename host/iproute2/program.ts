import { accessSync, constants } from "node:fs";
import { NotAvailable } from "../host.ts";

/** A program of iproute2 with its arguments. */
export type Iproute2 = readonly ["ip" | "bridge", ...string[]];

/** One that is run inside a network namespace. */
export type Inside = Iproute2 | readonly ["fping", ...string[]] | readonly ["cat", "/proc/net/ip_vs"];

/** Never the caller's: these run as root. `ip` prints times in the zone of TZ. */
export const fixedEnv: NodeJS.ProcessEnv = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", TZ: "UTC" };

const folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/**
 * The command that runs it inside a network namespace, given by a file. `nsenter --net` becomes the program without
 * a fork, so the process number is the program's own. Throws `NotAvailable` where a program is missing, and an Error
 * where an argument is none: an empty text or a NUL is refused, never cut.
 */
export function enter(netns: string, [program, ...args]: Inside): readonly [string, ...string[]] {
  if (!netns.startsWith("/") || netns.includes("\0"))
    throw new Error(`not the absolute path of a namespace: ${JSON.stringify(netns)}`);
  const wrong = args.find((arg) => arg === "" || arg.includes("\0"));
  if (wrong !== undefined) throw new Error(`not an argument for ${program}: ${JSON.stringify(wrong)}`);
  return [find("nsenter"), `--net=${netns}`, "--", find(program), ...args];
}

/** The absolute path of a program in the system's own folders. Throws `NotAvailable`. */
export function find(program: string): string {
  const found = folders.map((folder) => `${folder}/${program}`).find(isExecutable);
  if (found === undefined) throw new NotAvailable(`there is no ${program} in ${folders.join(", ")}`);
  return found;
}

/** Whether this process may run the file. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
