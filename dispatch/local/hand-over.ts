import { answers, askLine } from "../../host/line-socket.ts";
import type { z } from "zod";
import { type HandOver, NotHandedOver, type Receipt } from "../hand-over.ts";
import { handOverAnswer, type handOverRequest, maxLineBytes } from "./protocol.ts";

/** Questions to the worker at once, and how many more may wait for their turn. */
const [atOnce, mostWaiting] = [32, 2000];

/** Milliseconds: Datadog gives the whole request 15 s. */
const timeoutMs = 5000;

export interface LocalHandOver extends HandOver {
  /** Whether somebody listens there, as of a second ago at most. */
  readonly isThere: () => Promise<boolean>;
}

/** To the worker of this very host, by its socket for jobs. */
export function localHandOver(path: string): LocalHandOver {
  const turns = takingTurns();
  const ask = async (request: z.input<typeof handOverRequest>): Promise<Receipt> => {
    const answer = await turns(() => asked(path, request));
    if ("error" in answer) throw new NotHandedOver(`the worker at ${path} refused it: ${answer.error}`);
    return answer;
  };
  return {
    offer: (job) => ask({ v: 1, offer: job }),
    withdraw: (withdrawal) => ask({ v: 1, withdraw: withdrawal }),
    close: () => Promise.resolve(),
    isThere: askedOnce(() => answers(path)),
  };
}

/** Milliseconds for which an answer is good. */
const goodFor = 1000;

/** Whoever asks for the gateway's health asks without a token: the worker is not troubled for each of them. */
function askedOnce(ask: () => Promise<boolean>): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  let at = 0;
  return () => {
    const now = performance.now();
    if (answer === undefined || now - at > goodFor) [answer, at] = [ask(), now];
    return answer;
  };
}

async function asked(path: string, request: unknown): Promise<z.output<typeof handOverAnswer>> {
  try {
    const line = await askLine(path, JSON.stringify(request), { timeoutMs, maxBytes: maxLineBytes });
    return handOverAnswer.parse(JSON.parse(line));
  } catch (cause) {
    throw new NotHandedOver(`no receipt from the worker at ${path}: is \`overlaywatch worker\` running?`, { cause });
  }
}

/** So many at once; the rest wait, and beyond that are refused. */
function takingTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let busy = 0;
  return async (work) => {
    if (busy >= atOnce) {
      if (waiting.length >= mostWaiting) throw new NotHandedOver(`${mostWaiting} wait for the worker already`);
      await new Promise<void>((resolve) => void waiting.push(resolve));
    } else busy++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) busy--;
      else next();
    }
  };
}
