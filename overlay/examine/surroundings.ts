import { setTimeout as sleep } from "node:timers/promises";
import type { Container, Inventory } from "../../host/docker/inventory.ts";
import { DockerError } from "../../host/docker/error.ts";
import { type Host, NotAvailable, type Procfs } from "../../host/host.ts";
import { ProgramError } from "../../host/iproute2/error.ts";
import type { EngineLog } from "../../host/journald/engine-log.ts";
import type { Finding, Unjudged } from "../diagnose/finding.ts";
import type { NamespaceInput } from "../diagnose/input.ts";
import { type Balancer, staleBackendFindings, staleInBoth, withStaleServers } from "../diagnose/ipvs.ts";
import { mtuFindings, sourceFindings, type Underlay, vtepsOfNetwork, wrongSources } from "../diagnose/underlay.ts";
import { discover, isOverlayName } from "../discover.ts";
import { fibTrieOf, vtepsOf } from "../engine-facts.ts";
import { logFindings } from "../engine-log.ts";
import { parseIpvs } from "../ipvs.ts";
import { type RouteTo, routesTo } from "../routes.ts";
import { sourceIn } from "./answering.ts";
import type { Examination } from "./examination.ts";
import { lane } from "./lane.ts";

type Machine = Pick<Host, "proc" | "overlays" | "docker">;

interface Surroundings {
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
}

interface AroundOptions {
  /** dockerd's log of so many minutes, or why it is not there. */
  readonly log: EngineLog | NotAvailable;
  readonly minutes: number;
}

/**
 * What is not in the tables of an overlay and can break it all the same: the way to other hosts, the kernel's load balancer,
 * and what the engine says itself. Nothing of it is healed. Rejects with the signal's reason.
 */
export async function lookAround(
  machine: Machine,
  examination: Examination,
  { log, minutes }: AroundOptions,
  signal: AbortSignal,
): Promise<Surroundings> {
  const [underlay, backends] = await Promise.all([
    underlayOf(machine, examination, signal),
    staleBackends(machine, examination, signal),
  ]);
  const said = log instanceof Error ? [] : logFindings(log.lines, minutes);
  return { findings: [...underlay.findings, ...backends, ...said], unjudged: [...underlay.unjudged, ...unread(log)] };
}

function unread(log: EngineLog | NotAvailable): readonly Unjudged[] {
  const what = "dockerd's own log";
  if (log instanceof Error) return [{ what, why: `it was not read: ${log.message}`, blind: false }];
  return log.cut ? [{ what, why: `only its newest ${log.lines.length} lines were read`, blind: false }] : [];
}

async function underlayOf(machine: Machine, { input, engine }: Examination, signal: AbortSignal) {
  const { namespaces, ownVteps } = input;
  const own = new Set(ownVteps);
  const vteps = new Set(namespaces.flatMap((one) => vtepsOfNetwork(one, own)));
  const { hostNetns, run } = machine.overlays;
  const routes = await routesTo([...vteps], { hostNetns, run, signal });
  const ownAddresses = vtepsOf(undefined, fibTrieOf(machine.proc));
  const underlay: Underlay = { namespaces, ownVteps, ownAddresses, engine, routes };
  const silent = await silentHosts(machine, underlay, signal);
  const findings = [...sourceFindings({ ...underlay, silent }), ...mtuFindings(underlay)];
  return { findings, unjudged: routes.flatMap(withoutWay) };
}

function withoutWay({ to, device, problem }: RouteTo): readonly Unjudged[] {
  if (device !== undefined) return [];
  return [{ what: `the way to ${to}`, why: problem ?? "the kernel could not be asked for it", blind: false }];
}

/** Hosts that are pinged, and containers of each. */
const [mostHosts, mostOfOne] = [20, 3];

