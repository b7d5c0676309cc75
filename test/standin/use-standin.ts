import assert from "node:assert/strict";
import { isObject, type Json, type JsonObject, parseJson, textsAt } from "../../standin/json.ts";
import { startStandin, type Standin, type StandinOptions } from "../../standin/standin.ts";
import { type ManualClock, manualClock } from "../host/manual-clock.ts";
import { officialSchema } from "./openapi.ts";

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of JSON. */
  readonly body: Json;
  /** Of a JSON object. */
  readonly object: JsonObject;
  /** The error texts. */
  readonly errors: readonly string[];
}

export interface CallOptions {
  readonly org?: number;
  readonly apiKey?: string;
  readonly appKey?: string;
}

export interface StandinUnderTest {
  readonly standin: () => Standin;
  readonly clock: () => ManualClock;
  /**
   * One request with the keys of an organisation (the first one). Whatever is answered has to pass the official schema,
   * and so has every request that was accepted, where that schema is there.
   */
  readonly call: (method: string, path: string, body?: Json, options?: CallOptions) => Promise<Answered>;
}

/** In a `describe`: a stand-in of its own for each test; time stands still until the test moves it. */
export function useStandin(options: Partial<StandinOptions> = {}): StandinUnderTest {
  let running: Standin | undefined;
  let clock = manualClock(0);
  const problems: unknown[] = [];
  const standin = () => {
    assert.ok(running);
    return running;
  };
  beforeEach(async () => {
    clock = manualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
    running = await startStandin({ clock, onProblem: (error) => problems.push(error), ...options });
  });
  afterEach(async () => {
    await running?.close();
    assert.deepEqual(problems.splice(0), []);
  });
  return { standin, clock: () => clock, call: (...args) => call(standin(), ...args) };
}

async function call(
  { url, organisations }: Standin,
  method: string,
  path: string,
  body?: Json,
  { org = 0, apiKey = organisations[org]!.apiKey, appKey = organisations[org]!.appKey }: CallOptions = {},
): Promise<Answered> {
  const headers = { "DD-API-KEY": apiKey, "DD-APPLICATION-KEY": appKey };
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answered = answeredOf(response.status, response.headers, await response.text());
  conforms(method, path.split("?")[0]!, body, answered);
  return answered;
}

function answeredOf(status: number, headers: Headers, text: string): Answered {
  const isJson = headers.get("content-type") === "application/json";
  const body = isJson ? parseJson(text) : null;
  const object = isObject(body) ? body : {};
  return { status, headers, text, body, object, errors: textsAt(object, "errors") };
}

function conforms(method: string, path: string, sent: Json | undefined, { status, body, headers }: Answered): void {
  const schema = officialSchema();
  if (schema === undefined || headers.get("content-type") !== "application/json") return;
  const what = `${method} ${path}: ${status} ${JSON.stringify(body)}`;
  assert.deepEqual(schema.response(method, path, status, body), [], what);
  if (status < 300 && sent !== undefined) assert.deepEqual(schema.request(method, path, sent), [], what);
}
