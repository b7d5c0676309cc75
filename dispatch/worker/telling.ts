import type { EventDraft } from "../../emit/event.ts";
import type { Sample } from "../../emit/sample.ts";
import type { Cleanup } from "./ask-helper.ts";
import { isEnd, isOver, type JobRecord, type JobState, sourceOf } from "./record.ts";
import type { Change, Rejected } from "./worker.ts";

type AlertType = EventDraft["alertType"];

/** What people are told of each state that a job comes to; of the others nobody has to know. */
const told: Readonly<Partial<Record<JobState, readonly [AlertType, string]>>> = {
  approval: ["warning", "waits for approval"],
  healthy: ["info", "nothing active"],
  observed: ["warning", "only observed"],
  healed: ["success", "healed"],
  refused: ["warning", "refused"],
  escalated: ["error", "needs a person"],
  expired: ["warning", "expired"],
};

/** Undefined where nobody has to be told. Never silent: each end that is not good is a warning or an error. */
export function eventOf({ record, before, recheck, answer }: Change): EventDraft | undefined {
  const [alertType, headline] = kindOf(record, before, recheck) ?? [];
  if (alertType === undefined || headline === undefined) return undefined;
  const { job, plan = [] } = record;
  const looks = record.rechecks.flatMap(({ found }) => found ?? []);
  const lines = [
    record.message,
    ...(recheck === undefined ? [] : [`looked again: ${looks.join(", ")}`]),
    ...plan,
    ...(job.alert === undefined ? ["asked by this host's own pipeline"] : [job.alert.title, job.alert.link]),
    `job ${job.id}`,
  ];
  return {
    title: `${job.host}: overlay remedy: ${headline}`,
    text: lines.join("\n"),
    alertType,
    aggregationKey: job.alert?.cycle ?? job.trace,
    tags: { host: job.host, trace: job.trace, source: sourceOf(record), state: record.state, ...networkOf(answer) },
  };
}

function kindOf(record: JobRecord, before: JobState | undefined, recheck: number | undefined) {
  if (recheck === undefined || record.state !== before) return told[record.state];
  if (!isOver(record)) return undefined;
  const isWell = record.rechecks.every(({ found = "" }) => !found.startsWith("not judged"));
  return isWell ? (["info", "the cure holds"] as const) : (["warning", "whether the cure holds is not known"] as const);
}

/** Where it was one only. */
function networkOf(answer: Change["answer"]): Readonly<Record<string, string>> {
  if (answer?.kind !== "done") return {};
  const [id = "", ...more] = new Set(answer.result.actions.map(({ network }) => network));
  return id === "" || more.length > 0 ? {} : { docker_network: id.slice(0, 12) };
}

export function rejectedEvent({ job, answer }: Rejected): EventDraft {
  const why =
    answer === "full"
      ? "so many jobs wait already that it was not taken"
      : `it is for ${job.host}, which is not this host: a monitor, or the list of hosts of the gateway, is wrong`;
  return {
    title: `${job.host}: overlay remedy: not taken`,
    text: [why, job.alert?.title ?? "asked by this host's own pipeline", `job ${job.id}`].join("\n"),
    alertType: "error",
    aggregationKey: job.alert?.cycle ?? job.trace,
    tags: { trace: job.trace },
  };
}

export function samplesOf({ record, before, answer, recheck }: Change): readonly Sample[] {
  if (recheck === undefined && answer?.kind === "done") return [...ofState(record, before), ...ofRun(answer.result)];
  return ofState(record, before);
}

/** As the follower counts a cleanup that this program's other processes noted. */
function ofRun({ strategy, outcome }: Cleanup): readonly Sample[] {
  return outcome === "nothing" ? [] : [{ name: "remedy.runs", type: "count", value: 1, tags: { strategy, outcome } }];
}

function ofState(record: JobRecord, before: JobState | undefined): readonly Sample[] {
  const { state, at, since } = record;
  if (state === before) return [];
  const tags = { state, source: sourceOf(record) };
  const took: readonly Sample[] = isEnd(state)
    ? [{ name: "worker.job_seconds", type: "gauge", value: Math.max(0, since - at) / 1000, tags }]
    : [];
  return [{ name: "worker.jobs", type: "count", value: 1, tags }, ...took];
}
