import { join } from "node:path";
import { printable } from "../../host/iproute2/error.ts";
import { procfs } from "../../host/procfs.ts";
import { startEcho } from "../../host/sockets/echo.ts";
import { finish, undoFolder } from "../../host/undo-folder.ts";
import type { StoredEndpoint } from "../../overlay/stale/endpoint.ts";
import type { Io } from "../command.ts";
import type { Config } from "../config/schema.ts";
import { openClient } from "../docker.ts";
import { streamLog } from "../log.ts";
import { journalDoor, openNotes, type Notes } from "../notes.ts";
import { confirm, requireTerminal } from "./confirm.ts";
import { type EndpointJson, type EndpointsJson, noEndpoints, nodeLines } from "./endpoints-told.ts";
import { free, type Freed, objectionTo } from "./free.ts";
import { agreeing, type ClusterLook, lookOnce, type Looking, lookTwice, type NodeLook } from "./node-look.ts";
import { type ByHandOutcome, type Reason } from "./outcome.ts";

export interface StaleRequest {
  readonly apply: boolean;
  readonly yes: boolean;
  /** Its address. */
  readonly node: string | undefined;
}

/** Looks, and with `apply` acts on what is dead beyond doubt. Throws what ends a run before anything is done. */
export async function staleEndpoints(config: Config, request: StaleRequest, io: Io): Promise<EndpointsJson> {
  if (request.apply && !request.yes) requireTerminal(io, "with --yes nobody is asked");
  const host = procfs(config.paths.host_root).host();
  const echo = startEcho();
  try {
    const root = config.paths.host_root.replace(/\/$/, "");
    const from = { echo, hostNetns: `${host.folder}/ns/net`, netnsOf: (pid: number) => `${root}/proc/${pid}/ns/net` };
    const looking = { client: openClient(config), from, node: request.node, signal: io.signal };
    const look = await lookTwice(looking);
    const [told, ready] = await judged(look, looking);
    if (told.outcome !== "planned" || !request.apply || request.node === undefined) return told;
    if (!request.yes) await askedFor(request.node, told, look, looking, io);
    return await freed(look, ready, { ...looking, config, io }, told);
  } finally {
    host.close();
    await echo.close();
  }
}

/** A person may take long to answer: then it is looked again. */
async function askedFor(node: string, told: EndpointsJson, look: ClusterLook, looking: Looking, io: Io): Promise<void> {
  const warning = [
    ...told.nodes.flatMap(nodeLines),
    `These endpoints go out of the cluster. Where ${node} lives after all, its containers' addresses will be given twice.`,
  ];
  await confirm(node, warning.map(printable).join("\n"), io);
  agreeing(look, await lookOnce(looking));
}

/** Endpoints that nothing speaks against, and what is told so far. */
async function judged(
  { cluster, stored, nodes }: ClusterLook,
  { client, node, signal }: Looking,
): Promise<readonly [EndpointsJson, readonly StoredEndpoint[]]> {
  const ambiguous: Reason[] = [];
  const ready: StoredEndpoint[] = [];
  for (const endpoint of nodes.filter(({ verdict }) => verdict === "dead").flatMap((one) => one.endpoints)) {
    const objection = await objectionTo(endpoint, cluster.store, client, signal);
    if (objection === undefined) ready.push(endpoint);
    else ambiguous.push({ rule: "endpoint", sentence: `${endpoint.name} ${endpoint.ip}: ${objection}` });
  }
  for (const { id, name } of cluster.networks) {
    const doubts = stored.doubts.get(id) ?? 0;
    const sentence = `${doubts} values of ${name} in the store are no endpoint as an engine writes one: they are left alone`;
    if (doubts > 0) ambiguous.push({ rule: "unreadable", sentence });
  }
  const refused = node === undefined ? [] : nodes.flatMap(refusalOf);
  const told = nodes.map((one) => nodeJson(one, cluster.networks, (endpoint) => planned(endpoint, ready)));
  return [
    { ...noEndpoints, outcome: outcomeOf(ready, refused, ambiguous, nodes), nodes: told, refused, ambiguous },
    ready,
  ];
}

const planned = (endpoint: StoredEndpoint, ready: readonly StoredEndpoint[]): Told =>
  ready.includes(endpoint) ? { result: "planned", sentence: "" } : { result: "left", sentence: "" };

