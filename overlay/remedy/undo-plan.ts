import type { Iproute2 } from "../../host/iproute2/program.ts";
import { isLoop } from "../diagnose/local.ts";
import type { FdbRow } from "../fdb.ts";
import type { Tables } from "../tables.ts";
import { fdbLine } from "../words.ts";
import { type Change, commandOf, expectationOf, isDone } from "./change.ts";
import { mayDropSelfRows } from "./gates.ts";
import type { UndoEntry, UndoFile, UndoNamespace } from "./undo-file.ts";

export interface UndoOptions {
  /** Exactly what was, the fault too. */
  readonly restoreFault: boolean;
  readonly engine: string | undefined;
}

/** A namespace as it is now. */
export interface Now {
  readonly key: string;
  readonly tables: Tables;
}

export interface UndoAction {
  readonly netns: string;
  readonly container: string;
  readonly change: Change;
  readonly command: Iproute2;
  readonly verify: string;
}

export interface UndoPlan {
  readonly actions: readonly UndoAction[];
  /** Left as they are, and why. */
  readonly kept: readonly { readonly container: string; readonly sentence: string }[];
}

interface Decision {
  readonly changes: readonly Change[];
  readonly kept?: string;
}

type Decide = (entry: UndoEntry, tables: Tables) => Decision;

/**
 * Decided by what the tables show now, not by what was noted as done: a cleanup may have been killed between any two
 * writes, and an undo may be run twice.
 */
export function undoPlan(file: UndoFile, now: ReadonlyMap<string, Now>, options: UndoOptions): UndoPlan {
  const actions: UndoAction[] = [];
  const kept: { container: string; sentence: string }[] = [];
  for (const namespace of file.namespaces) {
    const state = now.get(namespace.file);
    if (state?.key !== namespace.key) {
      kept.push({ container: "", sentence: `${namespace.file} is gone or made anew, and its rows with it` });
      continue;
    }
    const decide = options.restoreFault ? exactly(options) : withoutFault(file, namespace, options);
    for (const entry of namespace.entries.toReversed()) {
      const { changes, kept: sentence } = decide(entry, state.tables);
      for (const change of changes) actions.push(actionOf(namespace, entry, change));
      if (sentence !== undefined) kept.push({ container: entry.container, sentence });
    }
  }
  return { actions: once(actions), kept };
}

function actionOf({ file }: UndoNamespace, { container }: UndoEntry, change: Change): UndoAction {
  return { netns: file, container, change, command: commandOf(change), verify: expectationOf(change) };
}

function once(actions: readonly UndoAction[]): readonly UndoAction[] {
  const first = new Map<string, UndoAction>();
  for (const action of actions) {
    const key = `${action.netns} ${action.command.join(" ")}`;
    if (!first.has(key)) first.set(key, action);
  }
  return [...first.values()];
}

const nothing: Decision = { changes: [] };

/** Every row as it was before, as far as nobody else has changed it since. */
const exactly =
  ({ engine }: UndoOptions): Decide =>
  ({ change, before, mac }, tables) => {
    if (before === null || !isDone(change, tables)) return nothing;
    if (change.kind === "pin" && !hasVeth(change, tables)) return nothing;
    if (before.kind === "drop-self-row" && !mayDropSelfRows(engine))
      return {
        changes: [],
        kept: `the self row of ${mac} stays: on engine ${engine ?? "of unknown version"} none is deleted`,
      };
    const rival = rivalOf(before, change, tables);
    return rival === undefined
      ? { changes: [before] }
      : { changes: [], kept: `somebody wrote since: ${fdbLine(rival)}` };
  };

/** A row of the same MAC that would be overwritten, other than the one that the change itself wrote. */
function rivalOf(before: Change, change: Change, { fdb }: Tables): FdbRow | undefined {
  if (before.kind !== "put-self-row") return undefined;
  const own = change.kind === "put-self-row" ? change.dst : undefined;
  return fdb.find(
    (row) => row.mac === before.mac && row.ifname === before.dev && row.flags.includes("self") && row.dst !== own,
  );
}

