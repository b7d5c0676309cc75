import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { ReceiverOptions } from "../emit/dogstatsd/receiver.ts";
import type { Clock } from "../host/host.ts";
import { administer, adminPrefix } from "./admin.ts";
import { Refused, refusal } from "./answer.ts";
import { type Api, type Ending, type Request, serve } from "./api.ts";
import { startEvaluation, type Evaluation } from "./evaluation/evaluation.ts";
import { Faults, type FaultSettings, type Planned } from "./faults.ts";
import { requestOf, respond, tooLarge } from "./http.ts";
import type { Json, JsonObject } from "./json.ts";
import { Limits } from "./limits.ts";
import { type Organisation, organisations } from "./organisation.ts";
import { randomFrom } from "./random.ts";
import { openState, type StateFile } from "./state.ts";
import { type Trigger, triggered } from "./trigger.ts";
import { type Delivery, deliver } from "./webhook/deliver.ts";
import { worldOf } from "./world.ts";

export interface StandinOptions {
  readonly clock: Clock;
  /** 127.0.0.1 where it is not given. */
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Of keys, ids and faults; 1 where it is not given. */
  readonly seed?: number;
  /** How many organisations there are; 2 where it is not given. The second one's monitors carry undocumented fields. */
  readonly organisations?: number;
  readonly faults?: Partial<FaultSettings>;
  /** No limit of requests holds. */
  readonly unlimited?: boolean;
  /** Objects are kept in that file. */
  readonly state?: string;
  /** Between tries to deliver a webhook, in milliseconds; 1000 where it is not given. */
  readonly deliveryPause?: number;
  /** Receives metrics there, as the agent of a host of that name, and evaluates the first organisation's monitors by them. */
  readonly dogstatsd?: Pick<ReceiverOptions, "udp" | "uds"> & { readonly hostname: string };
  /** Between evaluations, in milliseconds; 60,000 where it is not given. 0: only when it is asked for. */
  readonly evaluateEvery?: number;
  /** Called where a request could not be answered for a reason of our own, such as a state that can not be written. */
  readonly onProblem: (error: unknown) => void;
}

/** One request as it came and how it was answered; keys are not in it. */
export interface Logged {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  /** What was answered, or would have been where the connection was cut. */
  readonly status: number;
  readonly answer: string;
}

/** A running stand-in for Datadog's API. */
export interface Standin {
  /** Like `http://127.0.0.1:40001`. */
  readonly url: string;
  readonly organisations: readonly Organisation[];
  /** The latest 10,000. */
  readonly requests: () => readonly Logged[];
  readonly deliveries: () => readonly Delivery[];
  readonly disturb: (settings: Partial<FaultSettings>, ...next: readonly Planned[]) => void;
  /** Lets a monitor change its state, and sends the webhooks that its message names. Throws for one that is not there. */
  readonly trigger: (monitorId: number, trigger: Trigger) => JsonObject;
  /** Where metrics are received, like `udp://127.0.0.1:40002`; none where they are not. */
  readonly dogstatsd: readonly string[];
  /** Evaluates the monitors now. */
  readonly evaluate: () => Promise<void>;
  /** Series with their last values, and what was left out. */
  readonly metrics: () => Json;
  /** The state of each monitor's groups. */
  readonly groups: () => Json;
  /** Resolves when every webhook under way is delivered or given up. */
  readonly settled: () => Promise<void>;
  /** Open connections are cut. */
  readonly close: () => Promise<void>;
}

const mostLogged = 10_000;

