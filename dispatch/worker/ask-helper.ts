import { z } from "zod";
import { askLine } from "../../host/line-socket.ts";
import { traceId } from "../job.ts";
import { type HelperRequest, maxAnswerBytes, maxTablesBytes } from "../helper/protocol.ts";

const refusal = z.object({
  rule: z.string(),
  sentence: z.string(),
  container: z.string().exactOptional(),
  mac: z.string().exactOptional(),
});

const action = z.object({
  command: z.array(z.string()),
  reason: z.string(),
  class: z.string(),
  result: z.string(),
  container: z.string(),
  ip: z.string(),
  mac: z.string(),
  network: z.string(),
  netns: z.string(),
});

const share = z.number().min(0).max(1).nullable();

/** What `cleanup --json` prints. */
const cleanup = z.object({
  outcome: z.enum(["nothing", "cured", "planned", "refused", "undone", "failed", "ambiguous", "unavailable", "locked"]),
  strategy: z.string(),
  actions: z.array(action),
  verified: z.boolean(),
  undo: z.string().nullable(),
  refused: z.array(refusal),
  ambiguous: z.array(refusal),
  loss: z.array(
    z.object({ from: z.string(), to: z.string(), before: share, after: share, why: z.string().exactOptional() }),
  ),
  notes: z.array(z.string()),
  unfinished: z.array(z.string()),
});

export type Cleanup = z.output<typeof cleanup>;

const answerSchema = z.union([
  z.object({ v: z.literal(1), verb: z.enum(["look", "heal"]), trace: traceId, exit: z.int(), result: cleanup }),
  z.object({
    v: z.literal(1),
    verb: z.enum(["pause", "resume"]),
    trace: traceId,
    stops: z.array(z.string()),
  }),
  z.object({
    v: z.literal(1),
    verb: z.literal("hello"),
    trace: traceId,
    version: z.string(),
    pid: z.int(),
    stops: z.array(z.string()).nullable().default(null),
  }),
  z.object({ v: z.literal(1), verb: z.literal("tables"), trace: traceId, packed: z.string() }),
  z.object({ v: z.literal(1), trace: traceId.optional(), error: z.object({ code: z.int(), message: z.string() }) }),
]);

/** What came of asking: `busy` is not to be called a fault, for it ends by itself. */
export type Heard =
  | { readonly kind: "done"; readonly result: Cleanup }
  | { readonly kind: "busy" | "nothing"; readonly why: string };

interface Hello {
  readonly version: string;
  /** Why nothing is healed now; null where it does not tell. */
  readonly stops: readonly string[] | null;
}

export interface Helper {
  /** Never rejects. */
  readonly ask: (verb: "look" | "heal", trace: string) => Promise<Heard>;
  /** Has the fleet's pause kept, or ended where there is none. Gives why nothing is healed then; rejects with why it is not kept, `HelperBusy` too. */
  readonly pause: (pause: Pause | undefined, trace: string) => Promise<readonly string[]>;
  /** Its version, or why it is not there. Never rejects. */
  readonly hello: (trace: string) => Promise<Hello | { readonly why: string }>;
  /** This host's tables, packed as they come: who reads them holds them against their form. Rejects with why there are none. */
  readonly tables: (trace: string) => Promise<Uint8Array>;
}

export interface Pause {
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly reason: string;
}

interface HelperOptions {
  readonly socket: string;
  /** Whose the socket must be: root's, but in tests. */
  readonly owner: number;
  readonly timeoutMs: number;
}

/** Somebody else is at work, which ends by itself. */
export class HelperBusy extends Error {
  override readonly name = "HelperBusy";
}

/** Milliseconds: it waits up to 10 s for who is at work. */
const pauseTimeout = 15_000;

/** The privileged helper behind its socket. Who it is is proved by the socket's owner; what it says is held against its form. */
export function helperAt(options: HelperOptions): Helper {
  return {
    ask: async (verb, trace) => {
      try {
        const answer = await asked({ v: 1, verb, trace }, options);
        if ("error" in answer)
          return { kind: answer.error.code === 75 ? "busy" : "nothing", why: answer.error.message };
        if (!("result" in answer) || answer.verb !== verb || answer.trace !== trace) throw new Error(otherwise);
        return { kind: "done", result: answer.result };
      } catch (error) {
        return { kind: "nothing", why: `the helper at ${options.socket}: ${textOf(error)}` };
      }
    },
    tables: async (trace) => {
      const answer = await asked({ v: 1, verb: "tables", trace }, options, maxTablesBytes);
      if ("packed" in answer && answer.trace === trace) return Buffer.from(answer.packed, "base64");
      throw new Error("error" in answer ? answer.error.message : otherwise);
    },
    pause: async (pause, trace) => {
      const what = pause === undefined ? ({ verb: "resume" } as const) : ({ verb: "pause", ...pause } as const);
      const answer = await asked({ v: 1, trace, ...what }, { ...options, timeoutMs: pauseTimeout });
      if ("stops" in answer && answer.verb === what.verb && answer.trace === trace) return answer.stops ?? [];
      if ("error" in answer && answer.error.code === 75) throw new HelperBusy(answer.error.message);
      throw new Error("error" in answer ? answer.error.message : otherwise);
    },
    hello: async (trace) => {
      try {
        const answer = await asked({ v: 1, verb: "hello", trace }, { ...options, timeoutMs: 5000 });
        if ("version" in answer && answer.trace === trace) return answer;
        throw new Error("error" in answer ? answer.error.message : otherwise);
      } catch (error) {
        return { why: `the helper at ${options.socket}: ${textOf(error)}` };
      }
    },
  };
}

const otherwise = "it answered something else than what it was asked";

async function asked(
  request: HelperRequest,
  { socket, owner, timeoutMs }: HelperOptions,
  maxBytes: number = maxAnswerBytes,
) {
  const line = await askLine(socket, JSON.stringify(request), { timeoutMs, maxBytes, owner });
  const read = answerSchema.safeParse(parsed(line));
  if (read.success) return read.data;
  throw new Error(`its answer is none: ${read.error.issues[0]?.message ?? "not understood"}`);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error("its answer is no JSON", { cause });
  }
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
