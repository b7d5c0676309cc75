import { spawn, type ChildProcessByStdio } from "node:child_process";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { LabContext, LabHost } from "./host.ts";
import { joining } from "./namespaces.ts";
import { overlayTable } from "./overlay-table.ts";
import { pause, pinnedEnv } from "./process.ts";

export interface StormOptions {
  /** 1 unless told. */
  readonly host?: string | number | undefined;
  /** Id of an overlay network that has a container on the host: only then is there a namespace. */
  readonly networkId: string;
  /** Rows are added and taken away again in turn: an even number. */
  readonly changes: number;
  /** As fast as `bridge` can unless told. */
  readonly perSecond?: number | undefined;
  /** Serial number of the first MAC; 0 unless told. */
  readonly first?: number | undefined;
  /** Ends it early, after a whole pair. */
  readonly signal?: AbortSignal | undefined;
}

/** `06:0f` and the serial number: locally administered, never one of Docker's `02:42`, and no two changes alike. */
export function stormMac(serial: number): string {
  const digits = serial.toString(16).padStart(8, "0");
  return ["06", "0f", ...(digits.match(/../g) ?? [])].join(":");
}

/**
 * FDB changes in an overlay namespace by `bridge -batch`: the `self` row of a MAC of its own is added to the vxlan
 * device and deleted, then the next. Each makes one netlink event. Gives how many there were, all of them done; throws
 * what `bridge` said otherwise.
 */
export async function storm(lab: LabContext, host: LabHost, options: StormOptions): Promise<number> {
  const { outside, vxlan } = await overlayTable(host, options.networkId);
  const bridge = startBridge(lab, outside);
  const ended = finish(bridge);
  const written = { pairs: 0 };
  const pairs = Readable.from(pairsOf(options, `dev ${vxlan} dst ${host.vtep} self`, written));
  // A pipe that broke is told by the exit code, with bridge's own words.
  await Promise.all([ended, pipeline(pairs, bridge.stdin).catch(() => undefined)]);
  return 2 * written.pairs;
}

async function* pairsOf(options: StormOptions, row: string, written: { pairs: number }): AsyncGenerator<string> {
  const { changes, perSecond = Infinity, first = 0, signal } = options;
  const began = performance.now();
  const due = () => Math.ceil(((performance.now() - began) / 1000 + 0.01) * (perSecond / 2));
  const isOver = () => signal?.aborted === true || 2 * written.pairs >= changes;
  while (!isOver()) {
    const goal = Math.min(changes / 2, written.pairs + 500, due());
    let text = "";
    for (; written.pairs < goal; written.pairs++) text += pairText(stormMac(first + written.pairs), row);
    if (text !== "") yield text;
    if (perSecond !== Infinity) await pause(10);
  }
}

const pairText = (mac: string, row: string): string => `fdb add ${mac} ${row} permanent\nfdb del ${mac} ${row}\n`;

type Bridge = ChildProcessByStdio<Writable, null, Readable>;

function startBridge(lab: LabContext, netns: string): Bridge {
  const enter = ["/usr/bin/nsenter", `--net=${netns}`, "--", "bridge", "-batch", "-"] as const;
  const [command, ...args] = joining(lab.cgroup.join("traffic"), [...enter]);
  return spawn(command, args, { env: pinnedEnv, cwd: "/", stdio: ["pipe", "ignore", "pipe"] });
}

/** Without `-force` the first failure ends it: exit code 0 means that every line was done. */
async function finish(bridge: Bridge): Promise<void> {
  let words = "";
  bridge.stderr.setEncoding("utf8").on("data", (chunk: string) => (words += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    bridge.once("error", reject);
    bridge.once("close", resolve);
  });
  if (code !== 0) throw new Error(`bridge -batch: exit code ${code}: ${words.slice(-500)}`);
}