/**
 * Rows that are the fault stay away. A pin taken from above its poison is an outage (10 of 10): it goes only together
 * with the rows that loop, and stays where those must not go.
 */
const withoutFault =
  ({ ownVteps }: UndoFile, { entries }: UndoNamespace, { engine }: UndoOptions): Decide =>
  ({ change, mac }, tables) => {
    if (change.kind === "pin") return unpinned(change, tables, new Set(ownVteps), engine);
    if (change.kind !== "learning" || change.on || !isDone(change, tables)) return nothing;
    const macs = new Set([mac, ...entries.map((entry) => entry.mac)]);
    const poisons = [...macs].map((one) => poisonOf(one, change.dev, tables, new Set(ownVteps)));
    const stays = stay(
      poisons.flatMap(({ self, foreign }) => [...self, ...foreign]),
      engine,
      poisons,
    );
    if (stays !== undefined) return { changes: [], kept: `learning stays off on ${change.dev}: ${stays}` };
    return { changes: [...poisons.flatMap(({ changes }) => changes), { ...change, on: true }] };
  };

type Pin = Extract<Change, { readonly kind: "pin" }>;

function unpinned(pin: Pin, tables: Tables, ownVteps: ReadonlySet<string>, engine: string | undefined): Decision {
  if (!hasVeth(pin, tables) || !isDone(pin, tables)) return nothing;
  const vxlan = vxlanBeside(pin.dev, tables);
  if (vxlan === undefined)
    return { changes: [], kept: `the pin stays: no vxlan device is on the bridge of ${pin.dev}` };
  const poison = poisonOf(pin.mac, vxlan, tables, ownVteps);
  const stays = stay([...poison.self, ...poison.foreign], engine, [poison]);
  if (stays !== undefined) return { changes: [], kept: `the pin of ${pin.mac} stays: ${stays}` };
  return { changes: [...poison.changes, { kind: "drop-bridge-row", mac: pin.mac, dev: pin.dev }] };
}

const hasVeth = ({ dev, ifindex }: Pin, { links }: Tables): boolean =>
  links.some((link) => link.name === dev && link.ifindex === ifindex);

function vxlanBeside(port: string, { links }: Tables): string | undefined {
  const bridge = links.find(({ name }) => name === port)?.master?.name;
  return links.find(({ kind, master }) => kind === "vxlan" && bridge !== undefined && master?.name === bridge)?.name;
}

interface Poison {
  readonly self: readonly FdbRow[];
  /** Rows of the MAC that lead to another host: not ours to judge. */
  readonly foreign: readonly FdbRow[];
  readonly changes: readonly Change[];
}

function poisonOf(mac: string, dev: string, { fdb, neighbours }: Tables, ownVteps: ReadonlySet<string>): Poison {
  const rows = fdb.filter((row) => row.mac === mac && row.ifname === dev && row.flags.includes("self"));
  const self = rows.filter((row) => isLoop(row, ownVteps));
  const arp = neighbours.filter((row) => row.dev === dev && row.mac === mac);
  return {
    self,
    foreign: rows.filter((row) => !isLoop(row, ownVteps)),
    changes: [
      ...arp.map(({ ip }): Change => ({ kind: "drop-neighbour", ip, dev })),
      ...self.flatMap(({ dst }): readonly Change[] =>
        dst === undefined ? [] : [{ kind: "drop-self-row", mac, dev, dst }],
      ),
    ],
  };
}

function stay(rows: readonly FdbRow[], engine: string | undefined, poisons: readonly Poison[]): string | undefined {
  const [foreign] = poisons.flatMap((poison) => poison.foreign);
  if (foreign !== undefined) return `${fdbLine(foreign)} would draw its frames away`;
  const [row] = rows;
  if (row === undefined || mayDropSelfRows(engine)) return undefined;
  return `${fdbLine(row)} would loop its frames, and self rows are never deleted on engine ${engine ?? "of unknown version"}`;
}
