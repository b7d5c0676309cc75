import { setImmediate as breath } from "node:timers/promises";
import type { EngineInfo } from "../../host/docker/info.ts";
import type { Inventory, Network } from "../../host/docker/inventory.ts";
import { type Host, NotAvailable } from "../../host/host.ts";
import { printable, ProgramError } from "../../host/iproute2/error.ts";
import { codeOf } from "../../host/thrown.ts";
import { diagnose } from "../diagnose/diagnose.ts";
import type { Diagnosis, Finding, NamespaceDiagnosis, Unjudged } from "../diagnose/finding.ts";
import type { DiagnoseInput, NamespaceInput } from "../diagnose/input.ts";
import { discover, isOverlayName, type OverlayNamespace } from "../discover.ts";
import { driverOf, driverOfHost, fibTrieOf, vtepsOf } from "../engine-facts.ts";
import { UnreadableTable } from "../rows.ts";
import { unlistedNetworks } from "../unlisted.ts";
import { readLinksOf } from "../tables.ts";
import { isAnyMisplaced, watchRows } from "./activity.ts";
import { type Examination, type Examined, verdictOf } from "./examination.ts";
import { lane } from "./lane.ts";
import { leftOver } from "./left-over.ts";
import { sharedTablesOf } from "./shared-tables.ts";
import type { EndpointMemory } from "./remembered.ts";
import { isUnread, type Look, lookInto, readersOf, type Seen, type Unread } from "./look.ts";
import { withoutAnswering } from "./answering.ts";
import { type TruthOptions, withTruth } from "./truths.ts";

export interface ExamineOptions {
  /** Some containers could not be inspected: the list is half of one. */
  readonly unreadContainers?: number;
  /** Only namespaces of these networks, by id, and what belongs to none. */
  readonly networks?: ReadonlySet<string>;
  /**
   * For who looks again in some seconds: rows that could do harm are not watched for a second where the first look has
   * every local MAC in its place. In an outage it has, by measurement, in 3 looks of 1000 (a share of 0.997).
   */
  readonly glance?: boolean;
  /** The same: whose port is whose is not read again where nothing has changed. */
  readonly memory?: EndpointMemory;
  /** Where containers of other hosts are is asked for; unless told, it is not. */
  readonly truth?: TruthOptions;
  /** Also overlays that only the containers attached to them tell of: a rule speaks against healing in them. */
  readonly unlisted?: true;
}

/**
 * Looks at every overlay of this host, and ten times within a second where a row is suspicious. Where tables can not be
 * dumped by the thread, that takes two processes a namespace and one more a reading; two at once at most. Needs root. Throws `NotAvailable` where namespaces may not be entered; what goes wrong with one
 * namespace is told as not judged. Rejects with the signal's reason.
 */
export async function examine(
  host: Pick<Host, "proc" | "overlays" | "docker">,
  engine: EngineInfo | undefined,
  options: ExamineOptions,
  signal: AbortSignal,
): Promise<Examination> {
  const inventory = host.docker.inventory();
  const known = [...inventory.networks, ...(options.unlisted === true ? unlistedNetworks(inventory) : [])];
  const namespaces = await discovered(host, known, signal);
  const wanted = namespaces.filter(({ network }) => isWanted(network?.id, options));
  const { memory } = options;
  const look: Look = { host, namespaces, twoAtOnce: lane(2), signal, ...(memory === undefined ? {} : { memory }) };
  const looked = await Promise.all(wanted.filter(isToRead).map(async (one) => lookInto(one, look)));
  const found = looked.filter((one) => one !== undefined);
  const [left, shared] = await Promise.all([leftOver(host, signal), sharedTablesOf(host.overlays, signal)]);
  const facts = { ...factsOf(host, engine, inventory), ...left, ...shared };
  const { truth } = options;
  const around = truth === undefined ? undefined : { facts, engine, look, options: truth };
  const first = await knowing(found.filter(isSeen), around);
  // With some thousand containers in a network, each step takes some milliseconds.
  await breath();
  const glance = diagnose({ ...facts, namespaces: first.map(({ input }) => input) });
  const seen = await withoutAnswering(await watched(first, glance, look, options), facts, look);
  await breath();
  // Nothing was watched or asked: it stays at what the first look showed.
  const judged = seen.every((one, at) => one === first[at]) ? { diagnosis: glance } : {};
  return concluded({ facts, seen, ...judged, unread: found.filter(isUnread), inventory, options, engine });
}

const isSeen = (one: Seen | Unread): one is Seen => !isUnread(one);

async function knowing(
  seen: readonly Seen[],
  around: Omit<Parameters<typeof withTruth>[1], "driver"> | undefined,
): Promise<readonly Seen[]> {
  if (around === undefined) return seen;
  const { networks } = around.look.host.docker.inventory();
  return Promise.all(
    seen.map(async (one) =>
      withTruth(one, { ...around, driver: networkDriver(one.input, networks) ?? around.facts.engine.driver }),
    ),
  );
}

/** Load balancers and gates are read with the network that they belong to. */
const isToRead = ({ kind }: OverlayNamespace): boolean => kind === "overlay" || kind === "orphan";

function isWanted(id: string | undefined, { networks }: ExamineOptions): boolean {
  return networks === undefined || (id !== undefined && networks.has(id));
}

