import { isTest, type Job, type Withdrawal } from "../job.ts";
import type { Cleanup, Heard } from "./ask-helper.ts";
import { isEnd, type JobRecord, type JobState, sourceOf } from "./record.ts";
import { planOf, sentenceOf } from "./wording.ts";

/** Pure: how a job goes on. Times are milliseconds since the epoch, and come as arguments: a clock may jump. */
export interface Rules {
  readonly mode: "observe" | "approve" | "auto";
  /** A page was seen to reach this host by its name. */
  readonly proved: boolean;
  /** Milliseconds that a person has, and after a cure until each look. */
  readonly approveWithin: number;
  readonly rechecks: readonly number[];
}

const [second, minute] = [1000, 60_000];
/** Before it is asked again who gave no answer, and before one is asked again who is busy. */
const pauses = [second, 2 * second, 5 * second] as const;
/** What an approval, and a look after a death in the midst of it, still have. */
const grace = 5 * minute;
/** A job that a worker dies over again and again is not for it. */
const mostInterruptions = 20;
const longestWait = 24 * 60 * minute;

/** Refusals that end by themselves, and when it is asked again. */
const passing: ReadonlyMap<string, number> = new Map([
  ["now", 5 * second],
  ["docker-answers-now", 5 * second],
  ["cooldown", 10 * second],
  ["per-minute", 15 * second],
  ["settled-engine", 15 * second],
]);

/** Rules that speak of a fault that is there: with them a look after a cure says that it came back. */
const ofPatients: ReadonlySet<string> = new Set(["cooldown", "per-minute", "breaker"]);

export function accepted(job: Job, now: number): JobRecord {
  const until = Math.min(job.notAfter, now + longestWait);
  const counts = { failures: 0, busy: 0, interrupted: 0 };
  return { job, state: "waiting", at: now, since: now, message: "accepted", next: now, until, ...counts, rechecks: [] };
}

const to = (record: JobRecord, state: JobState, message: string, now: number): JobRecord => {
  return { ...record, state, message: message.slice(0, 4000), since: now };
};

/** What the helper is asked for it: to heal only where nobody has to be asked. */
export function verbFor(record: JobRecord, { mode, proved }: Rules, now: number): "look" | "heal" {
  if (now > record.until || isTest(record.job)) return "look";
  // Who has said meanwhile that nothing is to be healed is the later word.
  if (mode === "observe") return "look";
  if (record.approvedBy !== undefined) return "heal";
  return mode === "auto" && (proved || sourceOf(record) === "host") ? "heal" : "look";
}

export function begun(record: JobRecord, verb: "look" | "heal", now: number): JobRecord {
  const what = verb === "look" ? "the helper looks" : "the helper heals";
  return { ...to(record, "working", what, now), verb };
}

/** Of a job in `working`. What would be asked of a person, or begun again, is not where its alert is over. */
export function heard(record: JobRecord, answer: Heard, rules: Rules, now: number): JobRecord {
  const after = judged(record, answer, rules, now);
  const isOpen = after.state === "waiting" || after.state === "approval";
  return isOpen && record.over === true ? to(after, "cancelled", "the alert was over meanwhile", now) : after;
}

/** Of one that was asked for beside another: what was done is the other's, and told as that. */
export function alongside(record: JobRecord, answer: Heard, rules: Rules, now: number, other: Job): JobRecord {
  if (answer.kind !== "done" || answer.result.outcome !== "cured") return heard(record, answer, rules, now);
  return to(
    record,
    "healthy",
    `nothing was left to do: healed for job ${other.id.slice(0, 12)}, trace ${other.trace}`,
    now,
  );
}

function judged(record: JobRecord, answer: Heard, rules: Rules, now: number): JobRecord {
  if (answer.kind === "done") return answered(record, answer.result, rules, now);
  return answer.kind === "busy" ? laterOr("escalated", record, answer.why, now) : unanswered(record, answer.why, now);
}

function unanswered(record: JobRecord, why: string, now: number): JobRecord {
  const failures = record.failures + 1;
  const pause = pauses[failures - 1];
  if (pause === undefined)
    return to({ ...record, failures }, "escalated", `asked ${failures} times, and not answered: ${why}`, now);
  return { ...to(record, "waiting", `to be asked again: ${why}`, now), failures, next: now + pause };
}

/** Waits for what ends by itself, for as long as it may still be begun. */
function laterOr(
  end: "refused" | "escalated",
  record: JobRecord,
  why: string,
  now: number,
  pause: number = pauses[Math.min(record.busy, pauses.length - 1)] ?? second,
): JobRecord {
  const next = now + pause;
  if (next > record.until) return to(record, end, `not done in its time: ${why}`, now);
  return { ...to(record, "waiting", `waits: ${why}`, now), next, busy: record.busy + 1, failures: 0 };
}

