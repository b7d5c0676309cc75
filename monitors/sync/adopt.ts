import type { Desired } from "../desired.ts";
import { readOne } from "./actual.ts";
import { type Change, recordOf, updateOf } from "./plan.ts";
import { resources } from "./resources.ts";
import type { World } from "./write.ts";

/** What was asked to be taken over can not be. Nothing was done. */
export class NotAdoptable extends Error {
  override readonly name = "NotAdoptable";
}

/** `123`, or an address that ends in it: `/monitors/123`, `/dashboard/abc-def-ghi/its-title`. */
export function idIn(text: string): string {
  const [, id] = /\/(?:monitors|dashboard)\/([\w-]+)/u.exec(text) ?? [];
  return id ?? text;
}

/** By `key`, or `kind/key` where two kinds have it. Throws `NotAdoptable`. */
export function wantedBy(name: string, desired: readonly Desired[]): Desired {
  const found = desired.filter(({ kind, key }) => name === key || name === `${kind}/${key}`);
  const [first, ...more] = found;
  if (first === undefined)
    throw new NotAdoptable(`${name}: nothing of that key is defined; \`overlaywatch monitors plan\` lists what is`);
  if (more.length > 0)
    throw new NotAdoptable(`${name}: which one? ${found.map(({ kind, key }) => `${kind}/${key}`).join(", ")}`);
  return first;
}

/**
 * The change that makes an object of somebody's the one that is defined; undefined where it is equal to it already. Throws
 * `NotAdoptable`, `Refusal`.
 */
export async function adoptionOf({ api, ledger }: World, want: Desired, id: string): Promise<Change | undefined> {
  const { kind, key } = want;
  const found = await readOne(api, kind, id);
  if (found === undefined) throw new NotAdoptable(`there is no ${kind} ${id} in this organisation`);
  if (found.mark !== undefined && found.mark !== key)
    throw new NotAdoptable(`the ${kind} ${id} is ours already, as ${found.mark}`);
  const other = await otherOf({ api, ledger }, want, id);
  if (other !== undefined) throw new NotAdoptable(`there is a ${kind} ${key} already: ${other}; delete that one first`);
  const change = updateOf(want, found);
  if (change?.action === "replace")
    throw new NotAdoptable(`the ${kind} ${id} can not become ${key}: ${fixedIn(change)}`);
  return change;
}

async function otherOf({ api, ledger }: World, { kind, key }: Desired, id: string): Promise<string | undefined> {
  const other = ledger.find(kind, key)?.id;
  if (other === undefined || other === id) return undefined;
  return (await readOne(api, kind, other)) === undefined ? undefined : other;
}

const fixedIn = ({ fields, kind }: Change): string =>
  fields
    .filter(({ path }) => resources[kind].fixed.includes(path))
    .map(({ path, actual, desired }) => `its ${path} is ${JSON.stringify(actual)}, not ${JSON.stringify(desired)}`)
    .join(", ");

/** An equal object is taken over by knowing it. */
export const adoptEqual = ({ ledger }: World, want: Desired, id: string): Promise<void> =>
  ledger.put(recordOf(want, id));
