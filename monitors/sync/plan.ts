import type { Desired, JsonObject, ObjectKind } from "../desired.ts";
import type { Actual } from "./actual.ts";
import { canonical } from "./canonical.ts";
import { type Difference, differences } from "./difference.ts";
import { fingerprint } from "./json.ts";
import type { Ledger, LedgerRecord } from "./ledger.ts";
import { kinds, resources, titleOf } from "./resources.ts";
import { redacted } from "./secret.ts";

/** What is to be done to one object. A replacement deletes it and makes it again: the API can not change its type. */
export interface Change {
  readonly action: "create" | "update" | "replace" | "delete";
  readonly kind: ObjectKind;
  readonly key: string;
  readonly title: string;
  /** The file that defines it. */
  readonly origin?: string;
  /** The API's id; not of what is to be created. */
  readonly id?: string;
  /** What to send, complete; not for a deletion. */
  readonly body?: JsonObject;
  /** Of an update or a replacement. */
  readonly fields: readonly Difference[];
  /** Fingerprint of the object as it was when this was planned. */
  readonly seen?: string;
}

export interface Plan {
  /** The API's address. */
  readonly api: string;
  /** Empty where it is not known. */
  readonly org: string;
  /** In the order in which they are to be done. */
  readonly changes: readonly Change[];
  /** What the ledger has, and is neither defined nor there any more. */
  readonly lost: readonly Pick<Change, "kind" | "key">[];
  /** How many objects are as they are defined. */
  readonly inSync: number;
  /** Of those, what the ledger does not have so: it was lost, or somebody made by hand what is defined by now. */
  readonly unrecorded: readonly LedgerRecord[];
  /** Sentences about what needs a person: nothing can be applied before. */
  readonly conflicts: readonly string[];
  /** Sentences about what is left alone. */
  readonly warnings: readonly string[];
}

interface Sides {
  readonly api: string;
  readonly org: string;
  readonly desired: readonly Desired[];
  readonly actual: readonly Actual[];
  readonly ledger: Pick<Ledger, "find" | "records">;
}

/** What would make the organisation as it is defined. Pure. */
export function planOf(sides: Sides): Plan {
  const { api, org, desired, actual, ledger } = sides;
  const owned = actual.filter((one) => keyOf(one) !== undefined);
  const changes: Change[] = [];
  const [warnings, conflicts]: [string[], string[]] = [[], []];
  const inSync: LedgerRecord[] = [];
  const taken = new Set<Actual>();
  for (const want of desired) {
    const [have, ...more] = candidates(want, owned, ledger);
    const stranger = have === undefined ? strangerOf(want, actual) : undefined;
    for (const one of [have, ...more]) if (one !== undefined) taken.add(one);
    warnings.push(...more.map((one) => cloneWarning(one, want.key, have?.id ?? "")));
    const there = have ?? stranger;
    const change = changeFor(want, there);
    if (change === undefined) inSync.push(recordOf(want, there?.id ?? want.key));
    else if (stranger !== undefined) conflicts.push(strangerConflict(want));
    else changes.push(change);
  }
  const left = owned.filter((one) => !taken.has(one));
  warnings.push(...left.filter((one) => !isMarked(one)).map(unmarkedWarning));
  changes.push(...left.filter(isMarked).map(deletionOf));
  const unrecorded = inSync.filter(({ kind, key, id, applied }) => {
    const known = ledger.find(kind, key);
    return known?.id !== id || known?.applied !== applied;
  });
  const common = { api, org, conflicts, warnings, unrecorded };
  return { ...common, changes: inOrder(changes), inSync: inSync.length, lost: lostOf(sides) };
}

/** An object that is as it is defined. */
export const recordOf = ({ kind, key, body }: Desired, id: string): LedgerRecord => ({
  kind,
  key,
  id,
  applied: fingerprint(canonical(kind, body)),
});

function lostOf({ ledger, desired, actual }: Sides): Plan["lost"] {
  const isThere = (kind: ObjectKind, key: string) =>
    desired.some((one) => one.kind === kind && one.key === key) ||
    actual.some((one) => one.kind === kind && (one.known ?? one.mark) === key);
  return ledger.records().flatMap(({ kind, key }) => (isThere(kind, key) ? [] : [{ kind, key }]));
}

