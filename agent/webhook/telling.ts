import { type Ending, specOf } from "../../dispatch/gateway/endings.ts";
import type { Ended } from "../../dispatch/gateway/gateway.ts";
import type { gatewayMetrics } from "../../dispatch/gateway/metrics.ts";
import type { NamesOf } from "../../emit/metric.ts";
import type { Sample } from "../../emit/sample.ts";
import { errorText } from "../error-text.ts";
import type { Log } from "../log.ts";
import type { Notes } from "../notes.ts";
import type { Outputs } from "../outputs.ts";
import { folding } from "./folding.ts";

export interface Telling {
  readonly ended: (ended: Ended) => void;
  /** Sends what was counted and what was held back, for the last time. */
  readonly close: () => void;
}

export interface Ways {
  readonly outputs: Pick<Outputs, "writeSelf" | "event">;
  readonly notes: Notes;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Milliseconds between two sendings of the counts, and between two of what was held back. */
const [countEvery, heldEvery] = [10_000, 60_000];

/** In a minute, of each reason: entries in the journal, events. */
const [mostNotes, mostEvents] = [600, 2];

/**
 * What came of requests: each is counted, each that was let in is in the journal, and people hear of each that came to
 * nothing.
 */
export function openTelling({ now, ...ways }: Ways): Telling {
  const { outputs, notes, log } = safeWays(ways);
  const counts = new Map<Ending, number>();
  const [noted, told] = [folding(mostNotes, now), folding(mostEvents, now)];
  const sendCounts = () => {
    outputs.writeSelf(samplesOf(counts), now());
    for (const ending of counts.keys()) counts.set(ending, 0);
  };
  const sendHeld = () => {
    for (const [outcome, count] of noted.held())
      notes.write({ kind: "page", message: moreOf(outcome, count), outcome, count });
    for (const [outcome, count] of told.held()) outputs.event(eventOf(outcome, moreOf(outcome, count)));
  };
  const timers = [setInterval(sendCounts, countEvery), setInterval(sendHeld, heldEvery)];
  return {
    ended: (ended) => {
      const { ending } = ended;
      counts.set(ending, (counts.get(ending) ?? 0) + 1);
      if (ended.trace === "") logRefused(ended, log);
      else if (noted.take(ending)) {
        logLetIn(ended, log);
        notes.write(noteOf(ended));
      }
      const isToPeople = specOf(ending).escalates === true && told.take(ending);
      if (isToPeople) outputs.event({ ...eventOf(ending, textOf(ended)), ...storyOf(ended) });
    },
    close: () => {
      timers.forEach((timer) => clearInterval(timer));
      sendCounts();
      sendHeld();
    },
  };
}

/** A journal or a sink that is down does not stop the gateway: that is said in the log. */
export function safeWays({ outputs, notes, log }: Omit<Ways, "now">): Omit<Ways, "now"> {
  const safely =
    <A extends readonly unknown[]>(tell: (...what: A) => void) =>
    (...what: A): void => {
      try {
        tell(...what);
      } catch (error) {
        log.error(`cannot tell what came of a request: ${errorText(error)}`, "telling");
      }
    };
  return {
    outputs: { writeSelf: safely(outputs.writeSelf), event: safely(outputs.event) },
    notes: { write: safely(notes.write) },
    log,
  };
}

const counted: NamesOf<typeof gatewayMetrics, "count"> = "webhook.requests";

/** One that has come goes on as 0: the sink knows when to let it rest. */
const samplesOf = (counts: ReadonlyMap<Ending, number>): readonly Sample[] =>
  [...counts].map(([reason, value]) => {
    const tags = { code: String(specOf(reason).code), reason };
    return { name: counted, type: "count", value, tags };
  });

/** A line a minute of each reason, whoever they are: the counts tell how many. */
function logRefused({ ending, sender, error }: Ended, log: Log): void {
  const from = sender === "" ? "" : ` from ${sender}`;
  if (error !== undefined) log.error(`a request${from}: ${ending}: ${errorText(error)}`, ending);
  else if (ending !== "healthy" && ending !== "unhealthy") log.warn(`refused a request${from}: ${ending}`, ending);
}

function logLetIn(ended: Ended, log: Log): void {
  const { escalates, code } = specOf(ended.ending);
  if (escalates === true) log.error(sentenceOf(ended), ended.ending);
  else if (code >= 400) log.warn(sentenceOf(ended), ended.ending);
  else log.info(sentenceOf(ended));
}

function noteOf(ended: Ended) {
  return { kind: "page", message: sentenceOf(ended), trace: ended.trace, outcome: ended.ending } as const;
}

/** Never the body as it came: some of its fields, short, and quoted as JSON. */
function sentenceOf({ ending, message, job, trace, error, reason: why }: Ended): string {
  const about =
    message === undefined
      ? "a request"
      : `a page of monitor ${shown(message.monitor_id)}, ${shown(message.transition)}, for host ${shown(message.host)}`;
  const reason = error === undefined ? (why === undefined ? "" : `: ${why}`) : `: ${errorText(error)}`;
  return `${about}: ${ending}${job === undefined ? "" : `, job ${job}`}${reason}${trace === "" ? "" : ` (trace ${trace})`}`;
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 80));

const textOf = (ended: Ended): string =>
  `${sentenceOf(ended)}\nThis is so with ${specOf(ended.ending).when}. What to do: docs/webhook.md.`;

function eventOf(outcome: string, text: string) {
  return {
    title: `overlaywatch: a page came to nothing: ${outcome}`,
    text,
    alertType: "error",
    tags: { reason: outcome },
  } as const;
}

/** Beside what else is told of that alert. */
function storyOf({ ending, message, trace }: Ended) {
  const tags = { reason: ending, trace };
  const key = message?.cycle ?? "";
  return key === "" ? { tags } : { tags, aggregationKey: key };
}

const moreOf = (outcome: string, count: number): string =>
  `${count} more requests ended as ${outcome} within the last minute`;
