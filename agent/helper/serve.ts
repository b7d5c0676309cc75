import type { Readable, Writable } from "node:stream";
import { gzipSync } from "node:zlib";
import type { Done, ErrorCode, Hello, HelperAnswer, NotDone, Paused, Tables } from "../../dispatch/helper/answer.ts";
import {
  BadRequest,
  type HelperRequest,
  maxAnswerBytes,
  maxPackedBytes,
  maxUnpackedBytes,
} from "../../dispatch/helper/protocol.ts";
import { readRequest } from "../../dispatch/helper/read-request.ts";
import { DockerError } from "../../host/docker/error.ts";
import { fileDigest } from "../../host/file-digest.ts";
import { NotAvailable } from "../../host/host.ts";
import { printable } from "../../host/iproute2/error.ts";
import { Locked } from "../../host/lock.ts";
import { bundleOf } from "../../overlay/explain/bundle.ts";
import { fleetPause, type LimitsEvent, stops } from "../../overlay/remedy/limits.ts";
import { errorText } from "../error-text.ts";
import { ConfigError } from "../exit-codes.ts";
import { cleanup } from "../remedy/cleanup.ts";
import { remedyNote } from "../remedy/note.ts";
import { type CleanupJson, nothingDone, remedyExits } from "../remedy/outcome.ts";
import { remedyState } from "../remedy/state.ts";
import { version } from "../version.ts";
import { helperSettings, type HelperSettings } from "./settings.ts";

/** What the process has, and nothing more. */
export interface HelperIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The connection. */
  readonly input: Readable;
  readonly output: Writable;
  /** One line a request, for people. */
  readonly log: Writable;
  readonly pid: number;
}

type PauseOrResume = Extract<HelperRequest, { readonly verb: "pause" | "resume" }>;

/** Milliseconds that a request is waited for. */
const patience = 5000;

/** One request, one answer. Gives the exit code, which the answer tells too. Never throws. */
export async function serveOne(io: HelperIo): Promise<number> {
  const { answer, code, told } = await answerTo(io);
  io.log.write(`${printable(told)}\n`);
  await new Promise<void>((resolve) => {
    // Whoever asked may be gone: what was done stays done.
    io.output.write(`${lineOf(answer)}\n`, () => resolve());
  });
  return code;
}

interface Ended {
  readonly answer: HelperAnswer<CleanupJson>;
  readonly code: number;
  readonly told: string;
}

async function answerTo(io: HelperIo): Promise<Ended> {
  let request: HelperRequest | undefined;
  try {
    request = await readRequest(io.input, patience);
    return await done(request, helperSettings(io.env), io);
  } catch (error) {
    const [code, message] = [codeOf(error), errorText(error)];
    const trace = request === undefined ? {} : { trace: request.trace };
    const answer: NotDone = { v: 1, ...trace, error: { code, message } };
    return { answer, code, told: `${request === undefined ? "refused" : titleOf(request)}: ${message}` };
  }
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof BadRequest) return 65;
  if (error instanceof DockerError || error instanceof NotAvailable) return 69;
  if (error instanceof Locked) return 75;
  return error instanceof ConfigError ? 78 : 70;
}

const titleOf = ({ verb, trace }: HelperRequest): string => `trace ${trace}: ${verb}`;

async function done(request: HelperRequest, settings: HelperSettings, { pid }: HelperIo): Promise<Ended> {
  const { trace } = request;
  if (request.verb === "hello") {
    const answer: Hello = { v: 1, verb: "hello", trace, version: await version(), pid, stops: await stopsOf(settings) };
    return { answer, code: 0, told: `${titleOf(request)}: overlaywatch ${answer.version}` };
  }
  if (request.verb === "pause" || request.verb === "resume") return held(request, settings);
  if (request.verb === "tables") return read(request, settings);
  const { verb } = request;
  const result = await worked(verb, trace, settings);
  const exit = remedyExits[result.outcome];
  const answer: Done<CleanupJson> = { v: 1, verb, trace, exit, result };
  const told = remedyNote(result)?.message ?? "nothing active to do";
  return { answer, code: exit, told: `${titleOf(request)}: ${told}` };
}