function answered(record: JobRecord, result: Cleanup, rules: Rules, now: number): JobRecord {
  const said = sentenceOf(result);
  const afresh = record.interrupted > 0 ? "interrupted, and judged afresh: " : "";
  const { outcome } = result;
  if (outcome === "nothing") return to(record, "healthy", `${afresh}looked, and nothing was active`, now);
  if (outcome === "cured" && result.refused.length > 0) return healedInPart(record, result, now);
  if (outcome === "cured") return healed(record, `${afresh}healed and verified: ${said}`, rules, now);
  if (outcome === "planned") return planned(record, result, rules, now);
  if (outcome === "refused") return refused(record, result, now);
  if (outcome === "locked" || outcome === "unavailable")
    return laterOr("escalated", record, `${outcome}: ${said}`, now);
  return to(record, "escalated", `${afresh}${headlines[outcome]}: ${said}`, now);
}

const headlines = {
  ambiguous: "what is left has to be judged by a person",
  undone: "it did not help, and everything was put back as it was",
  failed: "it did not help, and NOT everything could be put back",
} as const;

function healed(record: JobRecord, message: string, { rechecks }: Rules, now: number): JobRecord {
  const looks = rechecks.map((after) => ({ due: now + after, failures: 0 }));
  return { ...to(record, "healed", message, now), rechecks: looks };
}

/** The rest was refused: asked again where that ends by itself, and else a person's. */
function healedInPart(record: JobRecord, result: Cleanup, now: number): JobRecord {
  const said = `healed in part, and the rest was refused: ${sentenceOf(result)}`;
  const pause = passesAfter(result);
  return pause === undefined ? to(record, "escalated", said, now) : laterOr("escalated", record, said, now, pause);
}

function planned(record: JobRecord, result: Cleanup, { mode, approveWithin }: Rules, now: number): JobRecord {
  const said = sentenceOf(result);
  const told = { ...record, plan: [...planOf(result)] };
  if (record.verb === "heal") return to(told, "escalated", `asked to heal, the helper only looked: ${said}`, now);
  if (now > record.until)
    return to(told, "escalated", `interrupted, and its time is over: nothing was begun again: ${said}`, now);
  if (isTest(record.job)) return to(told, "observed", `a test, for which nothing is changed: ${said}`, now);
  if (mode === "observe") return to(told, "observed", `only observed: ${said}`, now);
  const how = `to have it done: overlaywatch approve ${record.job.id.slice(0, 12)}`;
  return { ...to(told, "approval", `${said}; ${how}`, now), until: now + approveWithin };
}

function refused(record: JobRecord, result: Cleanup, now: number): JobRecord {
  const said = sentenceOf(result);
  const pause = passesAfter(result);
  return pause === undefined
    ? to(record, "refused", `refused: ${said}`, now)
    : laterOr("refused", record, said, now, pause);
}

/** Milliseconds; undefined where a refusal does not end by itself. */
function passesAfter({ refused: all }: Cleanup): number | undefined {
  const waits = all.map(({ rule }) => passing.get(rule));
  const known = waits.filter((ms) => ms !== undefined);
  return known.length > 0 && known.length === waits.length ? Math.max(...known) : undefined;
}

/** Of one that would wait for a person where another one does already. */
export const besideApproval = (record: JobRecord, other: Job): JobRecord => ({
  ...record,
  state: "observed",
  message: `the same waits for approval already, as job ${other.id.slice(0, 12)}, trace ${other.trace}`,
});

/** To know it again by. */
export function inFewWords(record: JobRecord): JobRecord {
  const { plan: _plan, ...rest } = record;
  const { alert, ...job } = record.job;
  const short =
    alert === undefined ? {} : { alert: { ...alert, scope: "", title: alert.title.slice(0, 80), link: "" } };
  return { ...rest, job: { ...job, ...short }, message: record.message.slice(0, 200) };
}

/** A look after a cure. Of a job in `healed`, for its recheck of that index. */
export function rechecked(record: JobRecord, index: number, answer: Heard, now: number): JobRecord {
  const found = (text: string): JobRecord => withRecheck(record, index, { found: text });
  if (answer.kind !== "done") return unlooked(record, index, answer.why, now);
  const { result } = answer;
  if (result.outcome === "nothing") return found("nothing active");
  if (result.outcome === "locked" || result.outcome === "unavailable")
    return unlooked(record, index, `${result.outcome}: ${sentenceOf(result)}`, now);
  const isBack = result.outcome !== "refused" || result.refused.some(({ rule }) => ofPatients.has(rule));
  if (!isBack) return found(`not judged: ${sentenceOf(result)}`);
  const message = `it came back after the cure: ${sentenceOf(result)}; a person has to find out why`;
  const closed = record.rechecks.map((one) => ({ ...one, found: one.found ?? "it came back" }));
  return { ...to(record, "escalated", message, now), rechecks: closed, plan: [...planOf(result)] };
}