/** The mark says whose it is; where it was taken away, the ledger does. */
const keyOf = ({ mark, known }: Actual): string | undefined => mark ?? known;

/** Only what carries our mark now is deleted. A webhook can carry none: it is ours where the ledger has it. */
const isMarked = ({ kind, mark, known }: Actual): boolean => (kind === "webhook" ? known : mark) !== undefined;

/** The original first: the one that the ledger knows, else the oldest. */
function candidates({ kind, key }: Desired, owned: readonly Actual[], ledger: Sides["ledger"]): readonly Actual[] {
  const known = ledger.find(kind, key)?.id;
  // A dashboard's id is no number.
  const rank = ({ id }: Actual) => (id === known ? -1 : Number(id) || 0);
  return owned.filter((one) => one.kind === kind && keyOf(one) === key).toSorted((a, b) => rank(a) - rank(b));
}

/** A webhook of that name that we did not make. */
const strangerOf = ({ kind, key }: Desired, actual: readonly Actual[]): Actual | undefined =>
  kind === "webhook" ? actual.find((one) => one.kind === kind && one.id === key && one.known === undefined) : undefined;

function changeFor(want: Desired, have: Actual | undefined): Change | undefined {
  const { kind, key, origin, body } = want;
  const common = { kind, key, origin, body, title: titleOf(kind, body) };
  if (have === undefined) return { ...common, action: "create", fields: [] };
  return updateOf(want, have);
}

/** Undefined where they are equal. */
export function updateOf({ kind, key, origin, body }: Desired, { id, body: raw }: Actual): Change | undefined {
  const actual = canonical(kind, raw);
  const fields = differences(actual, canonical(kind, body));
  if (fields.length === 0) return undefined;
  const isFixed = fields.some(({ path }) => resources[kind].fixed.includes(path));
  const action = isFixed ? "replace" : "update";
  const full = isFixed ? body : { ...resetsFor(kind, fields, body), ...body };
  const told = fields.map((one) => (kind === "webhook" ? redacted(one) : one));
  return {
    action,
    kind,
    key,
    origin,
    id,
    title: titleOf(kind, body),
    body: full,
    fields: told,
    seen: fingerprint(actual),
  };
}

/** A PUT leaves alone, at the top level, what it does not name: what a definition does not have is put back by name. */
function resetsFor(kind: ObjectKind, fields: readonly Difference[], body: JsonObject): JsonObject {
  const tops = new Set(fields.map(({ path }) => path.split(/[.[]/u)[0]));
  return Object.fromEntries(
    Object.entries(resources[kind].resets).filter(([key]) => tops.has(key) && body[key] === undefined),
  );
}

function deletionOf(one: Actual): Change {
  const { kind, id, body } = one;
  const seen = fingerprint(canonical(kind, body));
  return { action: "delete", kind, key: keyOf(one) ?? id, id, title: titleOf(kind, body), fields: [], seen };
}

/** What is needed by others first: webhooks, monitors, dashboards; deletions last, the other way round. */
function inOrder(changes: readonly Change[]): readonly Change[] {
  const rank = ({ action, kind }: Change) =>
    action === "delete" ? 2 * kinds.length - kinds.indexOf(kind) : kinds.indexOf(kind);
  return changes.toSorted((a, b) => rank(a) - rank(b));
}

const cloneWarning = ({ kind, id }: Actual, key: string, original: string): string =>
  `the ${kind} ${id} carries the mark of ${key}, which is ${original}: a copy, it is left alone; take the mark off it, or delete it`;

const strangerConflict = ({ key }: Desired): string =>
  `there is a webhook ${key} that was not made here, and it is another one; to take it over: overlaywatch monitors adopt webhook/${key} ${key}`;

const unmarkedWarning = (one: Actual): string =>
  `the ${one.kind} ${one.id} (${keyOf(one)}) is no longer defined, and somebody took our mark off it: it is left alone`;

export const deletions = (changes: readonly Change[]): number =>
  changes.filter(({ action }) => action === "delete" || action === "replace").length;
