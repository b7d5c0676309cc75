import { z } from "zod";
import { withTag } from "../../emit/sample.ts";
import { NotAvailable } from "../../host/host.ts";
import { type CycleOf, defineCollector } from "../collector.ts";
import { identityOf, type Namespace, namespaceTags } from "../namespaces.ts";
import { parseOnce, type ParseOnce } from "../parse-once.ts";
import { counterReader, type Counters } from "./counters.ts";
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
    const files = ["net/snmp", "net/netstat"].map((path) => ({
      path,
      parse: parseOnce((text) => sort(read(text), extra)),
    }));
    return async (cycle) => {
      for (const namespace of cycle.namespaces()) {
        await cycle.breathe();
        readNamespace(cycle, namespace, files);
      }
    };
  },
});

type OwnCycle = CycleOf<typeof metrics>;

interface File {
  readonly path: string;
  readonly parse: ParseOnce<Sorted>;
}

/** What one file says, by what becomes of it. */
interface Sorted {
  readonly counts: Readonly<Partial<Record<keyof typeof sources, number>>>;
  readonly extra: readonly { readonly counter: string; readonly value: { readonly "netstat.extra": number } }[];
  readonly isEmpty: boolean;
  readonly malformed: readonly string[];
}

function sort({ values, malformed }: Counters, wanted: readonly string[]): Sorted {
  const counts: Partial<Record<keyof typeof sources, number>> = {};
  for (const name of names) {
    const value = values.get(sources[name]);
    if (value !== undefined) counts[name] = value;
  }
  const extra = wanted.flatMap((counter) => {
    const value = values.get(counter);
    return value === undefined ? [] : [{ counter, value: { "netstat.extra": value } }];
  });
  return { counts, extra, isEmpty: values.size === 0, malformed };
}

function readNamespace(cycle: OwnCycle, namespace: Namespace, files: readonly File[]): void {
  try {
    for (const file of files) readFile(cycle, namespace, file);
  } catch (error) {
    if (error instanceof NotAvailable) cycle.skip("gone");
    else cycle.fail(error instanceof Error ? error : new Error(String(error)));
  }
}

/** What does not fit is left out by protocol: the others are there all the same. */
function readFile(cycle: OwnCycle, namespace: Namespace, { path, parse }: File): void {
  const { process } = namespace;
  const { counts, extra, isEmpty, malformed } = parse(process, process.text(path));
  for (const protocol of malformed)
    cycle.fail(new Error(`/proc/${process.pid}/${path}: the numbers of ${protocol} do not fit their names`));
  if (isEmpty) return;
  const tags = namespaceTags(namespace, cycle.tagsOf);
  cycle.counters(identityOf(namespace, path), tags, counts);
  for (const { counter, value } of extra)
    cycle.counters(identityOf(namespace, counter), withTag(tags, "counter", counter), value);
}

const isSource = (name: string): name is keyof typeof sources => Object.hasOwn(sources, name);
const names = Object.keys(sources).filter(isSource);
