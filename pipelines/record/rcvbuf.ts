import { readWhole } from "../../host/kernel-files.ts";
import { isGone } from "../../host/procfs.ts";

/** What the kernel takes from a receive buffer for one NEIGH message (its truesize). */
const eventBytes = 832;

const limitFile = "/proc/sys/net/core/rmem_max";

/** Bytes that a netlink socket gets: twice what was asked, which is cut to net.core.rmem_max before (socket(7), SO_RCVBUF). */
function effectiveBuffer(asked: number, limit: number | undefined): number {
  return 2 * Math.min(asked, limit ?? asked);
}

/** Says once what it costs where the kernel gives less than was asked. */
export function capped(asked: number, log: (level: "info", message: string) => void): void {
  const limit = limitOf();
  if (limit === undefined || limit >= asked) return;
  const events = Math.floor(effectiveBuffer(asked, limit) / eventBytes);
  log(
    "info",
    `net.core.rmem_max is ${limit}: of ${asked} bytes asked for, so many are given to a netlink socket. It holds about ${events} events at once, and more are lost (and counted) when a storm comes faster than they are read. sysctl -w net.core.rmem_max=${asked} would do.`,
  );
}

/** Undefined where this namespace does not show it. */
function limitOf(): number | undefined {
  try {
    const limit = Number(readWhole(limitFile).trim());
    return Number.isSafeInteger(limit) && limit > 0 ? limit : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
