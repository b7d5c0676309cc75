import type { EngineInfo } from "./docker/info.ts";
import type { NetworkTask } from "./docker/tasks.ts";
import type { Inventory } from "./docker/inventory.ts";
import type { Iproute2 } from "./iproute2/program.ts";
import type { RunOptions } from "./iproute2/run.ts";
import type { Pinged } from "./fping.ts";
import type { StoredValue } from "./kv/store.ts";
import type { NamespaceFile } from "./netns/list.ts";
import type { TablesAsked } from "./rtnetlink/request.ts";
import type { TcpState } from "./sockets/states.ts";
import type { SharedTables } from "./tables.ts";

/** Everything that a collector may learn from the machine that it runs on. */
export interface Host {
  readonly proc: Procfs;
  readonly docker: DockerView;
  readonly sockets: SocketView;
  readonly overlays: OverlayView;
  readonly clock: Clock;
}

export interface Procfs {
  /**
   * A handle that stays with this very process: once it has died, reads fail, also when its number was given to
   * another one. Throws `NotAvailable` where there is no such process.
   */
  readonly open: (pid: number) => ProcessHandle;
  /** The namespace that counts as the host's own: `/proc/self`, or `DIR/proc/1` under `--host-root DIR`. */
  readonly host: () => ProcessHandle;
}

export interface ProcessHandle {
  readonly pid: number;
  /** The folder itself, good within this program while the handle is open. */
  readonly folder: string;
  /**
   * A file below `/proc/PID`, whole. Throws `NotAvailable` where it is missing or the process is gone; those in `net/` show
   * the namespace of the last `inode("net/dev")`, also when the process has died since.
   */
  readonly text: (path: string) => string;
  /** Inode number of a file below `/proc/PID`; that of `net/dev` is the same for all processes of one network namespace. */
  readonly inode: (path: string) => number;
  readonly close: () => void;
}

export interface DockerView {
  /** The last known good inventory, at once; `state` and `asOf` say how good. */
  readonly inventory: () => Inventory;
}

/** The way into Docker's overlay networks: overlay/ reads them through it. */
export interface OverlayView {
  /** In Docker's folder, by name. Throws `NotAvailable` where there is no such folder. */
  readonly namespaces: (wanted: (name: string) => boolean) => readonly NamespaceFile[];
  /** The `key` of the namespace that is mounted there now; undefined for none. */
  readonly keyOf: (path: string) => string | undefined;
  readonly inodeOf: (path: string) => number | undefined;
  /**
   * Tables without a process, in the form that iproute2 prints. Missing where no thread may enter namespaces, undefined
   * where it could not (this time): `run` is left. Rejects with the signal's reason.
   */
  readonly dump?: (asked: TablesAsked, signal: AbortSignal) => Promise<DumpedTables | undefined>;
  /** `ip` or `bridge` inside a namespace, to its end; see `runIn` of host/iproute2. */
  readonly run: (netns: string, argv: Iproute2, options: RunOptions) => Promise<string>;
  /** The file of a process's namespace; `/proc/PID/ns/net` of this machine unless told. */
  readonly namespaceOf?: (pid: number) => string;
  /** The file of the namespace that counts as the host's own. */
  readonly hostNetns: string;
  /** Asked anew each time. Rejects with a `DockerError`, or the signal's reason. */
  readonly engine: (signal: AbortSignal) => Promise<EngineInfo>;
  readonly sharedTables: () => SharedTables;
  /**
   * The share of pings that were lost, 0 to 1, from the network namespace of a process to an address; an Error where it could
   * not be tried. Rejects with the signal's reason. Missing where nothing may be sent.
   */
  readonly reach?: (
    targets: readonly { readonly pid: number; readonly ip: string }[],
    signal: AbortSignal,
  ) => Promise<readonly (number | Error)[]>;
  /**
   * By one `fping` for all, from inside a network namespace: a process's, or the one at a path. What it said nothing of is not
   * in the answer. `traceless`: what the kernel there knows of its neighbours is as it was. Throws `NotAvailable` where there is
   * no `fping`, `ProgramError`, or the signal's reason.
   */
  readonly fping?: (
    from: { readonly pid: number } | { readonly path: string },
    addresses: readonly string[],
    signal: AbortSignal,
    how?: "traceless",
  ) => Promise<ReadonlyMap<string, Pinged>>;
  /**
   * `/proc/net/ip_vs` of the namespace at a path: it shows the reader's own. Throws `ProgramError` where this kernel has none,
   * `NotAvailable` where the namespace is gone, or the signal's reason.
   */
  readonly ipvs?: (path: string, signal: AbortSignal) => Promise<string>;
  /** A swarm's network as this node knows it. Asked anew each time; rejects with a `DockerError`, or the signal's reason. */
  readonly tasks: (networkId: string, signal: AbortSignal) => Promise<readonly NetworkTask[]>;
  /** Values below a folder of the store that the engine names. Rejects with a `StoreError`, or the signal's reason. */
  readonly stored: (clusterStore: string, folder: string, signal: AbortSignal) => Promise<readonly StoredValue[]>;
}

/** Rows by the kind that was asked for; those of a kind that was not are empty. */
export interface DumpedTables {
  readonly links: Iterable<unknown>;
  readonly fdb: Iterable<unknown>;
  readonly neighbours: Iterable<unknown>;
  /** Links with their addresses. */
  readonly devices: Iterable<unknown>;
}

/** A process that stands for its network namespace. */
export interface NamespaceProcess {
  /** The same for one life of a namespace, and for no other. */
  readonly key: string;
  readonly process: ProcessHandle;
}

export interface SocketView {
  /**
   * The TCP sockets of network namespaces, all in one question. For each key what was counted, `NotAvailable` where the
   * process is gone, or the error. What is held open for a namespace is let go of when a question leaves it out.
   * Rejects when nothing could be read within the deadline, or when the signal is aborted.
   */
  readonly tcpStates: (
    wanted: readonly NamespaceProcess[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, TcpReading | Error>>;
}

export interface TcpReading {
  /** IPv4 and IPv6 together, every state, those at 0 too. */
  readonly states: Readonly<Record<TcpState, number>>;
  /** From the kernel's socket tables by netlink, or from `/proc/PID/net/tcp{,6}`. */
  readonly how: "sock_diag" | "text";
  /** The table changed under every try to read it: near the truth, not true. */
  readonly interrupted: boolean;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that is never set: for durations. */
  readonly monotonic: () => number;
}

/** The source is not there on this machine, or not any more: a normal state, never an error in the log. */
export class NotAvailable extends Error {
  override readonly name = "NotAvailable";
}