function refusalOf({ verdict, statements, endpoints }: NodeLook): readonly Reason[] {
  if (verdict === "dead" || endpoints.length === 0) return [];
  const against = statements.filter(({ says }) => says === verdict);
  return against.map(({ witness, sentence }) => ({ rule: `${verdict} (${witness})`, sentence }));
}

function outcomeOf(
  ready: readonly StoredEndpoint[],
  refused: readonly Reason[],
  ambiguous: readonly Reason[],
  nodes: readonly NodeLook[],
): ByHandOutcome {
  if (refused.length > 0) return "refused";
  if (ready.length > 0) return "planned";
  return ambiguous.length > 0 || nodes.some(({ verdict, endpoints }) => verdict === "unsure" && endpoints.length > 0)
    ? "ambiguous"
    : "nothing";
}

type Told = Pick<EndpointJson, "result" | "sentence">;

function nodeJson(
  { node, verdict, statements, endpoints }: NodeLook,
  networks: readonly { readonly id: string; readonly name: string }[],
  of: (endpoint: StoredEndpoint) => Told,
): EndpointsJson["nodes"][number] {
  const all = endpoints.map((endpoint) => {
    const { networkId, pool: _, ...rest } = endpoint;
    const network = networks.find(({ id }) => id === networkId)?.name ?? networkId.slice(0, 12);
    return { ...rest, network, network_id: networkId, ...of(endpoint) };
  });
  return { node, verdict, statements, endpoints: all };
}

type Work = Looking & { readonly config: Config; readonly io: Io };

/** One after the other; each is noted in a file before the first is touched, and in the journal as it is done. */
async function freed(
  look: ClusterLook,
  ready: readonly StoredEndpoint[],
  work: Work,
  told: EndpointsJson,
): Promise<EndpointsJson> {
  const { cluster, nodes } = look;
  const results = new Map<StoredEndpoint, Freed>();
  const folder = undoFolder(join(work.config.paths.state_dir, "removed"));
  const name = `${new Date().toISOString().replaceAll(":", "-")}-endpoints`;
  const shown = (): EndpointsJson["nodes"] =>
    nodes.map((one) => nodeJson(one, cluster.networks, (endpoint) => resultOf(endpoint, ready, results)));
  const keep = async (): Promise<string> =>
    folder.keep(name, `${JSON.stringify({ store: cluster.store, nodes: shown() }, undefined, 1)}\n`);
  const log = streamLog(work.io.stderr);
  const door = journalDoor(log);
  const notes = openNotes(door, log);
  try {
    let record = await keep();
    for (const endpoint of ready) {
      // Each stands for itself: an interruption ends it between two, never within one.
      if (work.signal.aborted) break;
      results.set(endpoint, await free(endpoint, cluster.store, work.client, new AbortController().signal));
      note(notes, endpoint, results.get(endpoint));
      await keep();
    }
    record = await finish(record);
    return { ...told, nodes: shown(), record, outcome: ended(ready, results, told.ambiguous) };
  } finally {
    await door.close();
  }
}

function resultOf(
  endpoint: StoredEndpoint,
  ready: readonly StoredEndpoint[],
  results: ReadonlyMap<StoredEndpoint, Freed>,
): Told {
  if (!ready.includes(endpoint)) return { result: "left", sentence: "" };
  return results.get(endpoint) ?? { result: "not tried", sentence: "" };
}

function ended(
  ready: readonly StoredEndpoint[],
  results: ReadonlyMap<StoredEndpoint, Freed>,
  left: readonly Reason[],
): ByHandOutcome {
  const all = ready.map((one) => results.get(one)?.result ?? "failed");
  if (all.includes("failed")) return "unverified";
  return left.length > 0 || all.includes("left") ? "ambiguous" : "done";
}

function note(notes: Notes, { networkId, name, ip, mac, locator }: StoredEndpoint, freedAs: Freed | undefined): void {
  const { result = "failed", sentence = "" } = freedAs ?? {};
  notes.write({
    kind: "remedy",
    message: `disconnect-stale-endpoints: ${result}; ${name} ${ip} ${mac} of the dead node ${locator}; ${sentence}`,
    strategy: "disconnect",
    outcome: result,
    networkId,
    container: name,
    ip,
    mac,
    dst: locator,
  });
}
