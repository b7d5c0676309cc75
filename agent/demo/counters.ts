import { type CounterName, parseNetDev } from "../../collectors/interfaces/net-dev.ts";
import type { LabHost } from "../../lab/host.ts";
import type { Counters } from "./timeline.ts";

/** One reading of `/proc/PID/net/dev`, where the Datadog agent has a container's network metrics from. */
interface Reading {
  readonly at: number;
  readonly sums: Readonly<Record<CounterName, number>>;
}

/** Of its interfaces together, without loopback. */
async function read(host: LabHost, container: string): Promise<Reading> {
  const { State } = await host.inspect(container);
  const { stdout } = await host.exec(["cat", `/proc/${State.Pid}/net/dev`]);
  const all = parseNetDev(stdout).interfaces.filter(({ name }) => name !== "lo");
  const sum = (name: CounterName) => all.reduce((total, { values }) => total + values[name], 0);
  const sums = {
    "net.bytes_rcvd": sum("net.bytes_rcvd"),
    "net.bytes_sent": sum("net.bytes_sent"),
    "net.packets_rcvd": sum("net.packets_rcvd"),
    "net.packets_sent": sum("net.packets_sent"),
    "net.errors_rcvd": sum("net.errors_rcvd"),
    "net.errors_sent": sum("net.errors_sent"),
    "net.drops_rcvd": sum("net.drops_rcvd"),
    "net.drops_sent": sum("net.drops_sent"),
  };
  return { at: performance.now(), sums };
}

/** What grew, container by container, while something was done. */
export async function countersWhile<T>(
  host: LabHost,
  containers: readonly string[],
  work: () => Promise<T>,
): Promise<{ readonly done: T; readonly counters: ReadonlyMap<string, Counters> }> {
  const readAll = async () => Promise.all(containers.map(async (name) => read(host, name)));
  const before = await readAll();
  const done = await work();
  const after = await readAll();
  const counters = containers.flatMap((name, index): readonly (readonly [string, Counters])[] => {
    const [from, to] = [before[index], after[index]];
    return from === undefined || to === undefined ? [] : [[name, grown(from, to)]];
  });
  return { done, counters: new Map(counters) };
}

function grown(from: Reading, to: Reading): Counters {
  const seconds = (to.at - from.at) / 1000;
  const growth = (name: CounterName) => to.sums[name] - from.sums[name];
  const rate = (name: CounterName) => Math.round((10 * growth(name)) / seconds) / 10;
  return {
    received: rate("net.packets_rcvd"),
    sent: rate("net.packets_sent"),
    errors: growth("net.errors_rcvd") + growth("net.errors_sent"),
    drops: growth("net.drops_rcvd") + growth("net.drops_sent"),
  };
}
