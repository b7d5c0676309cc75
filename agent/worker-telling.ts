import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Health } from "../collectors/collector.ts";
import type { Helper } from "../dispatch/worker/ask-helper.ts";
import type { Rules } from "../dispatch/worker/machine.ts";
import { isEnd, type JobRecord } from "../dispatch/worker/record.ts";
import { eventOf, rejectedEvent, samplesOf } from "../dispatch/worker/telling.ts";
import type { Change, Rejected, Worker } from "../dispatch/worker/worker.ts";
import { errorText } from "./error-text.ts";
import type { Log } from "./log.ts";
import { journalDoor, openNotes, type Notes } from "./notes.ts";
import type { Outputs } from "./outputs.ts";
import { remedyNote } from "./remedy/note.ts";
import type { Standing } from "./worker-broker.ts";

/** What a worker tells: the journal, Datadog, its own log. Whatever of these is down, it goes on. */
export interface Telling extends Standing {
  readonly change: (change: Change) => void;
  readonly rejected: (rejected: Rejected) => void;
  /** It must end. */
  readonly fatal: (host: string, error: unknown, stateDir: string) => void;
  /** Asks for the helper, and sends how things stand, now and then. */
  readonly begin: () => Promise<void>;
  readonly close: () => Promise<void>;
}

interface Environment {
  /** That is in force. */
  readonly mode: Rules["mode"];
  readonly outputs: Outputs;
  readonly helper: Helper;
  readonly worker: () => Worker | undefined;
  readonly log: Log;
}

/** Milliseconds. */
const [hour, helloEvery, helloWithin, sendEvery, rejectedEvery] = [3_600_000, 300_000, 2000, 10_000, 60_000] as const;
/** The helper is asked for the fleet no more often; and a turn to ask it is waited for. */
const [askEvery, turnWithin] = [10_000, 1000] as const;

/** What the last answers of the helper said. */
interface Heard {
  helper: string | undefined;
  stops: readonly string[] | null;
}

export function openTelling(environment: Environment): Telling {
  const { mode, outputs, helper, worker, log } = environment;
  const door = journalDoor(log);
  const notes = openNotes(door, log);
  const standing: Heard = { helper: undefined, stops: null };
  const ask = asking(helper, standing);
  const hello = async (): Promise<void> => {
    const said = await ask();
    if ("why" in said) log.warn(`nothing can be looked at or healed: ${said.why}`, "helper");
    else log.info(`the helper answers, overlaywatch ${said.version}`);
  };
  const send = (): void => {
    const waiting = (worker()?.records() ?? []).filter(({ state }) => !isEnd(state)).length;
    outputs.writeSelf([{ name: "worker.waiting", type: "gauge", value: waiting, tags: {} }], Date.now());
    outputs.serviceCheck("remedy.worker", healthOf(worker(), mode, standing));
  };
  const timers: NodeJS.Timeout[] = [];
  return {
    change: (change) => {
      learn(standing, change);
      noteChange(change, notes);
      sendChange(change, outputs, log);
    },
    rejected: rejecting(notes, outputs, log),
    ...standingOf(ask, standing, async (signal) => worker()?.turn(signal)),
    fatal: (host, error, stateDir) => {
      const text = `the worker ends, for it can not keep what it is asked: ${errorText(error)}; look at ${stateDir}`;
      log.error(text);
      outputs.event({ title: `${host}: overlay remedy: the worker ended`, text, alertType: "error" });
    },
    begin: async () => {
      await hello();
      send();
      timers.push(
        setInterval(() => void hello(), helloEvery),
        setInterval(send, sendEvery),
      );
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await Promise.all([door.close(), outputs.flush()]);
      await outputs.close();
    },
  };
}

