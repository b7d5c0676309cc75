import { printable } from "../../host/iproute2/error.ts";
import type { Endpoint } from "../endpoints.ts";
import type { OverlayDriver } from "../engine.ts";
import type { FdbRow } from "../fdb.ts";
import type { Neighbour } from "../neighbours.ts";
import { fdbLine, neighbourLine } from "../words.ts";
import type { Finding, FindingState, Unjudged } from "./finding.ts";
import { isLoop } from "./local.ts";
import { isUnicast, type View } from "./view.ts";

interface Remote {
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
}

const guessed = "no truth about other hosts was read, and a row for a container that is gone harms nobody";

/**
 * Rows of MACs that are no local endpoint's, as far as they are wrong in themselves. Whether one harms depends on whether
 * its container still runs on another host, which no table of this host tells.
 */
export function remoteFindings(view: View, ownVteps: ReadonlySet<string>, driver: OverlayDriver): Remote {
  const loops = loopRows(view, ownVteps);
  const missing = missingRows(view);
  const findings = [
    ...loops.map((row) => loopFinding(view, row)),
    ...missing.map((row) => missingFinding(view, row, driver)),
  ];
  const latent = findings.filter(({ state }) => state === "latent").length;
  const unsure = view.input.elsewhere === undefined && latent > 0;
  const what = `whether ${latent} wrong rows for MACs that are not local harm anybody`;
  return { findings, unjudged: unsure ? [{ what, why: guessed, blind: false }] : [] };
}

function loopRows({ selfRows, byMac }: View, ownVteps: ReadonlySet<string>): readonly FdbRow[] {
  return [...selfRows].flatMap(([mac, rows]) =>
    byMac.has(mac) || !isUnicast(mac) ? [] : rows.filter((row) => isLoop(row, ownVteps)),
  );
}

/** Learned inside a container's port: a MAC that Docker knows nothing of (macvlan, keepalived) behind a local container. */
function hiddenBehind(view: View, mac: string): Endpoint | undefined {
  const ports = new Set((view.bridgeRows.get(mac) ?? []).map(({ ifname }) => ifname));
  return view.input.endpoints?.find(({ veth }) => veth !== undefined && ports.has(veth.name));
}

function loopFinding(view: View, row: FdbRow): Finding {
  const behind = hiddenBehind(view, row.mac);
  const address = view.input.tables.neighbours.find(({ dev, mac }) => dev === row.ifname && mac === row.mac);
  return {
    class: "self-loop",
    state: view.input.elsewhere?.has(row.mac) === true ? "active" : "latent",
    ip: address?.ip ?? null,
    mac: row.mac,
    container: behind === undefined ? null : printable(behind.owner.name),
    device: row.ifname,
    evidence: fdbLine(row),
    remedy: "bridge fdb replace with the VTEP of the host that runs it",
    automatic: false,
    why: behind === undefined ? notLocal(view, row.mac) : hidden(row.mac, behind),
  };
}

const notLocal = ({ input }: View, mac: string): string =>
  input.endpoints === undefined
    ? `Docker did not tell whether ${mac} is a local container's`
    : `${mac} is no running local container's, so where it belongs is not known here`;

const hidden = (mac: string, { owner }: Endpoint): string =>
  `${mac} is behind ${printable(owner.name)}, but not the MAC that Docker gives it: macvlan or a floating address?`;

/** PERMANENT on the vxlan device, of no local endpoint, and nothing that leads to its MAC: frames to it are dropped. */
function missingRows(view: View): readonly Neighbour[] {
  return view.input.tables.neighbours.filter(
    ({ ip, dev, mac, state }) =>
      mac !== undefined &&
      state.includes("PERMANENT") &&
      view.links.get(dev)?.kind === "vxlan" &&
      !view.byIp.has(ip) &&
      !view.byMac.has(mac) &&
      !permanentSelf(view.input.tables.fdb, mac, dev),
  );
}

const permanentSelf = (rows: readonly FdbRow[], mac: string, dev: string): boolean =>
  rows.some((row) => row.mac === mac && isSelfOn(row, dev) && row.state === "permanent");

const isSelfOn = (row: FdbRow, dev: string): boolean => row.ifname === dev && row.flags.includes("self");

function missingFinding(view: View, row: Neighbour, driver: OverlayDriver): Finding {
  return {
    class: "missing-fdb",
    state: missingState(view, row, driver),
    ip: row.ip,
    mac: row.mac ?? null,
    container: null,
    device: row.dev,
    evidence: `${neighbourLine(row)}; no row for ${row.mac} in bridge fdb show dev ${printable(row.dev)} (self permanent)`,
    remedy: "bridge fdb replace with the VTEP of the host that runs it",
    automatic: false,
    why: "which host runs it is not known here",
  };
}

/**
 * Harms now where no row at all leads there, twice a second apart (the engine writes neighbour and row one after the
 * other), and the container is there: swarm takes the neighbours of gone ones away, classic engines leave them.
 */
function missingState({ input }: View, { ip, mac = "", dev }: Neighbour, driver: OverlayDriver): FindingState {
  const learned = input.tables.fdb.some((row) => row.mac === mac && isSelfOn(row, dev));
  const { later } = input;
  const still = later?.neighbours.some((row) => row.ip === ip && row.dev === dev && row.mac === mac) === true;
  const since = (later?.fdb ?? []).some((row) => row.mac === mac && isSelfOn(row, dev));
  if (learned || !still || since) return "latent";
  const lives = input.elsewhere === undefined ? driver === "swarm" : input.elsewhere.has(mac);
  return lives ? "active" : "latent";
}
