import { neighbourLimitNames, type NeighbourLimits } from "../../host/neighbour-limits.ts";
import type { HostChange } from "./host-wide.ts";
import { BadFile, fields, isRecord, list, parsed, textAt, whole } from "./strict-json.ts";

/** What was changed outside of any namespace of an overlay: written before the first change. */
export interface HostWideNote {
  readonly version: 1;
  readonly kind: "host-wide";
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly host: string;
  readonly changes: readonly HostChange[];
}

export const encodeHostWideNote = (note: HostWideNote): string => `${JSON.stringify(note, undefined, 2)}\n`;

/** Undefined where it is another kind of undo file. Throws `BadFile`, which names the place. */
export function decodeHostWideNote(text: string): HostWideNote | undefined {
  const value = parsed(text);
  if (!isRecord(value) || value["kind"] !== "host-wide") return undefined;
  const it = fields(value, "the file", ["version", "kind", "createdAt", "host", "changes"]);
  if (it["version"] !== 1) throw new BadFile(`version ${JSON.stringify(it["version"])} is not known, only 1`);
  return {
    version: 1,
    kind: "host-wide",
    createdAt: whole(it["createdAt"], "createdAt"),
    host: textAt(it["host"], "host"),
    changes: list(it["changes"], "changes").map((one, at) => changeOf(one, `changes[${at}]`)),
  };
}

function changeOf(value: unknown, at: string): HostChange {
  const kind = isRecord(value) ? value["kind"] : undefined;
  if (kind === "delete-link") {
    const it = fields(value, at, ["kind", "name", "ifindex"]);
    return { kind, name: textAt(it["name"], `${at}.name`), ifindex: whole(it["ifindex"], `${at}.ifindex`) };
  }
  const it = fields(value, at, ["kind", "name", "from", "to"]);
  const name = neighbourLimitNames.find((known) => known === it["name"]);
  if (kind !== "raise" || name === undefined) throw new BadFile(`${at} is no change of a cleanup`);
  return { kind, name, from: whole(it["from"], `${at}.from`), to: whole(it["to"], `${at}.to`) };
}

export interface HostWideUndo {
  readonly lowered: readonly Raise[];
  readonly kept: readonly string[];
}

type Raise = Extract<HostChange, { readonly kind: "raise" }>;

interface LimitsNow {
  readonly limits: NeighbourLimits | undefined;
  /** Entries; undefined where it is not told. */
  readonly used: number | undefined;
}

/**
 * Pure: what puts back what was, by what is now. A limit that the entries would fill again stays up, unless the fault itself
 * is wanted back; a device is never made again, for the engine makes its own.
 */
export function undoHostWide({ changes }: HostWideNote, now: LimitsNow, restoreFault: boolean): HostWideUndo {
  const raises = changes.filter((one) => one.kind === "raise");
  const most = raises.find(({ name }) => name === "gc_thresh3")?.from ?? Infinity;
  const full = !restoreFault && (now.used === undefined || now.used >= most * 0.8);
  const judged = raises.map((one) => ({ one, against: staysUp(one, now, full) }));
  const gone = changes.filter((one) => one.kind === "delete-link");
  return {
    // In the other order: the limit last.
    lowered: judged.flatMap(({ one, against }) => (against === undefined ? [one] : [])).toReversed(),
    kept: [
      ...judged.flatMap(({ against = "" }) => (against === "" ? [] : [against])),
      ...gone.map(({ name }) => `${name} is not made again: the engine makes its own`),
    ],
  };
}

/** Why a limit is let alone; empty where it is back already. */
function staysUp({ name, from, to }: Raise, { limits }: LimitsNow, full: boolean): string | undefined {
  if (limits === undefined) return `${name} is not shown in this network namespace`;
  if (limits[name] === from) return "";
  if (limits[name] !== to) return `${name}: somebody wrote since`;
  return full ? `${name} stays ${to}: the table would be full again` : undefined;
}
