import { parseIpv4 } from "./ipv4.ts";
import { ProgramError } from "./iproute2/error.ts";
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

/**
 * The same, and what it made the kernel note about its targets is as it was. Some seconds after a ping the kernel asks anew for a
 * neighbour that it is not sure of: on a classic engine that question, for a container that has left by then, has the engine write
 * rows that stay (measured: 1 to 4 in 120 joins and leaves at 2 s cycles, none without).
 */
export async function fpingTraceless(
  netns: string,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Pinged>> {
  if (addresses.length === 0) return new Map();
  const before = readKnown(await runIn(netns, showNeighbours, { signal }));
  try {
    return await fping(netns, addresses, signal);
  } finally {
    // Also when its time is over.
    const soon = AbortSignal.timeout(2000);
    const now = readKnown(await runIn(netns, showNeighbours, { signal: soon }));
    const input = addresses.flatMap((ip) => backTo(before.get(ip), now.get(ip))).join("\n");
    if (input !== "") await runIn(netns, ["ip", "-force", "-batch", "-"], { signal: soon, input }).catch(isOver);
  }
}

const showNeighbours = ["ip", "-4", "-o", "neigh", "show"] as const;

/** With `-force` the others were done: what went by itself meanwhile need not be taken back. */
function isOver(error: unknown): void {
  if (!(error instanceof ProgramError)) throw error;
}

interface Known {
  readonly ip: string;
  readonly dev: string;
  readonly mac?: string;
  readonly state: string;
}

/** `10.0.0.4 dev eth0 lladdr 02:42:0a:00:00:04 STALE`, by address. */
export function readKnown(text: string): ReadonlyMap<string, Known> {
  const form = /^(\d+\.\d+\.\d+\.\d+) dev (\S+)(?: +lladdr ([\da-f:]{17}))?(?: +[\da-z_]+)* +([A-Z]+) *$/gmu;
  const rows = text.matchAll(form);
  return new Map(
    [...rows].map(([, ip = "", dev = "", mac, state = ""]) => [
      ip,
      { ip, dev, state, ...(mac === undefined ? {} : { mac }) },
    ]),
  );
}

/** What the kernel is about to ask for it did not know before, or was not sure of and let be. */
function backTo(before: Known | undefined, now: Known | undefined): readonly string[] {
  if (now === undefined || now.state === "PERMANENT") return [];
  if (before === undefined) return [`neigh del ${now.ip} dev ${now.dev}`];
  const isAsking = before.state === "STALE" && (now.state === "DELAY" || now.state === "PROBE");
  return isAsking && now.mac !== undefined ? [`neigh change ${now.ip} lladdr ${now.mac} dev ${now.dev} nud stale`] : [];
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
