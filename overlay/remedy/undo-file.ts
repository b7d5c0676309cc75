import { messageOf } from "../../host/thrown.ts";
import type { Change } from "./change.ts";
import { commandOf } from "./change.ts";
import { BadFile, fields, isRecord, list, parsed, textAt, whole } from "./strict-json.ts";
import { type Strategy, strategies } from "./plan.ts";

/** One change of a cleanup, with what puts the state before it back, the fault too. */
export interface UndoEntry {
  readonly container: string;
  readonly mac: string;
  readonly change: Change;
  /** null: nothing has to be put back; a learned row comes by itself. */
  readonly before: Change | null;
}

export interface UndoNamespace {
  readonly file: string;
  readonly key: string;
  readonly network: string;
  /** In the order in which they were to be made. Written before the first, so the last may never have been. */
  readonly entries: readonly UndoEntry[];
}

/** What a cleanup set out to change. */
export interface UndoFile {
  readonly version: 1;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly host: string;
  readonly strategy: Strategy;
  readonly ownVteps: readonly string[];
  readonly namespaces: readonly UndoNamespace[];
}

export const encodeUndoFile = (file: UndoFile): string => `${JSON.stringify(file, undefined, 2)}\n`;

/** Strict: what it says is run as root. Throws `BadFile`, which names the place. */
export function decodeUndoFile(text: string): UndoFile {
  const file = fields(parsed(text), "the file", ["version", "createdAt", "host", "strategy", "ownVteps", "namespaces"]);
  if (file["version"] !== 1) throw new BadFile(`version ${JSON.stringify(file["version"])} is not known, only 1`);
  const strategy = strategies.find((known) => known === file["strategy"]);
  if (strategy === undefined) throw new BadFile(`strategy ${JSON.stringify(file["strategy"])} is not known`);
  return {
    version: 1,
    createdAt: whole(file["createdAt"], "createdAt"),
    host: textAt(file["host"], "host"),
    strategy,
    ownVteps: list(file["ownVteps"], "ownVteps").map((value) => textAt(value, "ownVteps")),
    namespaces: list(file["namespaces"], "namespaces").map((value, at) => namespace(value, `namespaces[${at}]`)),
  };
}

function namespace(value: unknown, at: string): UndoNamespace {
  const it = fields(value, at, ["file", "key", "network", "entries"]);
  const file = textAt(it["file"], `${at}.file`);
  // It becomes part of a path.
  if (!/^[0-9a-z_-]{1,64}$/.test(file))
    throw new BadFile(`${at}.file is no name of a namespace: ${JSON.stringify(file)}`);
  return {
    file,
    key: textAt(it["key"], `${at}.key`),
    network: textAt(it["network"], `${at}.network`),
    entries: list(it["entries"], `${at}.entries`).map((entry, number) => entryOf(entry, `${at}.entries[${number}]`)),
  };
}

function entryOf(value: unknown, at: string): UndoEntry {
  const it = fields(value, at, ["container", "mac", "change", "before"]);
  return {
    container: textAt(it["container"], `${at}.container`),
    mac: textAt(it["mac"], `${at}.mac`),
    change: changeOf(it["change"], `${at}.change`, made),
    before: it["before"] === null ? null : changeOf(it["before"], `${at}.before`, putBack),
  };
}

type Kind = Change["kind"];

/** What a cleanup does, and what puts it back: nothing else is taken from a file. */
const made: readonly Kind[] = [
  "pin",
  "drop-bridge-row",
  "drop-neighbour",
  "drop-self-row",
  "put-self-row",
  "learning",
  "ask",
];
const putBack: readonly Kind[] = [
  "drop-bridge-row",
  "drop-self-row",
  "put-bridge-row",
  "put-neighbour",
  "put-self-row",
  "learning",
];

function changeOf(value: unknown, at: string, allowed: readonly Kind[]): Change {
  const kind = allowed.find((known) => isRecord(value) && value["kind"] === known);
  if (kind === undefined) throw new BadFile(`${at} is no change of a cleanup: ${JSON.stringify(value)?.slice(0, 80)}`);
  const change = readers[kind](value, at);
  try {
    commandOf(change);
  } catch (cause) {
    throw new BadFile(`${at}: ${messageOf(cause)}`, { cause });
  }
  return change;
}

const texts = <const K extends string>(value: unknown, at: string, keys: readonly K[]): Record<K, string> => {
  const it = fields(value, at, ["kind", ...keys]);
  const found: Partial<Record<K, string>> = {};
  for (const key of keys) found[key] = textAt(it[key], `${at}.${key}`);
  return complete(found, keys);
};

function complete<K extends string>(found: Partial<Record<K, string>>, keys: readonly K[]): Record<K, string> {
  if (isComplete(found, keys)) return found;
  throw new BadFile("a key is missing");
}

const isComplete = <K extends string>(it: Partial<Record<K, string>>, keys: readonly K[]): it is Record<K, string> =>
  keys.every((key) => it[key] !== undefined);

const readers: Readonly<Record<Kind, (value: unknown, at: string) => Change>> = {
  pin: (value, at) => {
    const it = fields(value, at, ["kind", "mac", "dev", "ifindex"]);
    const place = { mac: textAt(it["mac"], at), dev: textAt(it["dev"], at) };
    return { kind: "pin", ...place, ifindex: whole(it["ifindex"], `${at}.ifindex`) };
  },
  learning: (value, at) => {
    const it = fields(value, at, ["kind", "dev", "on"]);
    if (typeof it["on"] !== "boolean") throw new BadFile(`${at}.on is not true or false`);
    return { kind: "learning", dev: textAt(it["dev"], at), on: it["on"] };
  },
  "drop-bridge-row": (value, at) => ({ kind: "drop-bridge-row", ...texts(value, at, ["mac", "dev"]) }),
  "put-bridge-row": (value, at) => ({ kind: "put-bridge-row", ...texts(value, at, ["mac", "dev"]) }),
  "drop-neighbour": (value, at) => ({ kind: "drop-neighbour", ...texts(value, at, ["ip", "dev"]) }),
  ask: (value, at) => ({ kind: "ask", ...texts(value, at, ["ip", "dev"]) }),
  "put-neighbour": (value, at) => ({ kind: "put-neighbour", ...texts(value, at, ["ip", "mac", "dev"]) }),
  "drop-self-row": (value, at) => ({ kind: "drop-self-row", ...texts(value, at, ["mac", "dev", "dst"]) }),
  "put-self-row": (value, at) => ({ kind: "put-self-row", ...texts(value, at, ["mac", "dev", "dst"]) }),
};