function unlooked(record: JobRecord, index: number, why: string, now: number): JobRecord {
  const failures = (record.rechecks[index]?.failures ?? 0) + 1;
  const pause = pauses[failures - 1];
  if (pause === undefined) return withRecheck(record, index, { failures, found: `not judged: ${why}` });
  return withRecheck(record, index, { failures, due: now + pause });
}

type Recheck = JobRecord["rechecks"][number];

function withRecheck(record: JobRecord, index: number, more: Partial<Recheck>): JobRecord {
  return { ...record, rechecks: record.rechecks.map((one, at) => (at === index ? { ...one, ...more } : one)) };
}

/** Undefined where it does not wait for a person. */
export function approved(record: JobRecord, by: string, now: number): JobRecord | undefined {
  if (record.state !== "approval") return undefined;
  const again = { next: now, until: now + grace, failures: 0, busy: 0 };
  return { ...to(record, "waiting", `approved by ${by}`, now), ...again, approvedBy: by };
}

/** Undefined where it is not of that alert, or is ended. What the helper is at is brought to its end. */
export function withdrawn(record: JobRecord, { monitor, cycle }: Withdrawal, now: number): JobRecord | undefined {
  const { alert } = record.job;
  if (isEnd(record.state) || alert === undefined || alert.monitor !== monitor || alert.cycle !== cycle)
    return undefined;
  if (record.state === "working") return { ...record, over: true };
  return to(record, "cancelled", "the alert was over before it was begun", now);
}

/** Of one that was not begun in its time; undefined where it still has some. */
export function expired(record: JobRecord, now: number): JobRecord | undefined {
  if (now <= lastMoment(record)) return undefined;
  const why = record.state === "approval" ? "nobody approved it in its time" : "nothing could begin in its time";
  return to(record, "expired", `${why}; ${record.message}`, now);
}

/** What was interrupted has begun, and is judged afresh whatever the time. */
const lastMoment = ({ state, until, interrupted }: JobRecord): number =>
  state === "approval" || (state === "waiting" && interrupted === 0) ? until : Infinity;

/** Of what a worker finds that starts: the one before may have died in the midst of it, and the helper gone on. */
export function restarted(record: JobRecord, now: number): JobRecord {
  if (record.state !== "working") return record;
  const interrupted = record.interrupted + 1;
  const counted = { ...record, interrupted, next: now };
  if (interrupted > mostInterruptions)
    return to(counted, "escalated", `the worker ended ${interrupted} times in the midst of it`, now);
  return to(counted, "waiting", "interrupted: to be judged afresh", now);
}

export interface Due {
  readonly id: string;
  /** Of a look after a cure; undefined where the job itself is to be begun. */
  readonly recheck: number | undefined;
}

/** So many are looked out at once: to look through all of them for each would be most of the work where many wait. */
const atOnce = 50;

/** What the helper is to be asked next, in that order: what waits longest, before looks after cures. */
export function due(records: Iterable<JobRecord>, now: number): readonly Due[] {
  const turns: { due: Due; rank: number; at: number }[] = [];
  for (const record of records)
    for (const one of turnsOf(record))
      if (isTime(record, one.at, now)) turns.push({ ...one, rank: one.due.recheck === undefined ? 0 : 1 });
  const inOrder = turns.toSorted((a, b) => a.rank - b.rank || a.at - b.at);
  return inOrder.slice(0, atOnce).map((one) => one.due);
}

/** A clock that was set back must not hold anything up. */
const isTime = ({ since }: JobRecord, at: number, now: number): boolean => now >= at || now < since;

function turnsOf({ job: { id }, state, next, rechecks }: JobRecord): readonly { due: Due; at: number }[] {
  if (state === "waiting") return [{ due: { id, recheck: undefined }, at: next }];
  if (state !== "healed") return [];
  const recheck = rechecks.findIndex(({ found }) => found === undefined);
  const at = rechecks[recheck]?.due;
  return at === undefined ? [] : [{ due: { id, recheck }, at }];
}

/** When something is due or expires next. */
export function wakeAt(records: Iterable<JobRecord>): number {
  let at = Infinity;
  for (const record of records) {
    for (const turn of turnsOf(record)) at = Math.min(at, turn.at);
    at = Math.min(at, lastMoment(record) + 1);
  }
  return at;
}
