/** The eight counters of one interface, cumulative since it was made. */
export interface InterfaceCounters {
  readonly name: string;
  readonly values: Readonly<Record<CounterName, number>>;
}

/**
 * Column of `/proc/PID/net/dev` behind each metric. Receive: bytes packets errs drop fifo frame compressed multicast,
 * then transmit: bytes packets errs drop fifo colls carrier compressed (net/core/net-procfs.c, dev_seq_printf_stats).
 */
const columns = {
  "net.bytes_rcvd": 0,
  "net.packets_rcvd": 1,
  "net.errors_rcvd": 2,
  "net.drops_rcvd": 3,
  "net.bytes_sent": 8,
  "net.packets_sent": 9,
  "net.errors_sent": 10,
  "net.drops_sent": 11,
} as const;
export type CounterName = keyof typeof columns;

export interface NetDev {
  readonly interfaces: readonly InterfaceCounters[];
  /** Lines that do not have the kernel's form: left out, never guessed. */
  readonly malformed: readonly string[];
}

/**
 * A name may hold anything but `/` and what the kernel takes for white space (older ones let colons through): the
 * counters start behind the last colon. Sixteen of them, of 64 bits; columns that a later kernel adds are let through.
 */
const line = /^ *([^ /]+):\s*((?:\d{1,20}\s+){15,}\d{1,20})\s*$/u;

export function parseNetDev(text: string): NetDev {
  const interfaces: InterfaceCounters[] = [];
  const malformed: string[] = [];
  for (const row of text.split("\n").slice(2)) {
    if (row === "") continue;
    const [, name, numbers] = line.exec(row) ?? [];
    if (name === undefined || numbers === undefined) malformed.push(row);
    else interfaces.push({ name, values: pick(numbers.split(/\s+/u)) });
  }
  return apart(interfaces, malformed);
}

/** Bytes that are no UTF-8 all read alike: two such names can not be told apart, and must not be mixed up. */
function apart(interfaces: readonly InterfaceCounters[], malformed: readonly string[]): NetDev {
  const count = new Map<string, number>();
  for (const { name } of interfaces) count.set(name, (count.get(name) ?? 0) + 1);
  const alike = [...count]
    .filter(([, times]) => times > 1)
    .map(([name, times]) => `${times} interfaces read as ${name}`);
  return { interfaces: interfaces.filter(({ name }) => count.get(name) === 1), malformed: [...malformed, ...alike] };
}

function pick(numbers: readonly string[]): Record<CounterName, number> {
  const at = (name: CounterName) => Number(numbers[columns[name]]);
  return {
    "net.bytes_rcvd": at("net.bytes_rcvd"),
    "net.bytes_sent": at("net.bytes_sent"),
    "net.packets_rcvd": at("net.packets_rcvd"),
    "net.packets_sent": at("net.packets_sent"),
    "net.errors_rcvd": at("net.errors_rcvd"),
    "net.errors_sent": at("net.errors_sent"),
    "net.drops_rcvd": at("net.drops_rcvd"),
    "net.drops_sent": at("net.drops_sent"),
  };
}

/** Interface index by name, from `/proc/PID/net/igmp`: one row for each interface that is up (net/ipv4/igmp.c). */
export function parseIndexes(igmp: string): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>();
  for (const row of igmp.split("\n")) {
    const [, index, name] = /^(\d+)\s+(\S+)\s*:/u.exec(row) ?? [];
    if (index !== undefined && name !== undefined) indexes.set(name, Number(index));
  }
  return indexes;
}
