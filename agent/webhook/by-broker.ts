import type { HandOver } from "../../dispatch/hand-over.ts";
import { isTest } from "../../dispatch/job.ts";
import type { LocalHandOver } from "../../dispatch/local/hand-over.ts";
import { openBroker } from "../../dispatch/nats/connection.ts";
import { type DeadLetter, watchFleet } from "../../dispatch/nats/fleet.ts";
import { watchFleetSize } from "../../dispatch/nats/fleet-size.ts";
import { natsHandOver } from "../../dispatch/nats/hand-over.ts";
import type { Told } from "../../dispatch/nats/protocol.ts";
import { hostKeyOf } from "../../dispatch/nats/subjects.ts";
import { brokerOptions, signingKeyOf } from "../broker.ts";
import type { Config } from "../config/schema.ts";
import { type FleetGuard, openFleetGuard } from "./fleet-guard.ts";
import { type FleetMetrics, openFleetMetrics } from "./fleet-metrics.ts";
import { folding } from "./folding.ts";
import { safeWays, type Ways } from "./telling.ts";

/** Of one host, in a minute: one that tells without end fills no log. */
const mostTold = 60;

export interface Way extends LocalHandOver {
  /** Why nothing is handed over now; left out where there is no fleet that could be paused. */
  readonly paused?: () => Promise<string | undefined>;
}

/** To the hosts of a fleet. What comes to no good there is told here. Throws `ConfigError`. */
export function handOverByBroker(config: Config, given: Omit<Ways, "now">): Way {
  const ways = safeWays(given);
  const { log } = ways;
  const signingKey = signingKeyOf(config);
  const options = brokerOptions(config, "gateway");
  const broker = openBroker({ ...options, onChange: (change, isWell) => log[isWell ? "info" : "warn"](change) });
  const size = watchFleetSize(broker);
  const turns = folding(mostTold, Date.now);
  const { seen, admits } = watchFleet(broker, {
    onDeadLetter: (letter) => {
      metrics.deadLetter(letter.why);
      tellDead(letter, ways);
    },
    onSeen: (key) => guard.isThere(key),
    // Its own journal and events have all of it.
    onTold: (key, told) => {
      if (isOwnBegin(told)) guard.saw(key);
      const { id, state, message } = told;
      if (turns.take(key)) log.info(`host ${key}: job ${id.slice(0, 12)}: ${state}: ${message}`);
    },
    onTrouble: (what, key) => log.warn(what, key),
  });
  const guard = openFleetGuard(config, { broker, signingKey, seen, admits, size: size.hosts, ways });
  const { isConnected } = broker;
  const metrics = openFleetMetrics(ways.outputs, () => ({ ...guard, isConnected, seen, enrolled: size.hosts }));
  const handOver = natsHandOver({ broker, signingKey, admits });
  return {
    ...handOver,
    offer: watched(handOver, guard, metrics),
    isThere: () => Promise.resolve(broker.isConnected()),
    paused: guard.paused,
    close: async () => {
      size.close();
      guard.close();
      metrics.close();
      await handOver.close();
    },
  };
}

/** The host's own trigger has asked: a page is seen here already. */
const isOwnBegin = ({ own, state }: Told): boolean => own === true && state === "waiting";

/** A host that nobody knows, or a sample of `webhook test`, is no sign of a storm. */
function watched({ offer }: HandOver, guard: FleetGuard, metrics: FleetMetrics): HandOver["offer"] {
  return async (job) => {
    const began = performance.now();
    const receipt = await offer(job);
    metrics.offered(performance.now() - began);
    if (receipt.answer !== "unknown-host" && !isTest(job)) guard.saw(hostKeyOf(job.host));
    return receipt;
  };
}

const because: Readonly<Record<DeadLetter["why"], string>> = {
  undelivered: "its worker could not take it, and it is not sent again: look at its worker's log and disk",
  "turned-away": "its worker does not take such a job: look at its log for the reason, and at keys, names and clocks",
  "not-taken": "it is not there, or its worker is not: the job waits for it, but not for long",
};

function tellDead({ why, key, job }: DeadLetter, { outputs, notes, log }: Omit<Ways, "now">): void {
  const host = job?.host ?? key;
  const text = `job ${job?.id ?? "of no known id"} for ${host} is ${why}: ${because[why]}`;
  const traced = job === undefined ? {} : { trace: job.trace };
  log.error(text, `${why} ${key}`);
  notes.write({ kind: "page", message: text, outcome: why, ...traced });
  const { alert } = job ?? {};
  outputs.event({
    title: `${host}: overlay remedy: ${why}`,
    text: alert === undefined ? text : [text, alert.title, alert.link].join("\n"),
    alertType: "error",
    tags: { host, reason: why, ...traced },
    ...(alert !== undefined && { aggregationKey: alert.cycle }),
  });
}
