import { z } from "zod";
import { withTag } from "../../emit/sample.ts";
import { NotAvailable } from "../../host/host.ts";
import { type CycleOf, defineCollector } from "../collector.ts";
import { identityOf, type Namespace, namespaceTags } from "../namespaces.ts";
import { counterReader, type Reader } from "./counters.ts";
import { metrics, sources } from "./metrics.ts";

const kernelName = z.string().regex(/^[A-Za-z]\w*\.[A-Za-z]\w*$/u, {
  error: "expected protocol and counter as the kernel names them, such as TcpExt.TCPFastRetrans",
});

export const netstat = defineCollector({
  name: "netstat",
  summary:
    "What the TCP and UDP stack of every container counts: retransmissions, full listen queues, resets, dropped datagrams.",
  config: z.strictObject({
    extra: z
      .array(kernelName)
      .default([])
      .describe("More counters of /proc/net/snmp and netstat, as netstat.extra: TcpExt.TCPFastRetrans."),
  }),
  metrics,
  create: ({ extra }) => {
    const read = counterReader([...Object.values(sources), ...extra]);
    return async (cycle) => {
      for (const namespace of cycle.namespaces()) {
        await cycle.breathe();
        readNamespace(cycle, namespace, read, extra);
      }
    };
  },
});

type OwnCycle = CycleOf<typeof metrics>;
type Read = ReadonlyMap<string, number>;

function readNamespace(cycle: OwnCycle, namespace: Namespace, read: Reader, extra: readonly string[]): void {
  try {
    for (const file of ["net/snmp", "net/netstat"])
      emit(cycle, namespace, file, readFile(cycle, namespace, file, read), extra);
  } catch (error) {
    if (error instanceof NotAvailable) cycle.skip("gone");
    else cycle.fail(error instanceof Error ? error : new Error(String(error)));
  }
}

/** What does not fit is left out by protocol: the others are there all the same. */
function readFile(cycle: OwnCycle, { process }: Namespace, file: string, read: Reader): Read {
  const { values, malformed } = read(process.text(file));
  for (const protocol of malformed)
    cycle.fail(new Error(`/proc/${process.pid}/${file}: the numbers of ${protocol} do not fit their names`));
  return values;
}

function emit(cycle: OwnCycle, namespace: Namespace, file: string, read: Read, extra: readonly string[]): void {
  if (read.size === 0) return;
  const tags = namespaceTags(namespace, cycle.tagsOf);
  const values: Partial<Record<keyof typeof sources, number>> = {};
  for (const name of names) {
    const value = read.get(sources[name]);
    if (value !== undefined) values[name] = value;
  }
  cycle.counters(identityOf(namespace, file), tags, values);
  for (const counter of extra) {
    const value = read.get(counter);
    if (value !== undefined)
      cycle.counters(identityOf(namespace, counter), withTag(tags, "counter", counter), { "netstat.extra": value });
  }
}

const isSource = (name: string): name is keyof typeof sources => Object.hasOwn(sources, name);
const names = Object.keys(sources).filter(isSource);