/** Waits for who is at work: what has begun is brought to its end, and after that nothing is begun. */
async function held(request: PauseOrResume, settings: HelperSettings): Promise<Ended> {
  const { verb, trace } = request;
  const state = remedyState(settings);
  const lock = await state.lock(`helper, trace ${trace}`, 10_000);
  const event: LimitsEvent =
    request.verb === "pause"
      ? { kind: "fleet-paused", until: request.until, reason: request.reason }
      : { kind: "fleet-resumed" };
  const limits = await state.add(event).finally(() => lock.release());
  const stands = fleetPause(limits, Date.now());
  const answer: Paused = { v: 1, verb, trace, stops: await stopsOf(settings) };
  return { answer, code: 0, told: `${titleOf(request)}: ${stands ?? "no pause of the fleet holds here"}` };
}

async function stopsOf(settings: HelperSettings): Promise<readonly string[]> {
  const objection = outdated(settings);
  const settled = objection === undefined ? [] : [objection];
  const now = Date.now();
  try {
    return [...settled, ...stops(await remedyState(settings).limits(now), now)];
  } catch (error) {
    // Limits that can not be read are no limits: nothing is healed then.
    return [...settled, errorText(error)];
  }
}

/** Milliseconds. The unit ends it after 30 s, and then nobody is told why. */
const tablesWithin = 20_000;

/** The other hosts are asked too: a store that does not answer is to hold nobody up. */
const tellWithin = 1000;

/** What others need to judge this host. Packed here: no other process of this host has to bear how much it is. */
async function read(request: HelperRequest, settings: HelperSettings): Promise<Ended> {
  const { ownTables } = await import("../explain/live.ts");
  const tables = await ownTables(settings, { tellWithin }, AbortSignal.timeout(tablesWithin));
  const text = JSON.stringify(bundleOf(tables, new Date().toISOString()));
  const packed = gzipSync(text);
  if (Buffer.byteLength(text) > maxUnpackedBytes || packed.length > maxPackedBytes)
    throw new Error(`its tables are more than may be sent: ${text.length} characters`);
  const answer: Tables = { v: 1, verb: "tables", trace: request.trace, packed: packed.toString("base64") };
  return { answer, code: 0, told: `${titleOf(request)}: ${tables.networks.length} networks, ${packed.length} bytes` };
}

/** The verb decides whether something is written; where and what is found out here, by this host alone. */
async function worked(verb: "look" | "heal", trace: string, settings: HelperSettings): Promise<CleanupJson> {
  const { strategy } = settings.remedy;
  const apply = verb === "heal";
  const objection = apply ? outdated(settings) : undefined;
  if (objection !== undefined)
    return { ...nothingDone, outcome: "refused", strategy, refused: [{ rule: "settings", sentence: objection }] };
  const { signal } = new AbortController();
  return cleanup(
    settings,
    {
      apply,
      strategy,
      all: false,
      repin: true,
      who: "automatic",
      network: undefined,
      holder: `helper, trace ${trace}`,
    },
    signal,
  );
}

/** Somebody may have said in that file that nothing is to be healed, or not like this. */
function outdated({ origin: { path, sha256 } }: HelperSettings): string | undefined {
  const now = digestOf(path);
  if (now === sha256) return undefined;
  return `${path} is not what the helper's settings were made of (${now instanceof Error ? now.message : "it changed"}): run \`overlaywatch helperd --environment > /etc/overlaywatch/helper.env\`, or start helperd again`;
}

function digestOf(path: string): string | Error {
  try {
    return fileDigest(path) ?? "absent";
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What is too long for an answer is cut, and that is said: the outcome is what matters. */
function lineOf(answer: HelperAnswer<CleanupJson>): string {
  const line = JSON.stringify(answer);
  if (!("result" in answer) || Buffer.byteLength(line) < maxAnswerBytes) return line;
  const { result } = answer;
  return JSON.stringify({
    ...answer,
    result: {
      ...result,
      actions: first(result.actions),
      refused: first(result.refused),
      ambiguous: first(result.ambiguous),
      loss: first(result.loss),
      unfinished: first(result.unfinished),
      notes: [...first(result.notes), "it was too long for an answer: of each list the first 20 are told"],
    },
  });
}

const first = <T>(all: readonly T[]): readonly T[] => all.slice(0, 20);
