import { parseIpv4 } from "./ipv4.ts";
import { runIn } from "./iproute2/run.ts";

/** Of one address: the share of requests without an answer, 0 to 1, and the median time of an answer in seconds. */
export interface Pinged {
  readonly loss: number;
  /** Missing where nothing was answered. */
  readonly rtt?: number;
}

/** Requests to each address, milliseconds between two of them, and until the last is given up: done within 0.8 s. */
const pace = { count: 3, everyMs: 150, timeoutMs: 500 } as const;

/** Throws `NotAvailable` where there is no `fping`, `ProgramError`, a `TypeError` for what is no address, or the signal's reason. */
export async function fping(
  netns: string,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Pinged>> {
  const wrong = addresses.find((one) => parseIpv4(one) === undefined);
  if (wrong !== undefined) throw new TypeError(`${JSON.stringify(wrong)} is no IPv4 address`);
  if (addresses.length === 0) return new Map();
  const { count, everyMs, timeoutMs } = pace;
  const options = ["-q", "-C", String(count), "-p", String(everyMs), "-t", String(timeoutMs), "-i", "1"];
  const said = await runIn(netns, ["fping", ...options, ...addresses], { signal, answers: "stderr" });
  return readFping(said);
}

/** `10.0.0.4 : 0.05 - 0.04`, in milliseconds, a line for each; other lines are ICMP errors and warnings. */
export function readFping(text: string): ReadonlyMap<string, Pinged> {
  const found = new Map<string, Pinged>();
  for (const line of text.split("\n")) {
    const [, ip, times] = /^(\d+\.\d+\.\d+\.\d+) *:((?: (?:-|\d+(?:\.\d+)?))+)\s*$/u.exec(line) ?? [];
    if (ip !== undefined && times !== undefined && parseIpv4(ip) !== undefined)
      found.set(ip, pinged(times.trim().split(" ")));
  }
  return found;
}

function pinged(times: readonly string[]): Pinged {
  const answers = times
    .filter((time) => time !== "-")
    .map(Number)
    .toSorted((a, b) => a - b);
  const loss = 1 - answers.length / times.length;
  const median = answers[Math.floor((answers.length - 1) / 2)];
  return median === undefined ? { loss } : { loss, rtt: median / 1000 };
}
