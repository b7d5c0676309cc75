import { isLoop } from "../diagnose/local.ts";
import type { NamespaceInput } from "../diagnose/input.ts";
import { type View, viewOf } from "../diagnose/view.ts";
import { type Change, commandOf, expectationOf } from "./change.ts";
import { mayDropSelfRows, plainOverlay } from "./gates.ts";
import type { Action, PlanInput } from "./plan.ts";

/**
 * What pinned containers left behind that are not here any more. Their pin went with the veth; the rows that it kept from
 * doing harm lead to this host itself, wherever a container with that address runs now: it would be cut off from here for
 * good. Without them the engine asks where it is. Only of MACs that this program has pinned, and that nobody here has.
 */
export function departedActions(wanted: PlanInput): readonly Action[] {
  const { input, limits, repin = false, who, network } = wanted;
  if (!repin || !mayDropSelfRows(input.engine.version)) return [];
  const ownVteps = new Set(input.ownVteps);
  return input.namespaces.flatMap((namespace) => {
    const known = namespace.network;
    const isMeant = network === undefined || known?.id === network || known?.name === network;
    if (known === undefined || !isMeant || namespace.endpoints === undefined) return [];
    if (plainOverlay(namespace, who) !== undefined) return [];
    const view = viewOf(namespace);
    const pins = (limits.pins ?? []).filter(({ networkId, mac }) => networkId === known.id && isNobodys(view, mac));
    return pins.flatMap(({ mac }) => rowsOf(view, mac, ownVteps).map((row) => actionOf(namespace, mac, row)));
  });
}

/** Also not of a container that Docker does not list yet, behind its port. */
function isNobodys({ byMac, bridgeRows, links }: View, mac: string): boolean {
  const ports = (bridgeRows.get(mac) ?? []).map(({ ifname }) => links.get(ifname)?.kind);
  return !byMac.has(mac) && ports.every((kind) => kind === "vxlan");
}

interface LeftRow {
  readonly change: Change;
  readonly undo: Change | undefined;
}

/** The neighbour with them, and only with them: without the row that it goes with, it is another fault. Then the question. */
function rowsOf(view: View, mac: string, ownVteps: ReadonlySet<string>): readonly LeftRow[] {
  const { selfRows, input, links } = view;
  const loops = (selfRows.get(mac) ?? []).filter((row) => isLoop(row, ownVteps));
  if (loops.length === 0) return [];
  const neighbours = input.tables.neighbours.filter((row) => row.mac === mac && links.get(row.dev)?.kind === "vxlan");
  return [
    ...neighbours.map(({ ip, dev }): LeftRow => {
      return { change: { kind: "drop-neighbour", ip, dev }, undo: { kind: "put-neighbour", ip, mac, dev } };
    }),
    ...loops.flatMap(({ ifname: dev, dst = "", state }): LeftRow => {
      const place = { mac, dev, dst };
      return {
        change: { kind: "drop-self-row", ...place },
        undo: state === "permanent" ? { kind: "put-self-row", ...place } : undefined,
      };
    }),
    ...neighbours.flatMap(({ ip, dev }) => question(view, ip, dev)),
  ];
}

/** Those who know the MAC from before would not ask for a minute; the engine waits to be asked. */
function question({ subnets }: View, ip: string, dev: string): readonly LeftRow[] {
  const bridge = subnets.find(({ vxlan }) => vxlan.name === dev)?.bridge;
  return bridge === undefined ? [] : [{ change: { kind: "ask", ip, dev: bridge }, undo: undefined }];
}

function actionOf({ file, network, tables }: NamespaceInput, mac: string, { change, undo }: LeftRow): Action {
  return {
    netns: file,
    network: network?.id ?? "",
    container: "(gone)",
    ip: tables.neighbours.find((row) => row.mac === mac)?.ip ?? "",
    mac,
    change,
    command: commandOf(change),
    reason:
      change.kind === "ask"
        ? "so that the engine looks up where the address is now"
        : "the container that was pinned is gone, and frames to its address loop through this host",
    class: "self-loop",
    undo: undo === undefined ? undefined : commandOf(undo),
    undoChange: undo,
    verify: expectationOf(change),
    departed: true,
  };
}