async function discovered(
  { overlays }: Pick<Host, "overlays">,
  networks: readonly Network[],
  signal: AbortSignal,
): Promise<readonly OverlayNamespace[]> {
  const files = listed(overlays);
  const found = discover(files, networks);
  const doubtful = found.filter(({ ambiguous }) => ambiguous !== undefined);
  if (doubtful.length === 0) return found;
  const vnis = new Map<string, readonly number[]>();
  for (const one of doubtful) {
    const links = await readLinksOf(one, signal, overlays).catch(() => []);
    vnis.set(
      one.key,
      links.flatMap(({ vxlan }) => (vxlan === undefined ? [] : [vxlan.vni])),
    );
  }
  signal.throwIfAborted();
  return discover(files, networks, vnis);
}

/** An engine that made no namespace yet has no folder. */
function listed(overlays: Host["overlays"]) {
  try {
    return overlays.namespaces(isOverlayName);
  } catch (error) {
    if (error instanceof NotAvailable) return [];
    if (isForbidden(error)) throw new NotAvailable(`${error.message}. Run as root.`, { cause: error });
    throw error;
  }
}

/** Docker keeps its folder from all but root. */
function isForbidden(error: unknown): error is Error {
  return error instanceof Error && ["EACCES", "EPERM"].includes(codeOf(error.cause));
}

type Facts = Omit<DiagnoseInput, "namespaces">;

function factsOf(host: Pick<Host, "proc">, engine: EngineInfo | undefined, inventory: Inventory): Facts {
  const version = engine?.version === "" ? undefined : engine?.version;
  return {
    engine: { version, driver: driverOfHost(engine, inventory.networks) },
    ownVteps: vtepsOf(engine, fibTrieOf(host.proc)),
  };
}

/** A second's watching, for namespaces where the first look shows any row that could do harm. */
async function watched(
  seen: readonly Seen[],
  { namespaces }: Diagnosis,
  look: Look,
  { glance = false }: ExamineOptions,
): Promise<readonly Seen[]> {
  return Promise.all(
    seen.map(async (one, index) => {
      const found = namespaces[index];
      if (found === undefined || !isSuspicious(found) || one.input.endpoints === undefined) return one;
      // Behind a stranger's port its MAC is local, and no row of it is missing.
      const missing = one.strangers === 0 && found.findings.some((finding) => finding.class === "missing-fdb");
      if (glance && !missing && !isAnyMisplaced(one.input)) return one;
      return { ...one, input: await watchedLong(one, missing, look) };
    }),
  );
}

const isSuspicious = ({ findings, unjudged }: NamespaceDiagnosis): boolean =>
  findings.some(isOpen) || unjudged.some(({ blind }) => blind);

/** As it was seen first where it can not be watched: then it can not be judged either, and `diagnose` says so. */
async function watchedLong({ namespace, input }: Seen, missing: boolean, look: Look): Promise<NamespaceInput> {
  try {
    return { ...input, ...(await watchRows(input, missing, readersOf(namespace, look), look.signal)) };
  } catch (error) {
    look.signal.throwIfAborted();
    if (error instanceof NotAvailable || error instanceof ProgramError || error instanceof UnreadableTable)
      return input;
    throw error;
  }
}

/** A pinned MAC is in its place, whatever rows there are. */
const isOpen = ({ state, class: of }: Finding): boolean => state !== "mitigated" && of !== "orphan-vxlan-link";

interface Conclusion {
  readonly facts: Facts;
  readonly seen: readonly Seen[];
  /** Of just these, where it is known already. */
  readonly diagnosis?: Diagnosis;
  readonly unread: readonly Unread[];
  readonly inventory: Inventory;
  readonly options: ExamineOptions;
  readonly engine: EngineInfo | undefined;
}

function concluded(of: Conclusion): Examination {
  const { facts, seen, inventory, engine } = of;
  const input: DiagnoseInput = { ...facts, namespaces: seen.map((one) => one.input) };
  const { diagnosis = diagnose(input) } = of;
  const namespaces = seen.map((one, index): Examined => {
    const { findings = [], unjudged = [] } = diagnosis.namespaces[index] ?? {};
    const driver = networkDriver(one.input, inventory.networks) ?? facts.engine.driver;
    return { ...one, driver, findings, unjudged: [...unjudged, ...strangersOf(one)] };
  });
  const { findings } = diagnosis;
  const unjudged = [...diagnosis.unjudged, ...halfAList(of), ...unreadOf(of)];
  const verdict = verdictOf([{ findings, unjudged }, ...namespaces]);
  return { engine, driver: facts.engine.driver, input, diagnosis, namespaces, findings, unjudged, verdict };
}

function strangersOf({ namespace, input, strangers }: Seen): readonly Unjudged[] {
  if (strangers === 0) return [];
  const what = `${strangers} ports of ${printable(input.network?.name ?? namespace.file)}`;
  return [{ what, why: "they belong to no container that Docker lists; rows are not stale for that", blind: true }];
}

function networkDriver({ network }: NamespaceInput, networks: readonly Network[]) {
  const known = networks.find(({ id }) => id === network?.id);
  return known === undefined ? undefined : driverOf(known);
}

function halfAList({ inventory, options: { unreadContainers = 0 } }: Conclusion): readonly Unjudged[] {
  const { state, error = "it does not answer" } = inventory;
  if (state !== "live") return [{ what: "local containers", why: `Docker can not be asked: ${error}`, blind: true }];
  if (unreadContainers === 0) return [];
  const why = "Docker lists them and does not tell about them; rows are not stale for that";
  return [{ what: `${unreadContainers} containers`, why, blind: true }];
}

function unreadOf({ unread, engine }: Conclusion): readonly Unjudged[] {
  const unseen = unread.map((one) => ({ ...one, blind: true }));
  const silent = { what: "what may be healed unattended", why: "the engine does not tell its version", blind: false };
  return engine === undefined ? [...unseen, silent] : unseen;
}
