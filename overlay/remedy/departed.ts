import { isLoop } from "../diagnose/local.ts";
import type { DiagnoseInput, NamespaceInput } from "../diagnose/input.ts";
import { type View, viewOf } from "../diagnose/view.ts";
import { type Change, commandOf, expectationOf } from "./change.ts";
import { mayDropSelfRows, plainOverlay } from "./gates.ts";
import type { KeptPin, Limits } from "./limits.ts";
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
    const pins = (limits.pins ?? []).filter(
      ({ networkId, mac, left = 0 }) => networkId === known.id && left < tries && isNobodys(view, mac),
    );
    return pins.flatMap(({ mac }) => rowsOf(view, mac, ownVteps).map((row) => actionOf(namespace, mac, row)));
  });
}

/** Each time that a container leaves: an engine that writes the same rows again would be asked for ever. */
const tries = 2;

/** Pins whose container is here again after it had left. */
export function returned({ namespaces }: DiagnoseInput, { pins = [] }: Limits): readonly KeptPin[] {
  return pins.filter(
    ({ left = 0, networkId, mac }) =>
      left > 0 &&
      namespaces.some(
        ({ network, endpoints = [] }) => network?.id === networkId && endpoints.some((one) => one.mac === mac),
      ),
  );
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

/**
 * The looping rows with the neighbour that answers for them; or the neighbour alone, where nothing leads to its MAC at all, as
 * the engine leaves it when the container had been elsewhere before. Then the question. A row to another host may be right.
 */
function rowsOf(view: View, mac: string, ownVteps: ReadonlySet<string>): readonly LeftRow[] {
  const { selfRows, input, links } = view;
  const own = selfRows.get(mac) ?? [];
  const loops = own.filter((row) => isLoop(row, ownVteps));
  if (loops.length === 0 && own.length > 0) return [];
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

/** Those who know the MAC from before would not ask for a minute; the engine waits to be asked. A row asks only if it is new. */
function question({ subnets, input }: View, ip: string, dev: string): readonly LeftRow[] {
  const bridge = subnets.find(({ vxlan }) => vxlan.name === dev)?.bridge;
  if (bridge === undefined) return [];
  const old = input.tables.neighbours.filter((row) => row.ip === ip && row.dev === bridge);
  return [
    ...old.map((): LeftRow => ({ change: { kind: "drop-neighbour", ip, dev: bridge }, undo: undefined })),
    { change: { kind: "ask", ip, dev: bridge }, undo: undefined },
  ];
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
