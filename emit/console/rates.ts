import type { Sample } from "../sample.ts";

/** One line of the live table: an interface of a container, in units a second. */
export interface Row {
  readonly host: string;
  readonly container: string;
  readonly network: string;
  readonly interface: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly drops: number;
  readonly errors: number;
}

type Measure = Exclude<keyof Row, "host" | "container" | "network" | "interface">;

const measures: ReadonlyMap<string, Measure> = new Map(
  Object.entries({
    "net.bytes_rcvd": "bytesIn",
    "net.bytes_sent": "bytesOut",
    "net.packets_rcvd": "packetsIn",
    "net.packets_sent": "packetsOut",
    "net.drops_rcvd": "drops",
    "net.drops_sent": "drops",
    "net.errors_rcvd": "errors",
    "net.errors_sent": "errors",
  } as const),
);

/** Rates of the growth that the samples tell, busiest first. `seconds` is the time that they grew in. */
export function rates(samples: readonly Sample[], seconds: number): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const { name, value, tags } of samples) {
    const measure = measures.get(name);
    if (measure === undefined || seconds <= 0) continue;
    const key = [tags["host"], tags["container_name"], tags["docker_network"], tags["interface"]].join("\0");
    const row = rows.get(key) ?? emptyRow(tags);
    rows.set(key, { ...row, [measure]: row[measure] + value / seconds });
  }
  return [...rows.values()].toSorted((a, b) => volume(b) - volume(a) || identity(a).localeCompare(identity(b)));
}

function emptyRow(tags: Sample["tags"]): Row {
  return {
    host: tags["host"] ?? "",
    container: tags["container_name"] ?? "(all)",
    network: tags["docker_network"] ?? "",
    interface: tags["interface"] ?? "",
    bytesIn: 0,
    bytesOut: 0,
    packetsIn: 0,
    packetsOut: 0,
    drops: 0,
    errors: 0,
  };
}

/** To one digit: rows of about the same rate must not change places each second. */
const volume = (row: Row): number => Number((row.bytesIn + row.bytesOut).toPrecision(1));
const identity = (row: Row): string => `${row.host} ${row.container} ${row.network} ${row.interface}`;
