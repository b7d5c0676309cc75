import type { LocalHandOver } from "../../dispatch/local/hand-over.ts";
import { openBroker } from "../../dispatch/nats/connection.ts";
import { type DeadLetter, watchFleet } from "../../dispatch/nats/fleet.ts";
import { natsHandOver } from "../../dispatch/nats/hand-over.ts";
import { brokerOptions, signingKeyOf } from "../broker.ts";
import type { Config } from "../config/schema.ts";
import { folding } from "./folding.ts";
import type { Ways } from "./telling.ts";

/** Of one host, in a minute: one that tells without end fills no log. */
const mostTold = 60;

/** To the hosts of a fleet. What comes to no good there is told here. Throws `ConfigError`. */
export function handOverByBroker(config: Config, ways: Omit<Ways, "now">): LocalHandOver {
  const { log } = ways;
  const signingKey = signingKeyOf(config);
  const options = brokerOptions(config, "gateway");
  const broker = openBroker({ ...options, onChange: (change, isWell) => log[isWell ? "info" : "warn"](change) });
  const turns = folding(mostTold, Date.now);
  const { admits } = watchFleet(broker, {
    onDeadLetter: (letter) => tellDead(letter, ways),
    // Its own journal and events have all of it.
    onTold: (key, { id, state, message }) => {
      if (turns.take(key)) log.info(`host ${key}: job ${id.slice(0, 12)}: ${state}: ${message}`);
    },
    onTrouble: (what, key = "fleet") => log.warn(what, key),
  });
  return { ...natsHandOver({ broker, signingKey, admits }), isThere: () => Promise.resolve(broker.isConnected()) };
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
