import { printable } from "../../host/iproute2/error.ts";
import type { Endpoint } from "../endpoints.ts";
import type { FdbRow } from "../fdb.ts";
import type { Neighbour } from "../neighbours.ts";
import { objection } from "../safety.ts";
import { fdbLine, neighbourLine } from "../words.ts";
import type { Finding, FindingClass, Unjudged } from "./finding.ts";
import { judge, type Judged } from "./state.ts";
import { addressesOf, rowsOnVxlan, subnetOfEndpoint, type View } from "./view.ts";

/** What a rule of the whole host says against healing unattended; undefined if nothing. */
export type HostObjection = string | undefined;

/** Everything that is wrong about one local endpoint's rows. */
export function findingsOf(view: View, endpoint: Endpoint, ownVteps: ReadonlySet<string>, host: HostObjection) {
  const judged = judge(view, endpoint);
  const against = objection(view, endpoint) ?? host;
  const make = (of: FindingClass, evidence: string, ip: string, device: string, why = against): Finding => ({
    class: of,
    state: judged.state,
    ip,
    mac: endpoint.mac,
    container: printable(endpoint.owner.name),
    device,
    evidence,
    remedy: "pin",
    automatic: why === undefined,
    ...(why === undefined ? {} : { why }),
  });
  return [
    ...staleNeighbours(view, endpoint).map(({ row, why }) =>
      make("stale-local", neighbourLine(row), row.ip, row.dev, against ?? why),
    ),
    ...(view.selfRows.get(endpoint.mac) ?? []).map((row) =>
      isLoop(row, ownVteps)
        ? make("self-loop", fdbLine(row), endpoint.ip, row.ifname)
        : make("stale-local", fdbLine(row), endpoint.ip, row.ifname, against ?? elsewhere(row)),
    ),
    ...misplaced(view, endpoint, judged).map(({ evidence, device }) =>
      make("local-mac-on-vxlan-port", evidence, endpoint.ip, device),
    ),
  ];
}

/** A row to the own VTEP, or one that the loop itself taught the device, is wrong on every engine and for every MAC. */
export function isLoop({ dst }: Pick<FdbRow, "dst">, ownVteps: ReadonlySet<string>): boolean {
  return dst !== undefined && (dst === "127.0.0.1" || dst === "::1" || ownVteps.has(dst));
}

const elsewhere = ({ dst = "another host" }: FdbRow): string =>
  `the row leads to ${printable(dst)}, where a container with the same MAC may run`;

/** Whether a single reading caught the MAC on the vxlan port, with nothing to tell for how long. */
export function unsure(view: View, endpoint: Endpoint): readonly Unjudged[] {
  if (judge(view, endpoint).sure) return [];
  const [row] = rowsOnVxlan(view, endpoint.mac);
  const what = `whether ${printable(endpoint.owner.name)} is cut off now`;
  const seen = row === undefined ? "" : `: ${fdbLine(row)}`;
  return [{ what, why: `its MAC was seen on the vxlan port, but the table was not sampled${seen}`, blind: true }];
}

interface StaleNeighbour {
  readonly row: Neighbour;
  readonly why?: string;
}

/** By address or by MAC: a row with only one of them is a floating address, or a remote container with the same one. */
function staleNeighbours(view: View, endpoint: Endpoint): readonly StaleNeighbour[] {
  const name = printable(endpoint.owner.name);
  const { mac } = endpoint;
  const addresses = addressesOf(endpoint);
  const answered = new Set([...addresses, mac].flatMap((key) => view.answered.get(key) ?? []));
  return [...answered].flatMap((row): readonly StaleNeighbour[] => {
    const mine = addresses.includes(row.ip);
    if (row.mac === undefined || (!mine && row.mac !== mac)) return [];
    if (mine && row.mac === mac) return [{ row }];
    if (mine) return [{ row, why: `${row.mac} is not the MAC that Docker gives ${name}` }];
    if (view.byIp.has(row.ip)) return [];
    return [{ row, why: `${row.ip} is not the address that Docker gives ${name}: a floating address?` }];
  });
}

interface Misplaced {
  readonly evidence: string;
  readonly device: string;
}

function misplaced(view: View, endpoint: Endpoint, { state, basis }: Judged): readonly Misplaced[] {
  const note = basis === "" ? "" : ` (${basis})`;
  const rows = state === "mitigated" ? [] : rowsOnVxlan(view, endpoint.mac);
  const seen = rows.map((row) => ({ evidence: `${fdbLine(row)}${note}`, device: row.ifname }));
  if (seen.length > 0 || state !== "active") return seen;
  // A sender's row flips with every frame: the dump may show its good moment.
  const subnet = subnetOfEndpoint(view, endpoint) ?? view.subnets[0];
  const bridge = subnet?.bridge;
  if (subnet === undefined || bridge === undefined) return [];
  const row = { mac: endpoint.mac, ifname: subnet.vxlan.name, flags: [], master: bridge, state: "" };
  return [{ evidence: `${fdbLine(row)}${note}`, device: subnet.vxlan.name }];
}
