import { knock } from "../../host/knock.ts";
import { membersAsSeenBy, serfPort } from "../../host/serf/members.ts";
import type { Echo } from "../../host/sockets/echo.ts";
import { withoutPort } from "../../overlay/engine-facts.ts";
import type { StoredEndpoint } from "../../overlay/stale/endpoint.ts";
import type { Statement } from "../../overlay/stale/verdict.ts";
import { errorText } from "../error-text.ts";
import type { Cluster, Stored } from "./cluster.ts";

/** From where this host can ask. */
export interface Standpoint {
  readonly echo: Echo;
  /** The host's own network namespace. */
  readonly hostNetns: string;
  readonly netnsOf: (pid: number) => string;
}

/** Everybody who could know whether a node lives is asked. Rejects with the signal's reason. */
export async function witnesses(
  node: string,
  cluster: Cluster,
  stored: Stored,
  from: Standpoint,
  signal: AbortSignal,
): Promise<readonly Statement[]> {
  const own = stored.endpoints.filter(({ locator }) => locator === node);
  const [knocks, peers] = await Promise.all([knocksAt(node, cluster, signal), peersOn(node, cluster, stored, signal)]);
  // One question at a time: it is one thread.
  const pinged = await pingsTo(node, from, signal);
  const containers = await containersOn(own, cluster, from, signal);
  return [...selfOn(cluster, stored), storeOn(node, stored), addressOn(node, knocks, pinged), ...peers, ...containers];
}

/** Only where this host may be the one that is cut off, or asks a store that is not its cluster's. */
function selfOn(
  { advertised, ownVtep, containers, networks }: Cluster,
  { nodes, endpoints }: Stored,
): readonly Statement[] {
  if (!nodes.includes(advertised))
    return [
      unsure(
        "self",
        `the store has no fresh key of this host (${advertised}): it is cut off, or the store is another cluster's`,
      ),
    ];
  const known = new Set(
    endpoints.filter(({ locator }) => locator === ownVtep).map(({ networkId, ip }) => `${networkId} ${ip}`),
  );
  const ids = new Set(networks.map(({ id }) => id));
  const missing = containers.find(({ attachments }) =>
    attachments.some(({ networkId, ipv4 }) => ids.has(networkId) && !known.has(`${networkId} ${ipv4}`)),
  );
  return missing === undefined
    ? []
    : [unsure("self", `the store does not know ${missing.name}, which runs here: it is not to be believed`)];
}

const storeOn = (node: string, { nodes }: Stored): Statement =>
  nodes.map(withoutPort).includes(node)
    ? alive("store", `its key in the store is fresh: it was renewed within the last minute`)
    : silent("store", `its key in the store has run out: it was not renewed for a minute`);

async function knocksAt(node: string, { advertised }: Cluster, signal: AbortSignal): Promise<readonly number[]> {
  const ports = [...new Set([serfPort, Number(advertised.split(":").at(-1)) || serfPort, 22])];
  const answers = await Promise.all(ports.map(async (port) => knock(node, port, signal)));
  return ports.filter((_, at) => answers[at] === "answered");
}

const pings = { count: 3, gapMs: 100, waitMs: 1000 };

async function pingsTo(node: string, { echo, hostNetns }: Standpoint, signal: AbortSignal): Promise<number | Error> {
  const [loss] = await echo.probe([{ netns: hostNetns, ip: node }], { signal, ...pings });
  return loss ?? new Error("not probed");
}

/** That no ping comes back says little by itself, where ICMP is blocked: it is never more than one of several. */
function addressOn(node: string, knocks: readonly number[], loss: number | Error): Statement {
  if (knocks.length > 0) return alive("address", `${node} answers on TCP port ${knocks.join(", ")}`);
  if (loss instanceof Error) return unsure("address", `${node} could not be pinged: ${loss.message}`);
  if (loss < 1) return alive("address", `${node} answers pings`);
  return silent("address", `${node} answers neither pings nor TCP`);
}

/** This host's own engine and every other one that lives by its key: who does not tell may be who hears the node. */
async function peersOn(
  node: string,
  { ownVtep }: Cluster,
  { nodes }: Stored,
  signal: AbortSignal,
): Promise<readonly Statement[]> {
  const others = nodes.map(withoutPort).filter((one) => one !== node && one !== ownVtep);
  return Promise.all([ownVtep, ...new Set(others)].map(async (peer) => peerOn(node, peer, signal)));
}

async function peerOn(node: string, peer: string, signal: AbortSignal): Promise<Statement> {
  try {
    const members = await membersAsSeenBy(peer, signal);
    const state = members.find(({ address }) => address === node)?.state;
    return state === undefined || state === "dead"
      ? silent("peers", `the engine at ${peer} has ${node} as ${state ?? "no member"}`)
      : alive("peers", `the engine at ${peer} has ${node} as a member, ${state}`);
  } catch (error) {
    signal.throwIfAborted();
    return unsure("peers", `${peer} may hear it, and can not be asked: ${errorText(error)}`);
  }
}

/** The containers' own addresses, by the overlay, from every container of this host that is in their network. */
async function containersOn(
  endpoints: readonly StoredEndpoint[],
  { containers, networks }: Cluster,
  { echo, netnsOf }: Standpoint,
  signal: AbortSignal,
): Promise<readonly Statement[]> {
  const statements: Statement[] = [];
  for (const network of networks) {
    const ips = endpoints.filter(({ networkId }) => networkId === network.id).map(({ ip }) => ip);
    const from = containers.filter(({ attachments }) => attachments.some(({ networkId }) => networkId === network.id));
    if (ips.length === 0) continue;
    const targets = from.flatMap(({ pid }) => ips.map((ip) => ({ netns: netnsOf(pid), ip })));
    const losses = await echo.probe(targets, { signal, ...pings });
    const heard = targets.filter((_, at) => isHeard(losses[at]));
    statements.push(
      containerStatement(
        network.name,
        ips,
        heard.map(({ ip }) => ip),
        losses,
      ),
    );
  }
  return statements;
}

const isHeard = (loss: number | Error | undefined): boolean => typeof loss === "number" && loss < 1;

function containerStatement(
  network: string,
  ips: readonly string[],
  heard: readonly string[],
  losses: readonly (number | Error)[],
): Statement {
  if (heard.length > 0) return alive("containers", `${[...new Set(heard)].join(", ")} on ${network} answers pings`);
  const failed = losses.find((one) => one instanceof Error);
  if (failed instanceof Error)
    return unsure("containers", `its containers on ${network} could not be pinged: ${failed.message}`);
  if (losses.length === 0)
    return unsure(
      "containers",
      `no container of this host is on ${network}, so nobody here can ask its containers: run this where one is, or start one`,
    );
  return silent("containers", `${ips.join(", ")} on ${network} answers no ping`);
}

type Says = (witness: Statement["witness"], sentence: string) => Statement;
const silent: Says = (witness, sentence) => ({ witness, says: "silent", sentence });
const alive: Says = (witness, sentence) => ({ witness, says: "alive", sentence });
const unsure: Says = (witness, sentence) => ({ witness, says: "unsure", sentence });
