import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { deadline } from "../../host/deadline.ts";
import type { Json, JsonObject } from "../desired.ts";
import { gate } from "./gate.ts";
import { isObject, parseJson } from "./json.ts";
import { Refusal, refusal } from "./refusal.ts";
import { type Done, doneBy, type Outcome, type Patience, waitBefore, worthAgain } from "./retry.ts";
import type { Answer, Request, Transport } from "./transport.ts";

interface ApiOptions {
  readonly transport: Transport;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** One sentence for a person who waits. */
  readonly tell: (sentence: string) => void;
  readonly now: () => Date;
  /** From 0 to 1. */
  readonly random: () => number;
}

interface Ask extends Request {
  /** For messages, after `cannot `: `change the monitor fdb-misplaced (123)`. */
  readonly what: string;
  /** It must not be done twice: sent again only where it surely was not done. */
  readonly once?: boolean;
}

export interface Api {
  readonly patience: Patience;
  readonly now: () => Date;
  readonly tell: (sentence: string) => void;
  /** Throws `Refusal`, also for an answer that is not JSON. */
  readonly ask: (ask: Ask) => Promise<Json>;
  /** An object; undefined where there is none of that path (404). Throws `Refusal`. */
  readonly find: (path: string, what: string) => Promise<JsonObject | undefined>;
  /** Throws when the program is told to end. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

/** Edge timeouts of Datadog's begin at some 64 requests at once; eight is what its own tools came to. */
const atOnce = 8;

export function openApi(options: ApiOptions): Api {
  const { patience, now, tell, signal } = options;
  // Each request that waits listens to it.
  setMaxListeners(0, signal);
  const oneOf = gate(atOnce);
  const ask = (asked: Ask) => oneOf(async () => answered(asked, await persist(asked, options)));
  return {
    patience,
    now,
    tell,
    ask,
    find: async (path, what) => {
      try {
        const found = await ask({ method: "GET", path, what });
        if (isObject(found)) return found;
        throw new Refusal(`cannot ${what}: the API's answer is no object`, { texts: [], done: "yes" });
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return undefined;
        throw error;
      }
    },
    wait: (milliseconds) => sleep(milliseconds, undefined, { signal }),
  };
}

/** An answer that is cut short, or a page with status 200, is none. */
function answered({ what }: Ask, answer: Answer): Json {
  const body = parseJson(answer.text === "" ? "{}" : answer.text);
  if (body !== undefined) return body;
  throw refusal(what, { answer }, "unknown", 1);
}

/** Asks until there is an answer that will not get better, or patience ends. Throws `Refusal` for what is no success. */
async function persist(asked: Ask, options: ApiOptions): Promise<Answer> {
  const { patience, signal, now, random, tell } = options;
  // Of all attempts together: what may have been done is not undone by a next attempt that surely was not.
  let done: Done = "no";
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptOnce(asked, options);
    const result = doneBy(outcome);
    if (result === "yes" && "answer" in outcome) return outcome.answer;
    if (result === "unknown") done = "unknown";
    const wait = waitBefore(attempt, outcome, patience, now(), random());
    if (!mayAskAgain(asked, outcome) || attempt >= patience.attempts || wait > patience.longestWait)
      throw refusal(asked.what, outcome, done, attempt);
    if (wait > 2000) tell(`${reasonOf(outcome)}: waiting ${Math.ceil(wait / 1000)} s`);
    await sleep(wait, undefined, { signal });
  }
}

const mayAskAgain = ({ once = false }: Ask, outcome: Outcome): boolean =>
  worthAgain(outcome) && !(once && doneBy(outcome) === "unknown");

async function attemptOnce(asked: Ask, { transport, patience, signal }: ApiOptions): Promise<Outcome> {
  const late = deadline(signal, patience.timeout);
  try {
    return { answer: await transport(asked, late.signal) };
  } catch (error) {
    signal.throwIfAborted();
    return { error: late.signal.aborted ? late.signal.reason : error };
  } finally {
    late.clear();
  }
}

function reasonOf(outcome: Outcome): string {
  if ("error" in outcome) return "the API does not answer";
  return outcome.answer.status === 429
    ? "the API's rate limit is reached"
    : `the API answered ${outcome.answer.status}`;
}
