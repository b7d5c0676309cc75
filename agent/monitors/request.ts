import type { Desired } from "../../monitors/desired.ts";
import type { Io } from "../command.ts";
import type { Config } from "../config/schema.ts";
import { UsageError } from "../exit-codes.ts";
import type { Connection } from "./connection.ts";

/** Options of the actions of `monitors` that talk to Datadog. */
export const syncOptions = {
  "api-url": { type: "string" },
  org: { type: "string" },
  out: { type: "string" },
  markdown: { type: "boolean" },
  "max-deletes": { type: "string" },
  recreate: { type: "boolean" },
  yes: { type: "boolean" },
} as const;

type Values = Readonly<
  Partial<Record<"api-url" | "org" | "out" | "max-deletes", string | undefined>> &
    Partial<Record<"json" | "markdown" | "recreate" | "yes", boolean | undefined>>
>;

/** What an action is asked for. */
export interface SyncRequest {
  readonly values: Values;
  readonly operands: readonly string[];
  readonly config: Config;
  /** Everything that is defined. Throws where a definition is wrong: what needs none of them does not ask. */
  readonly desired: () => readonly Desired[];
  readonly io: Io;
}

/** In sync or done; changes are to be made, or were made otherwise than defined; an error. */
export const syncExits = { inSync: 0, failed: 1, changes: 2 } as const;

/** What is looked for, for `survey`. */
export function wantedOf({ values, config }: SyncRequest, { url }: Connection, desired: readonly Desired[]) {
  const org = values.org ?? config.datadog.org;
  return { url, desired, ...(org === "" ? {} : { org }) };
}

/** Throws `UsageError`. */
export function mostDeletions({ values }: SyncRequest, usual: number): number {
  const text = values["max-deletes"];
  if (text === undefined) return usual;
  if (/^\d{1,6}$/u.test(text)) return Number(text);
  throw new UsageError(`--max-deletes: expected a number, found ${text}`);
}

export const printJson = ({ stdout }: Io, value: unknown): void =>
  void stdout.write(`${JSON.stringify(value, undefined, 1)}\n`);