/** A wrong source is tried: hosts that it leads to, of which no container answers one of this host's. */
async function silentHosts({ overlays, docker }: Machine, underlay: Underlay, signal: AbortSignal) {
  const { containers } = docker.inventory();
  const hosts = wrongSources(underlay).slice(0, mostHosts);
  const targets = hosts.flatMap(({ to }) =>
    underlay.namespaces.flatMap((input) => targetsOn(to, input, containers)).slice(0, mostOfOne),
  );
  if (overlays.reach === undefined || targets.length === 0) return new Set<string>();
  const losses = await overlays.reach(targets, signal);
  const answering = new Set(targets.filter((_, at) => losses[at] !== 1).map(({ host }) => host));
  return new Set(targets.map(({ host }) => host).filter((host) => !answering.has(host)));
}

function targetsOn(host: string, input: NamespaceInput, containers: readonly Container[]) {
  const source = sourceIn(input, containers);
  if (source === undefined) return [];
  const places = [...(input.truth?.elsewhere.values() ?? [])].filter(({ vtep }) => vtep === host);
  return places.map(({ ip }) => ({ pid: source.pid, ip, host }));
}

const settleMs = 1000;

/** A kernel without IPVS has no such file, and no service of Docker's either. */
async function staleBackends(machine: Machine, examination: Examination, signal: AbortSignal) {
  if (ownIpvs(machine.proc) === undefined) return [];
  const first = await staleNow(machine, examination, signal);
  if (first.length === 0) return [];
  await sleep(settleMs, undefined, { signal });
  return staleBackendFindings(staleInBoth(first, await staleNow(machine, examination, signal)));
}

async function staleNow(machine: Machine, { namespaces }: Examination, signal: AbortSignal) {
  const swarms = namespaces.filter(({ driver }) => driver === "swarm");
  const ids = new Set(swarms.flatMap(({ input }) => input.network?.id ?? []));
  const inventory = machine.docker.inventory();
  // The tasks last: one that started in between is known.
  const balancers = [...(await sandboxes(machine, inventory, ids, signal)), ...ofContainers(machine, inventory, ids)];
  if (balancers.every(({ servers }) => servers.length === 0)) return [];
  const tasks = new Map<string, ReadonlySet<string>>();
  for (const id of ids) {
    const found = await orNothing(async () => machine.overlays.tasks(id, signal), signal);
    if (found !== undefined) tasks.set(id, new Set(found.map(({ ip }) => ip)));
  }
  return withStaleServers(balancers, tasks);
}

async function sandboxes(
  { overlays }: Machine,
  { networks }: Inventory,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
) {
  const { ipvs } = overlays;
  if (ipvs === undefined) return [];
  const files = (await orNothing(async () => overlays.namespaces(isOverlayName), signal)) ?? [];
  const few = lane(4);
  const found = discover(files, networks).map(async ({ kind, path, file, network }): Promise<readonly Balancer[]> => {
    if ((kind !== "load-balancer" && kind !== "ingress") || network === undefined || !ids.has(network.id)) return [];
    const text = await few(async () => orNothing(async () => ipvs(path, signal), signal));
    return text === undefined ? [] : [{ where: file, networks: [network.id], servers: parseIpvs(text) }];
  });
  return (await Promise.all(found)).flat();
}

/** Engines before 18.09 balance in the sandbox of each container. */
function ofContainers({ proc }: Machine, { containers, networks }: Inventory, ids: ReadonlySet<string>) {
  const overlays = new Set(networks.filter(({ driver }) => driver === "overlay").map(({ id }) => id));
  return containers.flatMap(({ name, pid, attachments }): readonly Balancer[] => {
    const own = attachments.map(({ networkId }) => networkId).filter((id) => overlays.has(id));
    if (!own.some((id) => ids.has(id))) return [];
    const text = ipvsOf(() => proc.open(pid));
    return text === undefined ? [] : [{ where: name, networks: own, servers: parseIpvs(text) }];
  });
}

const ownIpvs = (proc: Procfs): string | undefined => ipvsOf(() => proc.host());

function ipvsOf(open: () => ReturnType<Procfs["host"]>): string | undefined {
  try {
    const process = open();
    try {
      return process.text("net/ip_vs");
    } finally {
      process.close();
    }
  } catch (error) {
    if (error instanceof NotAvailable) return undefined;
    throw error;
  }
}

async function orNothing<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NotAvailable || error instanceof ProgramError || error instanceof DockerError)
      return undefined;
    throw error;
  }
}
