import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveClock } from "../../../host/clock.ts";
import { plainSettings } from "../../../monitors/assets.ts";
import type { Desired, JsonObject } from "../../../monitors/desired.ts";
import { openApi } from "../../../monitors/sync/api.ts";
import { perform, refuseStale, type Step } from "../../../monitors/sync/apply.ts";
import { openLedger } from "../../../monitors/sync/ledger.ts";
import { deletions } from "../../../monitors/sync/plan.ts";
import type { Patience } from "../../../monitors/sync/retry.ts";
import { survey } from "../../../monitors/sync/survey.ts";
import { datadogTransport, type Transport } from "../../../monitors/sync/transport.ts";
import type { World } from "../../../monitors/sync/write.ts";
import { shipped } from "../../../monitors/shipped.ts";
import { officialSchema } from "../../standin/openapi.ts";
import { type Standin, type StandinOptions, startStandin } from "../../../standin/standin.ts";

/** As patient as the real one, in less time. */
export const quick: Patience = { attempts: 8, timeout: 3000, longestWait: 3000, firstWait: 4, settle: 120 };

/** Everything that ships, with a webhook. */
export const everything: readonly Desired[] = shipped({
  ...plainSettings,
  webhookUrl: "https://heal.example.com/datadog",
});

/** A small part of it: one of each kind, and one monitor more. */
export const some: readonly Desired[] = everything.filter(
  ({ kind, key }) => kind !== "monitor" || key === "fdb-misplaced" || key === "probe-loss",
);

/** Of the v2 API, which the official schema is not about: who the keys are of, and who changed what. */
const elsewhere = /^\/api\/v2\/(?:current_user|audit\/events)$/u;

/** Every request is held against the official schema, where that is there. */
function judged(transport: Transport, unofficial: string[]): Transport {
  const schema = officialSchema();
  return async (request, signal) => {
    const { pathname, searchParams } = new URL(request.path, "http://api");
    if (schema !== undefined && !elsewhere.test(pathname)) {
      unofficial.push(...schema.address(request.method, pathname, searchParams));
      if (request.body !== undefined) unofficial.push(...schema.request(request.method, pathname, request.body));
    }
    return transport(request, signal);
  };
}

interface Opened {
  readonly org?: number;
  readonly patience?: Partial<Patience>;
  readonly signal?: AbortSignal;
  readonly told?: string[];
  /** Between the program and the network. */
  readonly wrap?: (transport: Transport) => Transport;
  /** In the folder of the test; another one has another ledger. */
  readonly state?: string;
}

/** In a `describe`: a stand-in of its own for each test, and ways into it. */
export function useOrganisation(options: Partial<StandinOptions> = {}) {
  let standin: Standin;
  let folder = "";
  const problems: unknown[] = [];
  const unofficial: string[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ow-sync-"));
    standin = await startStandin({
      clock: liveClock,
      unlimited: true,
      onProblem: (error) => void problems.push(error),
      ...options,
    });
  });
  afterEach(async () => {
    await standin.close();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(problems, [], "the stand-in has a fault of its own");
    assert.deepEqual(unofficial.splice(0), [], "requests that the official schema does not take");
  });
  const open = async ({
    org = 0,
    patience = {},
    signal,
    told = [],
    wrap = (transport) => transport,
    state = "state",
  }: Opened = {}): Promise<World> => {
    const { apiKey, appKey } = standin.organisations[org]!;
    return {
      ledger: await openLedger(join(folder, state, "objects.json")),
      api: openApi({
        transport: wrap(judged(datadogTransport(standin.url, { api: apiKey, application: appKey }), unofficial)),
        patience: { ...quick, ...patience },
        signal: signal ?? new AbortController().signal,
        tell: (sentence) => void told.push(sentence),
        now: () => new Date(),
        random: Math.random,
      }),
    };
  };
  /** Somebody else's. Fails the test where it is refused. */
  const request = async (method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: JsonObject) => {
    const { apiKey, appKey } = standin.organisations[0]!;
    const send = datadogTransport(standin.url, { api: apiKey, application: appKey });
    const answer = await send({ method, path, ...(body === undefined ? {} : { body }) }, new AbortController().signal);
    assert.ok(answer.status < 300, answer.text);
    return answer;
  };
  const plan = async (world: World, desired = some) => (await survey(world, { url: standin.url, desired })).plan;
  const kept = (kind: "monitors" | "dashboards" | "webhooks", org = 0) => [
    ...standin.organisations[org]!.kept[kind].values(),
  ];
  return {
    standin: () => standin,
    folder: () => folder,
    request,
    open,
    plan,
    kept,
    /** A run of `apply`: looks, checks, does. */
    apply: async (world: World, desired = some): Promise<readonly Step[]> => {
      const { changes } = await plan(world, desired);
      await refuseStale(world, changes);
      return perform(world, changes, () => undefined);
    },
    /** A run of `destroy`. */
    destroy: async (world: World) => {
      const { changes } = await plan(world, []);
      if (deletions(changes) !== changes.length) throw new Error("destroy would do more than delete");
      return perform(world, changes, () => undefined);
    },
  };
}

export const failures = (steps: readonly Step[]): readonly string[] =>
  steps.filter(({ result }) => result !== "done").map(({ change, error }) => `${change.key}: ${error}`);

export const webhookPath = (name: string): string => `/api/v1/integration/webhooks/configuration/webhooks/${name}`;
