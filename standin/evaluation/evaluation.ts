import { type Receiver, type ReceiverOptions, startReceiver } from "../../emit/dogstatsd/receiver.ts";
import { type Json, type JsonObject, wordAt } from "../json.ts";
import type { Organisation } from "../organisation.ts";
import { triggered } from "../trigger.ts";
import type { World } from "../world.ts";
import { Evaluator } from "./evaluator.ts";
import { Store } from "./store.ts";

export interface EvaluationOptions {
  /** Where metrics come from; without it nothing is received, and nothing evaluated. */
  readonly receive: (Pick<ReceiverOptions, "udp" | "uds"> & { readonly hostname: string }) | undefined;
  /** Milliseconds; 0: only when it is asked for. */
  readonly every: number;
  readonly org: Organisation;
  readonly world: World;
  readonly onEvent: (event: JsonObject) => void;
  /** Called after an evaluation that changed something. */
  readonly afterwards: () => Promise<void>;
  readonly onProblem: (error: unknown) => void;
}

/** Metrics that are received, and the monitors of one organisation that are judged by them. */
export interface Evaluation {
  readonly dogstatsd: readonly string[];
  readonly evaluate: () => Promise<void>;
  readonly metrics: () => Json;
  readonly groups: () => Json;
  readonly close: () => Promise<void>;
}

/** Rejects where it can not listen. */
export async function startEvaluation(options: EvaluationOptions): Promise<Evaluation> {
  const { receive, every, world, onProblem } = options;
  const now = () => world.clock.now();
  const store = new Store({ now, hostname: receive?.hostname ?? "" });
  const evaluator = new Evaluator(store, now, () => String(world.nextId("event")));
  const receiver = receive && (await startReceiver(receive, (message) => store.take(message)));
  const evaluate = () => evaluateOnce(evaluator, options);
  const timer =
    receiver === undefined || every === 0 ? undefined : setInterval(() => void evaluate().catch(onProblem), every);
  return {
    dogstatsd: receiver === undefined ? [] : addressesOf(receiver),
    evaluate,
    metrics: () => store.shown(),
    groups: () => evaluator.shown(),
    close: async () => {
      clearInterval(timer);
      await receiver?.close();
    },
  };
}

async function evaluateOnce(evaluator: Evaluator, { org, world, onEvent, afterwards }: EvaluationOptions) {
  const monitors = org.kept.monitors.values();
  evaluator.keep(new Set(monitors.map((one) => wordAt(one, "id"))));
  const changes = monitors.filter((monitor) => judgeOne(evaluator, monitor, org, world, onEvent));
  if (changes.length > 0) await afterwards();
}

/** Whether something changed. */
function judgeOne(
  evaluator: Evaluator,
  monitor: JsonObject,
  org: Organisation,
  world: World,
  onEvent: EvaluationOptions["onEvent"],
): boolean {
  const { triggers, overall } = evaluator.judge(monitor);
  for (const trigger of triggers) onEvent(triggered(monitor, org, world, trigger));
  const id = Number(monitor["id"]);
  const current = org.kept.monitors.get(id);
  // What a single group's change has put there is not the whole monitor's state.
  if (current !== undefined && overall !== undefined && current["overall_state"] !== overall)
    org.kept.monitors.set(id, { ...current, overall_state: overall, overall_state_modified: world.stamp() });
  return triggers.length > 0 || (overall !== undefined && monitor["overall_state"] !== overall);
}

const addressesOf = ({ udp, uds }: Receiver): readonly string[] => [
  ...(udp === undefined ? [] : [`udp://${udp.host.includes(":") ? `[${udp.host}]` : udp.host}:${udp.port}`]),
  ...(uds === undefined ? [] : [`unix://${uds.path}`]),
];
