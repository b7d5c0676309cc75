import { z } from "zod";
import { atomicFile } from "../../host/atomic-file.ts";
import type { ObjectKind } from "../desired.ts";
import { kinds } from "./resources.ts";

const record = z.strictObject({
  kind: z.enum(kinds),
  key: z.string().min(1),
  /** The API's own id; not yet known while a creation is under way, or after one that was cut off. */
  id: z.string().min(1).optional(),
  /** When it was last asked to be made, ISO 8601: until the lists have settled it may be there without showing. */
  asked: z.iso.datetime().optional(),
  /** Fingerprint of the definition as it was last applied. */
  applied: z.string().optional(),
});

const content = z.strictObject({ version: z.literal(1), org: z.string(), objects: z.array(record) });

export type LedgerRecord = z.output<typeof record>;

/**
 * What was made, by kind and key: the only proof that a webhook is ours, and for the others the id by which they are found
 * where a list lags, or where somebody took their mark away. Losing it costs that, and nothing else.
 */
export interface Ledger {
  readonly path: string;
  /** The organisation that it is of; empty while that is not known. */
  readonly org: () => string;
  readonly records: () => readonly LedgerRecord[];
  readonly find: (kind: ObjectKind, key: string) => LedgerRecord | undefined;
  /** Each resolves once it is on the disk. */
  readonly bind: (org: string) => Promise<void>;
  readonly put: (one: LedgerRecord) => Promise<void>;
  readonly drop: (kind: ObjectKind, key: string) => Promise<void>;
}

/** Throws an Error where the file is there and is not one of these. */
export async function openLedger(path: string): Promise<Ledger> {
  const file = atomicFile(path);
  const read = parsed(path, await file.read());
  let org = read.org;
  let objects: readonly LedgerRecord[] = read.objects;
  const save = () => file.write(`${JSON.stringify({ version: 1, org, objects }, undefined, 1)}\n`);
  const others = (kind: ObjectKind, key: string) => objects.filter((one) => one.kind !== kind || one.key !== key);
  return {
    path,
    org: () => org,
    records: () => objects,
    find: (kind, key) => objects.find((one) => one.kind === kind && one.key === key),
    bind: async (name) => {
      if (name === org) return;
      org = name;
      await save();
    },
    put: async (one) => {
      objects = [...others(one.kind, one.key), one];
      await save();
    },
    drop: async (kind, key) => {
      objects = others(kind, key);
      await save();
    },
  };
}

function parsed(path: string, text: string | undefined): z.output<typeof content> {
  if (text === undefined) return { version: 1, org: "", objects: [] };
  try {
    return content.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new Error(`${path} is not what this program wrote (put it back from a backup, or move it away): ${reason}`, {
      cause,
    });
  }
}
