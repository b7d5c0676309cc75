import { distinctAnswers, isAnswer } from "../../overlay/cluster/machines.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import type { Config } from "../config/schema.ts";
import { askAll } from "../doctor/cluster.ts";
import { fleetQuestions } from "../fleet-questions.ts";

/** What all hosts of a fleet told. */
export interface FleetTold {
  /** By the names that the fleet has for them. */
  readonly hosts: readonly HostTables[];
  /** A sentence for each that did not answer. */
  readonly silent: readonly string[];
}

/** So long has each host for its answer, which is a look of a second at each of its overlays. */
const withinMs = 15_000;

/** Throws `ConfigError` where this is not the gateway's machine, `UnavailableError` where the broker is not there. */
export async function toldByFleet(config: Config, signal: AbortSignal): Promise<FleetTold> {
  const questions = await fleetQuestions(config, withinMs);
  try {
    const asked = await askAll(questions, signal);
    return {
      hosts: distinctAnswers(asked).map(({ host, tables }) => ({ ...tables, host })),
      silent: asked.flatMap((one) => (isAnswer(one) ? [] : [`${one.host} did not answer: ${one.trouble}`])),
    };
  } finally {
    await questions.close();
  }
}
