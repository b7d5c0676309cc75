import { spawn } from "node:child_process";
import { pinnedEnv } from "../../lab/process.ts";

/** Seconds. */
const window = 2;

export interface Watched {
  /** Ends it; gives the largest share of any 2 s that one MAC's row was on the vxlan device, 0 to 1. */
  readonly end: () => number;
}

/**
 * Reads an overlay namespace's FDB events with `ip` of our own: the truth beside what the recorder makes of them. Of the
 * MACs of local containers, for others belong on the vxlan device.
 */
export function watchShares(netns: string, local: ReadonlySet<string>): Watched {
  const argv = [`--net=${netns}`, "--", "ip", "-f", "bridge", "-o", "-ts", "monitor", "neigh"];
  const child = spawn("/usr/bin/nsenter", argv, {
    env: { ...pinnedEnv, TZ: "UTC" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return {
    end: () => {
      child.kill("SIGKILL");
      const stays = staysIn(text, local);
      return Math.max(0, ...[...stays.values()].map(largestShare));
    },
  };
}

type Stay = readonly [from: number, to: number];

/** When each MAC was on the vxlan device, in seconds since the epoch: from its row there to its row elsewhere. */
function staysIn(text: string, local: ReadonlySet<string>): ReadonlyMap<string, readonly Stay[]> {
  const all = new Map<string, Stay[]>();
  const since = new Map<string, number>();
  const end = (mac: string, to: number) => {
    const from = since.get(mac);
    if (from !== undefined) all.set(mac, [...(all.get(mac) ?? []), [from, to]]);
    since.delete(mac);
  };
  for (const [, time = "", device = "", mac = ""] of text.matchAll(/^\[(\S+)\] dev (\S+) lladdr (\S+) REACHABLE/gmu)) {
    if (!local.has(mac)) continue;
    if (!device.startsWith("vxlan")) end(mac, secondsOf(time));
    else if (!since.has(mac)) since.set(mac, secondsOf(time));
  }
  for (const mac of since.keys()) end(mac, Infinity);
  return all;
}

/** `2026-01-02T03:04:05.678901`, in UTC. */
const secondsOf = (time: string): number => Date.parse(`${time.slice(0, 19)}Z`) / 1000 + Number(`0${time.slice(19)}`);

/** Of the windows that begin with a stay: no other one has more of them. */
function largestShare(stays: readonly Stay[]): number {
  let [largest, first] = [0, 0];
  for (const [index, [begin]] of stays.entries()) {
    first = index;
    let sum = 0;
    for (; first < stays.length && stays[first]![0] < begin + window; first++)
      sum += Math.min(stays[first]![1], begin + window) - stays[first]![0];
    largest = Math.max(largest, sum / window);
  }
  return largest;
}
