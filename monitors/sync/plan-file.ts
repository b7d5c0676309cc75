import { z } from "zod";
import { atomicFile } from "../../host/atomic-file.ts";
import type { Change, Plan } from "./plan.ts";
import { kinds } from "./resources.ts";

const json = z.json();
const difference = z.strictObject({ path: z.string(), actual: json.exactOptional(), desired: json.exactOptional() });

const change = z.strictObject({
  action: z.enum(["create", "update", "replace", "delete"]),
  kind: z.enum(kinds),
  key: z.string(),
  title: z.string(),
  origin: z.string().exactOptional(),
  id: z.string().exactOptional(),
  body: z.record(z.string(), json).exactOptional(),
  fields: z.array(difference),
  seen: z.string().exactOptional(),
});

const saved = z.strictObject({
  version: z.literal(1),
  made: z.iso.datetime(),
  api: z.string(),
  org: z.string(),
  changes: z.array(change),
});

/** A plan as it was saved for a review. */
export interface SavedPlan {
  readonly made: string;
  readonly api: string;
  readonly org: string;
  readonly changes: readonly Change[];
}

/** Readable by its owner alone: it has what somebody wrote into an object. Throws an Error. */
export async function savePlan(path: string, { api, org, changes }: Plan, now: Date): Promise<void> {
  const content = { version: 1, made: now.toISOString(), api, org, changes };
  await atomicFile(path, 0o600).write(`${JSON.stringify(content, undefined, 1)}\n`);
}

/** Throws an Error that says what is wrong with the file. */
export async function loadPlan(path: string): Promise<SavedPlan> {
  const text = await atomicFile(path).read();
  if (text === undefined) throw new Error(`${path}: there is no such file`);
  try {
    return saved.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new Error(`${path}: no plan that \`monitors plan --out\` saved: ${reason}`, { cause });
  }
}
