import { type Tags, withTag } from "../emit/sample.ts";
import type { Container } from "../host/docker/inventory.ts";
import { type Clock, type Host, NotAvailable, type ProcessHandle } from "../host/host.ts";
import type { CounterIdentity } from "./collector.ts";

/** One network namespace: the unit of account. Whatever shares it is read once and counted once. */
export interface Namespace {
  /** Stable for one life of the namespace: its inode number and the container that it was made for. */
  readonly id: string;
  /** The container that stands for it in tags: its owner, or the first that the filter lets through. */
  readonly container: Container;
  /** Running containers in it, `container` included. */
  readonly members: readonly Container[];
  /** When it began, in milliseconds since the epoch, where the container that it was made for is known. */
  readonly bornAt?: number;
  readonly process: ProcessHandle;
}

export interface Sweep {
  readonly namespaces: readonly Namespace[];
  /** Containers left out, by reason: `host_network`, `filtered`, `gone` (died just now), `unproven` (see `proveProcess`). */
  readonly skipped: Readonly<Record<string, number>>;
  /** Containers that could not be read for any other reason: the others are there all the same. */
  readonly errors: readonly Error[];
}

export interface Namespaces {
  /** Looks at the running containers as Docker last told them. */
  readonly sweep: (containers: readonly Container[]) => Sweep;
  /** Whether the container with this id was in a sweep since it was started. */
  readonly hasSeen: (containerId: string) => boolean;
  readonly close: () => void;
}

/** The identity of a counter of the whole namespace, or of one member of it, such as an interface with its index. */
export function identityOf(
  { id, bornAt }: Namespace,
  member: string,
  { partial = false, uncertain = false }: Pick<CounterIdentity, "partial" | "uncertain"> = {},
): CounterIdentity {
  const known = { group: id, member, partial, uncertain };
  return bornAt === undefined ? known : { ...known, bornAt };
}

/** The tags of the container that stands for the namespace; `netns_shared:true` where others are in it too. */
export function namespaceTags({ container, members }: Namespace, tagsOf: (container: Container) => Tags): Tags {
  return members.length > 1 ? withTag(tagsOf(container), "netns_shared", "true") : tagsOf(container);
}

interface Tracked {
  readonly container: Container;
  readonly process: ProcessHandle;
}

/** `wanted` decides which containers are reported. Keeps one open handle a container, so that no process number is read twice for two processes. */
export function trackNamespaces(host: Host, wanted: (container: Container) => boolean): Namespaces {
  const tracked = new Map<string, Tracked>();

  const handleOf = (container: Container): ProcessHandle => {
    const known = tracked.get(lifeOf(container));
    if (known !== undefined) return known.process;
    const process = host.proc.open(container.pid);
    try {
      proveProcess(process, container);
    } catch (error) {
      process.close();
      throw error;
    }
    tracked.set(lifeOf(container), { container, process });
    return process;
  };

  const closeAllBut = (lives: ReadonlySet<string>) => {
    for (const [life, { process }] of tracked) {
      if (lives.has(life)) continue;
      process.close();
      tracked.delete(life);
    }
  };

  return {
    sweep: (containers) => {
      closeAllBut(new Set(containers.map(lifeOf)));
      return group(host, containers, handleOf, wanted);
    },
    hasSeen: (containerId) => [...tracked.values()].some(({ container }) => container.id === containerId),
    close: () => closeAllBut(new Set()),
  };
}

/** Collectors of one host run at the same second: what one of them has just swept does for the others. */
const sharedFor = 100;

/** The same, but within 100 ms of the clock a sweep of the same containers is not made again. */
export function sharedSweeps(namespaces: Namespaces, clock: Clock): Namespaces {
  let last: { readonly of: readonly Container[]; readonly at: number; readonly sweep: Sweep } | undefined;
  return {
    ...namespaces,
    sweep: (containers) => {
      const now = clock.monotonic();
      if (last === undefined || last.of !== containers || now - last.at > sharedFor)
        last = { of: containers, at: now, sweep: namespaces.sweep(containers) };
      return last.sweep;
    },
  };
}

const lifeOf = ({ id, startedAt, pid }: Container): string => `${id}@${startedAt}#${pid}`;

class Unproven extends Error {}

/**
 * A container's process carries the container's id in its cgroup path; where cgroups do not tell (rootless engines,
 * `cgroupns` seen from inside), nothing is read: numbers of a stranger would be worse than none.
 */
function proveProcess(process: ProcessHandle, { id }: Container): void {
  if (!process.text("cgroup").includes(id)) throw new Unproven(`process ${process.pid} is not container ${id}`);
}

function group(
  host: Host,
  containers: readonly Container[],
  handleOf: (container: Container) => ProcessHandle,
  wanted: (container: Container) => boolean,
): Sweep {
  const skipped: Record<string, number> = {};
  const errors: Error[] = [];
  const skip = (reason: string, by = 1) => void (skipped[reason] = (skipped[reason] ?? 0) + by);
  const byInode = new Map<number, Tracked[]>();
  const hostInode = hostNamespace(host);
  for (const container of containers) {
    try {
      const process = handleOf(container);
      const inode = process.inode("net/dev");
      if (inode === hostInode || container.networkMode === "host") skip("host_network");
      else byInode.set(inode, [...(byInode.get(inode) ?? []), { container, process }]);
    } catch (error) {
      if (error instanceof NotAvailable) skip("gone");
      else if (error instanceof Unproven) skip("unproven");
      else errors.push(new Error(`cannot read container ${container.name}`, { cause: error }));
    }
  }
  const namespaces: Namespace[] = [];
  for (const [inode, members] of byInode) {
    const namespace = describe(inode, members, wanted);
    if (namespace === undefined) skip("filtered", members.length);
    else namespaces.push(namespace);
  }
  return { namespaces, skipped, errors };
}

function hostNamespace(host: Host): number {
  const self = host.proc.host();
  try {
    return self.inode("net/dev");
  } finally {
    self.close();
  }
}

function describe(
  inode: number,
  members: readonly Tracked[],
  wanted: (c: Container) => boolean,
): Namespace | undefined {
  const inOrder = members.toSorted(
    (a, b) => Number(joins(a.container)) - Number(joins(b.container)) || a.container.startedAt - b.container.startedAt,
  );
  const [owner] = inOrder;
  const shown = inOrder.find(({ container }) => wanted(container));
  if (owner === undefined || shown === undefined) return undefined;
  return {
    id: `${inode}:${lifeOf(owner.container)}`,
    container: shown.container,
    members: inOrder.map(({ container }) => container),
    process: owner.process,
    ...(joins(owner.container) ? {} : { bornAt: owner.container.startedAt }),
  };
}

/** Docker writes `container:<id>` for one that runs in another's namespace. */
const joins = ({ networkMode }: Container): boolean => networkMode.startsWith("container:");