/** Each question costs a process of root's: what was heard just now is told again, and else one waits for its turn. */
function standingOf(ask: () => Promise<unknown>, heard: Heard, turn: (signal: AbortSignal) => Promise<void>): Standing {
  let [underway, askedAt]: [Promise<void> | undefined, number] = [undefined, -Infinity];
  const refresh = async (): Promise<void> => {
    if (performance.now() - askedAt < askEvery) return;
    await turn(AbortSignal.timeout(turnWithin));
    askedAt = performance.now();
    await ask();
  };
  return {
    stops: async () => {
      underway ??= refresh()
        // No turn is left: what was heard last is told.
        .catch(() => undefined)
        .finally(() => (underway = undefined));
      const late = sleep(helloWithin, "late", { ref: false });
      // Who asks is not to go without an answer because the helper gives none.
      return (await Promise.race([underway, late])) === "late" ? null : heard.stops;
    },
    lastStops: () => heard.stops,
    hearStops: (stops) => {
      heard.stops = stops;
    },
  };
}

function asking(helper: Helper, standing: Heard) {
  const ask = async () => {
    const said = await helper.hello(randomBytes(16).toString("hex"));
    standing.helper = "why" in said ? said.why : undefined;
    standing.stops = "why" in said ? null : said.stops;
    return said;
  };
  let underway: ReturnType<typeof ask> | undefined;
  return async () => (underway ??= ask().finally(() => (underway = undefined)));
}

/** Who sends many that are not taken must not make a storm of events. */
function rejecting(notes: Notes, outputs: Outputs, log: Log): Telling["rejected"] {
  const last = new Map<string, number>();
  return (rejected) => {
    const { answer, job } = rejected;
    log.warn(`not taken, ${answer}: job ${job.id} for ${job.host}`, answer);
    const now = Date.now();
    if (now - (last.get(answer) ?? 0) < rejectedEvery) return;
    last.set(answer, now);
    const event = rejectedEvent(rejected);
    outputs.event(event);
    notes.write({ kind: "job", message: `not taken, ${answer}: ${event.text}`, trace: job.trace, outcome: answer });
  };
}

function noteChange({ record, answer, recheck }: Change, notes: Notes): void {
  const { trace } = record.job;
  // Not as one of the kind remedy: a follower believes only root and its own user of what is counted.
  const remedy = answer?.kind === "done" ? remedyNote(answer.result) : undefined;
  notes.write({ ...remedy, kind: "job", message: textOf(record, recheck), trace, state: record.state });
}

function sendChange(change: Change, outputs: Outputs, log: Log): void {
  const { record, recheck } = change;
  outputs.writeSelf(samplesOf(change), Date.now());
  const event = eventOf(change);
  if (event !== undefined) outputs.event(event);
  const isBad = event?.alertType === "warning" || event?.alertType === "error";
  const { id, trace } = record.job;
  log[isBad ? "warn" : "info"](`job ${id.slice(0, 12)}, trace ${trace}: ${record.state}: ${textOf(record, recheck)}`);
}

function textOf({ message, rechecks }: JobRecord, recheck: number | undefined): string {
  return recheck === undefined ? message : `looked again: ${rechecks[recheck]?.found ?? "not answered yet"}`;
}

const stopping: readonly string[] = ["pause", "kill-switch", "breaker", "settings"];

function learn(standing: Heard, { answer }: Change): void {
  if (answer === undefined) return;
  standing.helper = answer.kind === "nothing" ? answer.why : undefined;
  if (answer.kind !== "done") return;
  const { refused } = answer.result;
  standing.stops = refused.filter(({ rule }) => stopping.includes(rule)).map(({ sentence }) => sentence);
}

function healthOf(worker: Worker | undefined, mode: Rules["mode"], { helper, stops }: Heard): Health {
  const since = Date.now() - hour;
  const left = worker?.records().filter((one) => one.state === "escalated" && one.since > since) ?? [];
  const [first] = left;
  if (first !== undefined)
    return { status: "critical", message: `${left.length} jobs of the last hour need a person: ${first.message}` };
  const why = helper ?? stops?.[0];
  if (why !== undefined) return { status: "warning", message: why };
  return mode === "auto" && worker?.proved === undefined
    ? { status: "warning", message: "no page was seen to reach this host yet: `overlaywatch webhook test` proves it" }
    : { status: "ok" };
}