/** Rejects where the address is taken or the state can not be read. */
export async function startStandin(options: StandinOptions): Promise<Standin> {
  const { host = "127.0.0.1", port = 0 } = options;
  const couriers = startCouriers(options.deliveryPause ?? 1000);
  const api = apiOf(options, couriers.send);
  const state = options.state === undefined ? undefined : await openState(options.state, api.world, api.organisations);
  const log: Logged[] = [];
  const server = createServer();
  server.listen(port, host);
  await once(server, "listening");
  const evaluation = await evaluationOf(options, api, state).catch(async (error: unknown) => {
    await closed(server);
    throw error;
  });
  const standin: Standin = {
    url: urlOf(server, host),
    organisations: api.organisations,
    requests: () => log,
    deliveries: () => couriers.deliveries,
    disturb: (settings, ...next) => {
      api.faults.settings = { ...api.faults.settings, ...settings };
      api.faults.plan(...next);
    },
    trigger: (monitorId, trigger) => fire(api, monitorId, trigger),
    ...evaluation,
    settled: couriers.settled,
    close: async () => {
      await evaluation.close();
      couriers.stop();
      await Promise.all([closed(server), couriers.settled()]);
      await state?.save();
    },
  };
  server.on(
    "request",
    (incoming, response) => void answer({ api, standin, state, log, onProblem: options.onProblem }, incoming, response),
  );
  return standin;
}

function apiOf(options: StandinOptions, notify: Api["notify"]): Api {
  const { clock, seed = 1, organisations: count = 2, unlimited = false } = options;
  const faults = new Faults(randomFrom(seed + 1));
  faults.settings = { ...faults.settings, ...options.faults };
  return {
    world: worldOf(clock, seed + 2, "https://app.datadoghq.com"),
    // Keys are of the seed alone: however many organisations there are, the first keeps its own.
    organisations: organisations(count, randomFrom(seed), clock.now),
    faults,
    limits: unlimited ? undefined : new Limits(clock.now),
    notify,
  };
}

function evaluationOf(
  { dogstatsd, evaluateEvery = 60_000, onProblem }: StandinOptions,
  { organisations: [org], world, notify }: Api,
  state: StateFile | undefined,
): Promise<Evaluation> {
  if (org === undefined) throw new Error("a stand-in without an organisation");
  const onEvent = (event: JsonObject) => notify(event, org);
  const afterwards = async () => state?.save();
  return startEvaluation({ receive: dogstatsd, every: evaluateEvery, org, world, onEvent, afterwards, onProblem });
}

function fire({ organisations: all, world, notify }: Api, monitorId: number, trigger: Trigger): JsonObject {
  for (const org of all) {
    const monitor = org.kept.monitors.get(monitorId);
    if (monitor === undefined) continue;
    const event = triggered(monitor, org, world, trigger);
    notify(event, org);
    return event;
  }
  throw new Refused(404, "Monitor not found");
}

/** Webhooks on their way. */
function startCouriers(pause: number) {
  const stopping = new AbortController();
  const deliveries: Delivery[] = [];
  const under = new Set<Promise<void>>();
  const onTry = (delivery: Delivery) => void deliveries.push(delivery);
  return {
    deliveries,
    send: (event: JsonObject, org: Organisation): void => {
      const one = deliver(event, org, { pause, signal: stopping.signal, onTry }).finally(() => under.delete(one));
      under.add(one);
    },
    settled: async () => void (await Promise.allSettled(under)),
    stop: () => stopping.abort(),
  };
}

interface Running {
  readonly api: Api;
  readonly standin: Standin;
  readonly state: StateFile | undefined;
  readonly log: Logged[];
  readonly onProblem: (error: unknown) => void;
}

async function answer(running: Running, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    // Rejects where the client goes away within its request: nobody is left to answer.
    const request = await requestOf(incoming).catch(() => undefined);
    if (request === undefined) return void response.destroy();
    await respond(response, await endingOf(running, request));
  } catch (error) {
    running.onProblem(error);
    response.destroy();
  }
}

async function endingOf(
  { api, standin, state, log }: Running,
  request: Request | typeof tooLarge,
): Promise<Omit<Ending, "wrote">> {
  if (request === tooLarge) return { answer: refusal(413, "Payload too large") };
  if (request.path.startsWith(adminPrefix)) return { answer: administer(standin, request) };
  const ending = serve(api, request);
  const { method, path, query, body } = request;
  const { status, html } = ending.answer;
  log.push({
    method,
    path,
    query: String(query),
    body,
    status,
    answer: html ?? JSON.stringify(ending.answer.body),
  });
  if (log.length > mostLogged) log.shift();
  if (ending.wrote) await state?.save();
  return ending;
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}
