import { randomBytes } from "node:crypto";
import { geteuid } from "node:process";
import { LabCgroup } from "./cgroup.ts";
import { startChatty, type ChattyOptions } from "./chatty.ts";
import { addressOf, loss, populate } from "./cluster.ts";
import { answers, startEngines } from "./engine.ts";
import { findEngine, provideEngine, type Engine, type Log } from "./engines.ts";
import { type FleetOptions, type LabFleet, startFleet } from "./fleet.ts";
import { LabFolder, labNames, type LabState } from "./folder.ts";
import { LabHost, type LabContext } from "./host.ts";
import { plug, startHost, startUnderlay } from "./namespaces.ts";
import { startJournald } from "./journal.ts";
import { breakingCommands, breakPair, curePair, mendPair, unpinPair, type Cure } from "./outage.ts";
import { provideNatsServer } from "./nats-server.ts";
import { startPing, type SteadyPing } from "./ping.ts";
import { isAlive, type ProcessId } from "./process.ts";
import {
  describeShape,
  hostName,
  LabUsageError,
  parseContainerName,
  parseEngine,
  parseHost,
  parseName,
  parseShape,
  sameShape,
  type Shape,
  type ShapeOptions,
} from "./shape.ts";
import { provideStore, startStore, stopStore, type StoreName } from "./store.ts";
import { storm, type StormOptions } from "./storm.ts";
import { startPings, startTraffic, stopTraffic, type ExpectedRate } from "./traffic.ts";

export interface LabRun {
  /** Aborted: everything that was started is taken down again. */
  readonly signal?: AbortSignal | undefined;
  readonly log?: Log | undefined;
}

export interface OutageOptions {
  readonly host?: string | number | undefined;
  readonly a?: string | undefined;
  readonly b?: string | undefined;
}

/** A running lab. */
export class Lab {
  readonly name: string;
  readonly shape: Shape;
  readonly dir: string;
  /** A folder that the machine and all hosts see at the same path. */
  readonly shared: string;
  readonly hosts: readonly LabHost[];
  readonly #context: LabContext;
  readonly #underlay: ProcessId;

  constructor(context: LabContext, underlay: ProcessId, holders: readonly ProcessId[]) {
    this.#context = context;
    this.#underlay = underlay;
    this.name = context.name;
    this.shape = context.shape;
    this.dir = context.folder.path;
    this.shared = context.folder.shared;
    this.hosts = holders.map((holder, index) => new LabHost(context, index + 1, holder));
  }

  /** The host with this 1-based number or name. Throws `LabUsageError`. */
  host(which: string | number): LabHost {
    const found = this.hosts[parseHost(which, this.hosts.length) - 1];
    if (!found) throw new LabUsageError(`lab ${this.name} has no host ${which}`);
    return found;
  }

