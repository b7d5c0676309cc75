import { atomicFile } from "../host/atomic-file.ts";
import { isList, isObject, type JsonObject, objectAt, parseJson, wordAt } from "./json.ts";
import { type Kind, kinds, type Organisation } from "./organisation.ts";
import type { World } from "./world.ts";

/** What a stand-in keeps in a file, so that it can be stopped and started again. */
export interface StateFile {
  /** Resolves when all that was asked for so far is written. */
  readonly save: () => Promise<void>;
}

/** By which field objects of a kind are kept. */
const keyed: Readonly<Record<Kind, string>> = {
  monitors: "id",
  dashboards: "id",
  webhooks: "name",
  variables: "name",
  events: "id_str",
};

/** Loads what the file holds into the organisations. Throws where it is no state of a stand-in. */
export async function openState(
  path: string,
  world: World,
  organisations: readonly Organisation[],
): Promise<StateFile> {
  const file = atomicFile(path, 0o600);
  const text = await file.read();
  if (text !== undefined) load(path, text, world, organisations);
  let last: Promise<void> = Promise.resolve();
  const after = async (before: Promise<void>) => {
    // Who asked for the one before was told how it went.
    await before.catch(() => undefined);
    await file.write(textOf(world, organisations));
  };
  return { save: () => (last = after(last)) };
}

const textOf = (world: World, organisations: readonly Organisation[]): string =>
  JSON.stringify({
    ids: world.ids(),
    organisations: organisations.map(({ id, kept }) => ({
      id,
      ...Object.fromEntries(kinds.map((kind) => [kind, kept[kind].values()])),
    })),
  });

function load(path: string, text: string, world: World, organisations: readonly Organisation[]): void {
  const state = stateOf(path, text);
  const ids = Object.entries(objectAt(state, "ids")).filter((entry): entry is [string, number] =>
    Number.isInteger(entry[1]),
  );
  world.skipTo(Object.fromEntries(ids));
  for (const saved of listAt(state, "organisations")) {
    const org = organisations.find(({ id }) => id === saved["id"]);
    if (org === undefined) throw new Error(`${path}: holds organisation ${wordAt(saved, "id")}, which is not started`);
    for (const kind of kinds) for (const one of listAt(saved, kind)) org.kept[kind].set(wordAt(one, keyed[kind]), one);
  }
}

function stateOf(path: string, text: string): JsonObject {
  try {
    const value = parseJson(text);
    if (isObject(value) && isList(value["organisations"])) return value;
  } catch (cause) {
    throw new Error(`${path}: not JSON`, { cause });
  }
  throw new Error(`${path}: not the state of a stand-in`);
}

const listAt = (body: JsonObject, key: string): readonly JsonObject[] => {
  const value = body[key];
  return isList(value) ? value.filter(isObject) : [];
};
