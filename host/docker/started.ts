import { statSync } from "node:fs";
import { join } from "node:path";

/** When dockerd was started, in milliseconds since the epoch: the age of its pid file. Undefined where it has none there. */
export function engineStartedAt(hostRoot = "/"): number | undefined {
  return statSync(join(hostRoot, "run/docker.pid"), { throwIfNoEntry: false })?.mtimeMs;
}