  /** Two containers of one host lose each other; verified. A1 and B1 unless told. Gives the moment, in milliseconds. */
  async break(options: OutageOptions = {}): Promise<number> {
    return breakPair(this.#pair(options));
  }

  /** What `break` does for the second of the two. */
  async breakingCommands(options: OutageOptions = {}): Promise<readonly (readonly string[])[]> {
    return breakingCommands(this.#pair(options));
  }

  /** The cure alone, unverified; gives its moment. `unpin` takes a `pin` away without breaking the pair again. */
  async cure(cure: Cure, options: OutageOptions = {}): Promise<number> {
    return curePair(this.#pair(options), cure);
  }

  async unpin(options: OutageOptions = {}): Promise<void> {
    await unpinPair(this.#pair(options));
  }

  async mend(options: OutageOptions = {}): Promise<void> {
    await mendPair(this.#pair(options));
  }

  /** Starts a store at its `storeServer`, beside the engines' own. */
  async startStore(store: StoreName): Promise<void> {
    await provideStore(store, noLog);
    await startStore(this.#context, this.#underlay, store);
  }

  stopStore(store: StoreName): void {
    stopStore(this.#context, store);
  }

  /** Percent of lost pings between two containers of the cluster, such as `A1` and `B2`. */
  async loss(from: string, to: string, count = 10): Promise<number> {
    const owner = (container: string) => this.host(container.slice(1));
    return loss(owner(from), from, await addressOf(owner(to), to), count);
  }

  /** A broker between the hosts, and each of them with what it needs to take part by it. */
  async startFleet(options: FleetOptions = {}): Promise<LabFleet> {
    return startFleet(this.#context, this.#underlay, this.hosts, options);
  }

  async startTraffic(): Promise<ExpectedRate[]> {
    return startTraffic(this.#context, this.hosts);
  }

  /** As `startTraffic`, between these alone, each sender with its receiver. */
  async startPings(pairs: readonly (readonly [from: string, to: string])[]): Promise<void> {
    await startPings(this.#context, this.hosts, pairs);
  }

  /** Every container of the host forgets its neighbour before each ping; ends with `stopTraffic`. */
  async startChatty(options: ChattyOptions = {}): Promise<readonly string[]> {
    return startChatty(this.#context, this.host(options.host ?? 1), options);
  }

  /** Ends what `startTraffic` and `startChatty` have begun, and every ping and storm. */
  stopTraffic(): void {
    stopTraffic(this.#context);
  }

  /** Pings between two containers of the cluster until its `stop`. */
  async ping(from: string, to: string, perSecond: number): Promise<SteadyPing> {
    const owner = (container: string) => this.host(container.slice(1));
    return startPing(this.#context, owner(from), from, await addressOf(owner(to), to), perSecond);
  }

  /** FDB changes; returns when all are done. */
  async storm(options: StormOptions): Promise<number> {
    return storm(this.#context, this.host(options.host ?? 1), options);
  }

  async startJournald(host: LabHost): Promise<void> {
    await startJournald(this.#context, host);
  }

  async down(): Promise<void> {
    await down(this.name);
  }

  /** As `down`, but it needs no event loop and takes no lock: for the last moment of a process. */
  downNow(): void {
    clear(this.name, noLog);
  }

  #pair({ host, a, b }: OutageOptions) {
    const on = this.host(host ?? 1);
    return { host: on, a: parseContainerName(a ?? `A${on.number}`), b: parseContainerName(b ?? `B${on.number}`) };
  }
}

/** Brings engine and tools, at once where they are there. */
export async function setup(options: { readonly engine?: string | undefined }, log: Log = noLog): Promise<Engine> {
  const version = parseEngine(options.engine ?? "20.10");
  requireRoot("setup");
  await provideNatsServer(log);
  return provideEngine(version, log);
}

/**
 * Brings a lab up, or gives the one that is up already in this shape. On failure nothing of it runs, and its logs stay
 * in its folder until `down`. What an interrupted `up` of that name left is cleared away first.
 */
export async function up(options: ShapeOptions, { signal, log = noLog }: LabRun = {}): Promise<Lab> {
  const name = parseName(options.name ?? "lab");
  const shape = parseShape(options);
  requireRoot("up");
  const unlock = await new LabFolder(name).lock();
  try {
    const running = await openLab(name).catch(() => undefined);
    if (running) return accept(running, shape, log);
    const engine = findEngine(shape.engine) ?? (await provideEngine(shape.engine, log));
    clear(name, log);
    return await build(name, shape, engine, log, signal ?? new AbortController().signal);
  } finally {
    unlock();
  }
}

/** Ends everything of the lab with this name and removes every trace of it; does nothing where there is none. */
export async function down(name: string, log: Log = noLog): Promise<void> {
  const folder = new LabFolder(parseName(name));
  requireRoot("down");
  const unlock = await folder.lock();
  try {
    clear(name, log);
    await folder.dropDemoLock();
  } finally {
    unlock();
  }
}

/** A lab that is up, with all its hosts. Throws where there is none, or one of its engines does not answer. */
export async function openLab(name = "lab"): Promise<Lab> {
  const lab = findLab(name);
  for (const host of lab.hosts) {
    if (!(await answers(host.socket))) throw new Error(`lab ${name}: the engine of ${host.name} does not answer`);
  }
  return lab;
}

/** As `openLab`, but its engines are not asked. */
export function findLab(name = "lab"): Lab {
  const folder = new LabFolder(parseName(name));
  const state = folder.read();
  if (state?.phase !== "ready" || !state.underlay) throw notUp(name, folder, state);
  if (!state.hosts.every(isAlive)) throw new Error(`lab ${name} has lost a host: take it down and up again`);
  const engine = findEngine(state.shape.engine);
  if (!engine) throw new Error(`lab ${name}: its engine ${state.shape.engine} is gone: run lab setup`);
  return new Lab(
    { name, shape: state.shape, engine, cgroup: new LabCgroup(name), folder },
    state.underlay,
    state.hosts,
  );
}

function notUp(name: string, folder: LabFolder, state: LabState | undefined): Error {
  if (state?.phase === "starting") return new Error(`lab ${name} is not up yet: lab up is at work, or was cut short`);
  if (state) return new Error(`lab ${name} failed to come up: its logs are in ${folder.path}/logs`);
  const others = labNames().filter((other) => other !== name);
  const hint = others.length > 0 ? `; there is ${others.join(", ")}` : "";
  return new Error(`lab ${name} is not up: start it with lab up${hint}`);
}

const noLog: Log = () => undefined;

/** Nothing was done. */
export class NotRoot extends Error {
  override readonly name = "NotRoot";
}

function requireRoot(command: string): void {
  if (geteuid?.() !== 0) throw new NotRoot(`lab ${command} needs root: it makes namespaces and runs engines in them`);
}

function accept(lab: Lab, shape: Shape, log: Log): Lab {
  if (!sameShape(lab.shape, shape)) {
    const [is, wanted] = [describeShape(lab.shape), describeShape(shape)];
    throw new Error(`lab ${lab.name} is up in another shape (${is}; asked for ${wanted}): take it down first`);
  }
  log(`lab ${lab.name} is up already`);
  return lab;
}

function clear(name: string, log: Log): void {
  const cgroup = new LabCgroup(name);
  const folder = new LabFolder(name);
  const processes = cgroup.pids().length;
  if (processes > 0 || folder.exists()) log(`lab ${name}: ending ${processes} processes`);
  cgroup.kill();
  cgroup.remove();
  folder.remove();
}

async function build(name: string, shape: Shape, engine: Engine, log: Log, signal: AbortSignal): Promise<Lab> {
  signal.throwIfAborted();
  const context: LabContext = { name, shape, engine, cgroup: new LabCgroup(name), folder: new LabFolder(name) };
  context.folder.create();
  const state: LabState = { phase: "starting", shape, hosts: [] };
  context.folder.write(state);
  try {
    const { underlay, hosts } = await startNamespaces(context, signal);
    const lab = new Lab(context, underlay, hosts);
    log(`${describeShape(shape)}: starting engines`);
    if (shape.driver === "classic") await startStore(context, underlay, "etcd", signal);
    await startEngines(context, lab.hosts, signal);
    await populate(lab.hosts, shape, log, signal);
    context.folder.write({ phase: "ready", shape, underlay, hosts });
    log(`lab ${name} is up`);
    return lab;
  } catch (error) {
    context.cgroup.kill();
    context.cgroup.remove();
    context.folder.write({ ...state, phase: "failed" });
    if (!signal.aborted) throw error;
    context.folder.remove();
    throw new Error(`lab ${name}: up was interrupted, everything is taken down again`, { cause: error });
  }
}

async function startNamespaces({ cgroup, folder, shape }: LabContext, signal: AbortSignal) {
  const join = cgroup.join("holders");
  const underlay = await startUnderlay(join, folder.log("underlay"));
  const hosts = await Promise.all(
    Array.from({ length: shape.hosts }, async (_, index) => {
      const name = hostName(index + 1);
      const host = await startHost(join, name, randomBytes(16).toString("hex"), folder.log(`${name}-journald`));
      await plug(underlay, host, index + 1);
      return host;
    }),
  );
  signal.throwIfAborted();
  return { underlay, hosts };
}
