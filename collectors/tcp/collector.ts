import { z } from "zod";
import { type Tags, withTag } from "../../emit/sample.ts";
import { NotAvailable, type NamespaceProcess, type TcpReading } from "../../host/host.ts";
import { type CycleOf, defineCollector } from "../collector.ts";
import { type Namespace, namespaceTags } from "../namespaces.ts";
import { metrics } from "./metrics.ts";

export const tcp = defineCollector({
  name: "tcp",
  summary: "How many TCP sockets every container has in each state, and the host itself.",
  config: z.strictObject({
    host: z.boolean().default(true).describe("Whether the sockets of the host's own network are counted too."),
  }),
  metrics,
  create: (config) => async (cycle) => {
    const containers = containersOf(cycle);
    const host = config.host ? cycle.host.proc.host() : undefined;
    try {
      const own = host === undefined ? [] : [{ key: "host", process: host, tags: hostTags }];
      await collect(cycle, [...own, ...(containers instanceof Error ? [] : containers)]);
    } finally {
      host?.close();
    }
    if (containers instanceof Error) throw containers;
  },
});

const hostTags: Tags = { scope: "host" };

type OwnCycle = CycleOf<typeof metrics>;

interface Subject extends NamespaceProcess {
  readonly tags: Tags;
}

/** The host's own sockets can be told where Docker can not be asked. */
function containersOf(cycle: OwnCycle): readonly Subject[] | Error {
  try {
    return cycle.namespaces().map((namespace) => subjectOf(cycle, namespace));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** The id of a namespace begins with its inode number, so that none is `host`. */
function subjectOf(cycle: OwnCycle, namespace: Namespace): Subject {
  return { key: namespace.id, process: namespace.process, tags: namespaceTags(namespace, cycle.tagsOf) };
}

/** All in one question: what is left out of it is let go of. */
async function collect(cycle: OwnCycle, subjects: readonly Subject[]): Promise<void> {
  const readings = await cycle.host.sockets.tcpStates(subjects, cycle.signal);
  const ways = { sock_diag: 0, text: 0 };
  for (const { key, tags } of subjects) {
    const reading = readings.get(key) ?? new Error(`the TCP sockets of ${key} were not answered for`);
    if (reading instanceof NotAvailable) cycle.skip("gone");
    else if (reading instanceof Error) cycle.fail(reading);
    else {
      ways[reading.how]++;
      emit(cycle, key, reading, tags);
    }
  }
  for (const [how, count] of Object.entries(ways)) cycle.gauge("agent.tcp.source", count, { how });
}

function emit(cycle: OwnCycle, key: string, { states, interrupted }: TcpReading, tags: Tags): void {
  if (interrupted) cycle.fail(new Error(`the TCP sockets of ${key} changed under every reading: nearly right only`));
  for (const [state, count] of Object.entries(states))
    cycle.gauge("tcp.connections", count, withTag(tags, "state", state));
}
