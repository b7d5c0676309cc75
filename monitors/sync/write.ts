import type { Json, JsonObject, ObjectKind } from "../desired.ts";
import { type Actual, listMarked, readOne, waitToSettle } from "./actual.ts";
import type { Api } from "./api.ts";
import { canonical } from "./canonical.ts";
import { type Difference, differences } from "./difference.ts";
import { fingerprint, isObject, same } from "./json.ts";
import type { Ledger } from "./ledger.ts";
import { idOf, pathOf, resources } from "./resources.ts";
import { Refusal } from "./refusal.ts";

export interface World {
  readonly api: Api;
  readonly ledger: Ledger;
}

/** What to make, or to make of what is there. */
export interface Target {
  readonly kind: ObjectKind;
  readonly key: string;
  readonly body: JsonObject;
}

export interface Written {
  readonly id: string;
  /** What the API keeps otherwise than it was sent: no second run would mend that. */
  readonly keptOtherwise: readonly Difference[];
}

/**
 * Makes an object, and never a second one: a request of which nobody knows whether it was done is looked up by its mark before
 * it is sent again, and the ledger says before it that it is under way. Throws `Refusal`.
 */
export async function create(world: World, target: Target): Promise<Written> {
  const { api, ledger } = world;
  const { kind, key } = target;
  for (let attempt = 1; ; attempt++) {
    await ledger.put({ kind, key, asked: api.now().toISOString() });
    const outcome = await tryCreate(world, target);
    if (!(outcome instanceof Refusal)) return outcome;
    const ours = await alreadyThere(world, target, outcome, attempt > 1);
    if (ours !== undefined) return update(world, target, ours);
    if (outcome.done === "no" && attempt === 1) await ledger.drop(kind, key);
    if (outcome.done === "no" || attempt >= api.patience.attempts) throw withOffer(outcome, target);
    await api.wait(api.patience.firstWait * attempt);
  }
}

async function tryCreate(world: World, target: Target): Promise<Written | Refusal> {
  const { kind, key, body } = target;
  try {
    const path = resources[kind].collection;
    const answer = await world.api.ask({ method: "POST", path, body, once: true, what: `create the ${kind} ${key}` });
    return await record(world, target, answer);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** The object of a creation that failed, where it is there and ours after all. */
async function alreadyThere(
  { api }: World,
  target: Target,
  refused: Refusal,
  isRepeated: boolean,
): Promise<Actual | undefined> {
  const { kind, key } = target;
  const duplicate = duplicateOf(refused);
  if (duplicate !== undefined) {
    const found = await readOne(api, kind, duplicate);
    return found?.mark === key ? found : undefined;
  }
  if (kind === "webhook") return isRepeated || mayBeThere(refused) ? equalWebhook(api, target) : undefined;
  return refused.done === "unknown" ? lookUp(api, kind, key) : undefined;
}

const mayBeThere = ({ done, status }: Refusal): boolean => done === "unknown" || status === 400 || status === 409;

/** A webhook can carry no mark: one with our very name and content is ours. */
async function equalWebhook(api: Api, { kind, key, body }: Target): Promise<Actual | undefined> {
  const found = await readOne(api, kind, key);
  return found !== undefined && same(canonical(kind, found.body), canonical(kind, body)) ? found : undefined;
}

/** By its mark, until lists have settled. */
async function lookUp(api: Api, kind: "monitor" | "dashboard", key: string): Promise<Actual | undefined> {
  const until = api.now().getTime() + api.patience.settle;
  api.tell(`whether the ${kind} ${key} was made is not known: looking for it`);
  for (;;) {
    for (const { id } of (await listMarked(api, kind)).filter(({ mark }) => mark === key)) {
      const found = await readOne(api, kind, id);
      if (found?.mark === key) return found;
    }
    if (api.now().getTime() >= until) return undefined;
    await waitToSettle(api);
  }
}

/** `Duplicate of an existing monitor_id:N org_id:M`, with status 400. */
function duplicateOf({ texts }: Refusal): string | undefined {
  return texts
    .map((text) => /Duplicate of an existing monitor_id:\s*(\d+)/u.exec(text)?.[1])
    .find((id) => id !== undefined);
}

/** What is there already may be taken over: by hand, for it is somebody's. */
function withOffer(refused: Refusal, { kind, key }: Target): Refusal {
  const exists = refused.texts.some((text) => /already exists/iu.test(text));
  const id = duplicateOf(refused) ?? (kind === "webhook" && exists ? key : undefined);
  if (id === undefined) return refused;
  const offer = `to take over the one that is there: overlaywatch monitors adopt ${kind}/${key} ${id}`;
  return new Refusal(`${refused.message}; ${offer}`, refused, refused);
}

/** Throws `Refusal`. */
export async function update(world: World, target: Target, { id }: { readonly id: string }): Promise<Written> {
  const { kind, key, body } = target;
  const what = `change the ${kind} ${key} (${id})`;
  return record(world, target, await world.api.ask({ method: "PUT", path: pathOf(kind, id), body, what }));
}

/** Gone is gone, whoever did it. Throws `Refusal`. */
export async function remove(world: World, kind: ObjectKind, key: string, id: string): Promise<void> {
  try {
    await world.api.ask({ method: "DELETE", path: pathOf(kind, id), what: `delete the ${kind} ${key} (${id})` });
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) throw error;
  }
  if (world.ledger.find(kind, key)?.id === id || kind === "webhook") await world.ledger.drop(kind, key);
}

/** The answer to a write is what is there now: a GET right after may still show what was before. */
async function record({ ledger }: World, { kind, key, body }: Target, answer: Json): Promise<Written> {
  const kept = isObject(answer) ? answer : {};
  const id = idOf(kind, kept);
  if (id === undefined)
    throw new Refusal(`the API's answer for the ${kind} ${key} has no id`, { texts: [], done: "unknown" });
  const wanted = canonical(kind, body);
  const { asked } = ledger.find(kind, key) ?? {};
  await ledger.put({ kind, key, id, applied: fingerprint(wanted), ...(asked === undefined ? {} : { asked }) });
  return { id, keptOtherwise: differences(canonical(kind, kept), wanted) };
}
