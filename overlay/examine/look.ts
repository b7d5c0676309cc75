import { setTimeout as sleep } from "node:timers/promises";
import { type Host, NotAvailable } from "../../host/host.ts";
import { printable, ProgramError } from "../../host/iproute2/error.ts";
import type { NamespaceInput } from "../diagnose/input.ts";
import type { OverlayNamespace } from "../discover.ts";
import type { Endpoint } from "../endpoints.ts";
import { readEndpoints } from "../local.ts";
import type { Link } from "../links.ts";
import { UnreadableTable } from "../rows.ts";
import { readFdbOf, readTables, type Tables } from "../tables.ts";
import type { lane } from "./lane.ts";
import type { EndpointMemory } from "./remembered.ts";

/** What looking into the namespaces of one host takes. */
export interface Look {
  readonly host: Pick<Host, "proc" | "overlays" | "docker">;
  readonly namespaces: readonly OverlayNamespace[];
  readonly twoAtOnce: ReturnType<typeof lane>;
  readonly signal: AbortSignal;
  readonly memory?: EndpointMemory;
}

/** A namespace that could not be read. */
export interface Unread {
  readonly what: string;
  readonly why: string;
}

export function readersOf(namespace: OverlayNamespace, { host, twoAtOnce, signal }: Look) {
  const { run } = host.overlays;
  const entry = { ...host.overlays, run: ((...args) => twoAtOnce(async () => run(...args))) satisfies typeof run };
  return {
    run: entry.run,
    fdb: async () => readFdbOf(namespace, signal, entry),
    tables: async () => readTables(namespace, signal, entry),
  };
}

/** What was read in a namespace. */
export interface Seen {
  readonly namespace: OverlayNamespace;
  readonly input: NamespaceInput;
  /** Ports of its bridge that belong to no container that Docker lists, and stay so for a while. */
  readonly strangers: number;
}

export const isUnread = (one: Seen | Unread): one is Unread => !("input" in one);

/** How long a port may be nobody's: Docker makes it some hundred milliseconds before it says that a container runs. */
const patience = { tries: 5, everyMs: 300 } as const;

/**
 * Tables and containers of one namespace, of one moment. Undefined where the namespace is gone meanwhile. Throws
 * `NotAvailable` where this program may not enter it, or lacks `ip`.
 */
export async function lookInto(namespace: OverlayNamespace, look: Look): Promise<Seen | Unread | undefined> {
  try {
    let input = await once(namespace, look);
    let strangers = strangersIn(input);
    for (let tries = 0; strangers.size > 0 && tries < patience.tries; tries++) {
      await sleep(patience.everyMs, undefined, { signal: look.signal });
      input = await once(namespace, look);
      strangers = new Set([...strangersIn(input)].filter((port) => strangers.has(port)));
    }
    return { namespace, input, strangers: strangers.size };
  } catch (error) {
    return unread(namespace, look, error);
  }
}

async function once(namespace: OverlayNamespace, look: Look): Promise<NamespaceInput> {
  const { host, namespaces, signal } = look;
  const { run, tables: read } = readersOf(namespace, look);
  const tables = await read();
  const inventory = host.docker.inventory();
  const { dump, namespaceOf } = host.overlays;
  const ways = { ...(dump === undefined ? {} : { dump }), ...(namespaceOf === undefined ? {} : { namespaceOf }) };
  const sources = { inventory, namespaces, proc: host.proc, run, ...ways };
  const live = inventory.state === "live" && namespace.kind === "overlay";
  const { links } = tables;
  const find = async (): Promise<readonly Endpoint[]> => readEndpoints(namespace, links, sources, signal);
  const seen = { key: namespace.key, containers: inventory.containers, links };
  const endpoints = live ? await (look.memory?.of(seen, find) ?? find()) : undefined;
  return { ...factsOf(namespace, look), tables, ...(endpoints === undefined ? {} : { endpoints }) };
}

function factsOf({ file, key, kind, network, ambiguous }: OverlayNamespace, { host }: Look) {
  const known = host.docker.inventory().networks.find(({ id }) => id === network?.id);
  return {
    file,
    key,
    kind,
    ...(network === undefined ? {} : { network }),
    ...(ambiguous === undefined ? {} : { ambiguous }),
    ...(network !== undefined && known === undefined ? { unlisted: true as const } : {}),
    ...(known?.encrypted === true ? { encrypted: true } : {}),
    ...(known?.ipv6 === true ? { ipv6: true } : {}),
  };
}

/** Ports of the bridge that are no listed container's, by index; none where there are no more of them than containers. */
function strangersIn({ endpoints, tables }: NamespaceInput): ReadonlySet<number> {
  const ports = portsOf(tables);
  if (endpoints === undefined || ports.length <= endpoints.length) return new Set();
  const owned = new Set(endpoints.map(({ veth }: Endpoint) => veth?.ifindex));
  return new Set(ports.map(({ ifindex }) => ifindex).filter((ifindex) => !owned.has(ifindex)));
}

const portsOf = ({ links }: Tables): readonly Link[] =>
  links.filter(({ kind, master }) => kind === "veth" && master !== undefined);

async function unread(
  namespace: OverlayNamespace,
  { host, signal }: Look,
  error: unknown,
): Promise<Unread | undefined> {
  signal.throwIfAborted();
  if (host.overlays.keyOf(namespace.path) !== namespace.key) return undefined;
  if (isDenied(error))
    throw new NotAvailable(`the namespaces of overlay networks may not be entered: ${error.message}. Run as root.`, {
      cause: error,
    });
  const known = error instanceof ProgramError || error instanceof UnreadableTable;
  if (!known) throw error;
  return { what: `the namespace ${printable(namespace.file)}`, why: error.message };
}

/** nsenter says which of both it was not allowed: to open the file, or to enter. */
function isDenied(error: unknown): error is ProgramError {
  return (
    error instanceof ProgramError && /^nsenter: .*(?:Permission denied|Operation not permitted)/.test(error.stderr)
  );
}
