import assert from "node:assert/strict";
import { isList, isObject, type Json, type JsonObject, objectAt, omit, wordAt } from "../../standin/json.ts";
import { monitorNormalisations } from "../../standin/monitor/normal.ts";
import { useStandin } from "./use-standin.ts";

const metric = {
  type: "metric alert",
  name: "n",
  query: "avg(last_5m):sum:net.x{*} by {host} > 10",
  message: "m",
  options: { thresholds: { critical: 10 } },
};
const log = {
  ...metric,
  type: "log alert",
  query: 'logs("service:foo").index("main").rollup("count").by("source").last("5m") > 10',
};
const formula = { type: "query alert", query: 'formula("a * 100").last("15m") > 10', name: "n", message: "m" };

interface Case {
  readonly sent: JsonObject;
  /** What the answer has. */
  readonly kept: JsonObject;
  /** What its options have. */
  readonly options?: JsonObject;
  /** Fields and options that it lacks. */
  readonly gone?: readonly string[];
  readonly org?: number;
}

/** One or more for every normalisation; of `type-flips` the recorded ones that stay too. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  "unknown-dropped": [
    {
      sent: {
        ...metric,
        classification: "custom",
        id: 7,
        multi: false,
        overall_state: "Alert",
        created: "2020-01-01T00:00:00Z",
      },
      kept: { id: 180_000_001, multi: true, overall_state: "No Data", created: "2026-01-02T03:04:05.000000+00:00" },
      gone: ["classification"],
    },
  ],
  "unknown-options-dropped": [
    {
      sent: { ...metric, options: { thresholds: { critical: 10 }, period: { seconds: 300 }, timeAggregator: "avg" } },
      kept: {},
      gone: ["period", "timeAggregator"],
    },
  ],
  trimmed: [
    {
      sent: {
        ...metric,
        name: " n\n",
        query: ` ${metric.query} `,
        message: "m \n",
        options: { escalation_message: " e " },
      },
      kept: { name: "n", message: "m", query: metric.query },
      options: { escalation_message: "e" },
    },
  ],
  "name-message-tags": [
    {
      sent: { type: "metric alert", query: metric.query },
      kept: { name: metric.query, message: "", tags: [] },
    },
    { sent: { ...metric, tags: ["b:Y", "a"] }, kept: { tags: ["b:Y", "a"] } },
  ],
  priority: [
    { sent: { ...metric, priority: 0 }, kept: { priority: null } },
    { sent: metric, kept: { priority: null } },
    { sent: { ...metric, priority: 3 }, kept: { priority: 3 } },
  ],
  "type-flips": [
    { sent: formula, kept: { type: "metric alert" } },
    { sent: { ...metric, query: "avg(current_1mo):sum:x{*} > 10" }, kept: { type: "query alert" } },
    { sent: { ...metric, query: "avg(current_1h):sum:x{*} > 10" }, kept: { type: "metric alert" } },
    { sent: { ...metric, type: "query alert" }, kept: { type: "query alert" } },
  ],
  "empty-thresholds": [
    { sent: { ...metric, options: { thresholds: {} } }, kept: {}, gone: ["thresholds"] },
    {
      sent: { ...metric, options: { thresholds: { critical: 10, warning: null } } },
      kept: {},
      options: { thresholds: { critical: 10 } },
    },
  ],
  "missing-data-default": [
    { sent: { ...metric, options: { on_missing_data: "default" } }, kept: {}, gone: ["on_missing_data"] },
    {
      sent: { ...log, options: { on_missing_data: "default" } },
      kept: {},
      options: { on_missing_data: "default" },
    },
  ],
  "always-options": [
    {
      sent: { ...metric, options: {} },
      kept: {},
      options: { silenced: {}, notify_audit: false, include_tags: true, new_host_delay: 300 },
      gone: [
        "require_full_window",
        "renotify_interval",
        "timeout_h",
        "evaluation_delay",
        "escalation_message",
        "locked",
      ],
    },
    {
      sent: { ...metric, options: { new_host_delay: null, timeout_h: null, include_tags: false } },
      kept: {},
      options: { new_host_delay: null, timeout_h: null, include_tags: false },
    },
  ],
  "notify-no-data": [
    { sent: metric, kept: {}, options: { notify_no_data: false } },
    { sent: { ...metric, options: { on_missing_data: "resolve" } }, kept: {}, gone: ["notify_no_data"] },
  ],
  "groupby-simple-monitor": [
    { sent: log, kept: {}, options: { groupby_simple_monitor: false } },
    { sent: metric, kept: {}, gone: ["groupby_simple_monitor"] },
  ],
  "restricted-roles-draft": [
    { sent: metric, kept: { restricted_roles: null, draft_status: "published" } },
    { sent: { ...metric, draft_status: "draft" }, kept: { draft_status: "draft" } },
  ],
  assets: [
    { sent: metric, kept: { assets: [] } },
    {
      sent: { ...metric, assets: [{ category: "runbook", name: "r", url: "/notebooks/1" }] },
      kept: {
        assets: [
          {
            monitor_id: 180_000_001,
            category: "runbook",
            name: "r",
            url: "/notebooks/1",
            template_variables: {},
            options: {},
          },
        ],
      },
    },
  ],
  multi: [
    { sent: { ...metric, query: "avg(last_5m):sum:net.x{*} > 10" }, kept: { multi: false } },
    { sent: log, kept: { multi: true } },
  ],
  extras: [
    { sent: metric, kept: { restricted: false, run_as: null }, options: { avalanche_window: 20 }, org: 1 },
    { sent: metric, kept: {}, gone: ["restricted", "run_as", "avalanche_window"] },
  ],
};

const path = (monitor: JsonObject, more = "") => `/api/v1/monitor/${wordAt(monitor, "id")}${more}`;
const namesOf = (body: Json) => (isList(body) ? body.filter(isObject).map(({ name }) => name) : body);
const size = (body: Json) => (isList(body) ? body.length : -1);

describe("standin/monitor: what is kept", () => {
  const { call } = useStandin();

  it("has a case for every normalisation", () => {
    assert.deepEqual(
      Object.keys(cases),
      monitorNormalisations.map(({ id }) => id),
    );
  });

  for (const { id, why, source } of monitorNormalisations)
    for (const { sent, kept, options = {}, gone = [], org = 0 } of cases[id] ?? [])
      it(`${id}: ${why} (${source})`, async () => {
        const { status, object, text } = await call("POST", "/api/v1/monitor", sent, { org });
        assert.equal(status, 200, text);
        const answered = objectAt(object, "options");
        for (const [key, value] of Object.entries(kept)) assert.deepEqual(object[key], value, key);
        for (const [key, value] of Object.entries(options)) assert.deepEqual(answered[key], value, key);
        for (const key of gone) assert.ok(!(key in object) && !(key in answered), key);
        const again = await call("PUT", path(object), settable(object), { org });
        assert.deepEqual(
          omit(again.object, "modified"),
          omit(object, "modified"),
          "what is answered stays when it is sent",
        );
      });
});

const settable = (object: JsonObject): JsonObject =>
  Object.fromEntries(
    ["name", "type", "query", "message", "tags", "priority", "options", "assets"].map((key) => [
      key,
      object[key] ?? null,
    ]),
  );

describe("standin/monitor: requests", () => {
  const { call, clock, standin } = useStandin();
  const create = async (over: JsonObject = {}) =>
    (await call("POST", "/api/v1/monitor", { ...metric, ...over })).object;

  it("merges the top level of an update, and replaces all options (recorded: Edit-a-monitor)", async () => {
    const made = await create({
      tags: ["env:ci"],
      priority: 3,
      options: { ...metric.options, escalation_message: "e", require_full_window: true, renotify_interval: 60 },
    });
    clock().advance(1000);
    const sent = { name: "updated", options: { evaluation_delay: null, thresholds: { critical: 10, warning: null } } };
    const { object } = await call("PUT", path(made), sent);
    const { name, query, message, tags, priority, options, created } = object;
    assert.deepEqual([name, query, message, tags, priority], ["updated", metric.query, "m", ["env:ci"], 3]);
    assert.deepEqual(options, {
      silenced: {},
      notify_audit: false,
      include_tags: true,
      new_host_delay: 300,
      notify_no_data: false,
      evaluation_delay: null,
      thresholds: { critical: 10 },
    });
    assert.equal(created, made["created"]);
    assert.match(wordAt(object, "modified"), /^2026-01-02T03:04:06\.\d{6}\+00:00$/u);
  });

  it("has a restriction policy in what writes answer, none in what reads do", async () => {
    const made = await create();
    assert.equal(made["restriction_policy"], null);
    const read = (await call("GET", path(made))).object;
    assert.deepEqual(read, omit(made, "restriction_policy"));
    assert.equal(made["created_at"], Date.UTC(2026, 0, 2, 3, 4, 5));
  });

  it("lists all, or pages of 100; filters by tags, name and offset", async () => {
    for (let i = 0; i < 102; i++) await create({ name: `m${i}`, tags: i % 2 === 0 ? ["even", "all:x"] : ["all:x"] });
    const list = async (query: string) => (await call("GET", `/api/v1/monitor${query}`)).body;
    assert.equal(size(await list("")), 102);
    assert.equal(size(await list("?page=0")), 100);
    assert.deepEqual(namesOf(await list("?page=1")), ["m100", "m101"]);
    assert.deepEqual(namesOf(await list("?page=2&page_size=3")), ["m6", "m7", "m8"]);
    assert.equal(size(await list("?monitor_tags=even,all:x")), 51);
    assert.deepEqual(namesOf(await list("?name=M101")), ["m101"]);
    assert.deepEqual(namesOf(await list("?id_offset=180000100")), ["m100", "m101"]);
    assert.equal(size(await list("?page=9")), 0);
    const bad = await call("GET", "/api/v1/monitor?group_states=notagroupstate");
    assert.deepEqual([bad.status, bad.errors], [400, ["Invalid group_state filters."]]);
    assert.equal((await call("GET", "/api/v1/monitor?page=x")).status, 400);
  });

  it("searches 30 a page where it is not said", async () => {
    for (let i = 0; i < 31; i++) await create({ name: `find ${i}`, tags: ["managed-by:x"], message: "@webhook-w" });
    await create({ name: "other", type: "query alert" });
    const search = async (query: string) =>
      (await call("GET", `/api/v1/monitor/search?query=${encodeURIComponent(query)}`)).object;
    const total = async (query: string) => objectAt(await search(query), "metadata")["total_count"];
    const first = await search('tag:"managed-by:x"');
    assert.deepEqual(objectAt(first, "metadata"), { page: 0, page_count: 2, per_page: 30, total_count: 31 });
    assert.equal(Array.isArray(first["monitors"]) && first["monitors"].length, 30);
    assert.equal(await total("other"), 1);
    assert.equal(await total('type:metric status:"no data"'), 32);
    assert.equal(await total("notification:webhook-w find"), 31);
    assert.equal(await total("metric:net.x"), 32);
    const bad = await call("GET", "/api/v1/monitor/search?query=status%3Anotastatus");
    assert.deepEqual(bad.errors, ["Query parsing error: 'notastatus' is not a valid monitor status"]);
  });

  it("validates without making anything", async () => {
    assert.deepEqual((await call("POST", "/api/v1/monitor/validate", metric)).object, {});
    assert.deepEqual((await call("GET", "/api/v1/monitor")).body, []);
    const made = await create();
    assert.equal((await call("POST", path(made, "/validate"), metric)).status, 200);
    assert.equal((await call("POST", path(made, "/validate"), { type: "metric alert", query: "q" })).status, 400);
    assert.equal((await call("POST", "/api/v1/monitor/1/validate", metric)).status, 404);
  });

  it("does not know what is not there, nor another organisation's", async () => {
    const made = await create();
    for (const [method, of] of [
      ["GET", "/api/v1/monitor/1"],
      ["PUT", "/api/v1/monitor/1"],
      ["DELETE", "/api/v1/monitor/1"],
    ] as const) {
      const answer = await call(method, of, method === "PUT" ? metric : undefined);
      assert.deepEqual([answer.status, answer.errors], [404, ["Monitor not found"]]);
    }
    assert.equal((await call("GET", path(made), undefined, { org: 1 })).status, 404);
    assert.deepEqual((await call("GET", "/api/v1/monitor", undefined, { org: 1 })).body, []);
  });

  it("deletes what nothing is made of; the rest with force", async () => {
    const made = await create();
    const id = Number(made["id"]);
    const composite = await create({ type: "composite", name: "c", query: `${id} && ${id}`, options: {} });
    const uses = `monitor [${id},n] is referenced in composite monitors: [${wordAt(composite, "id")},c]`;
    const can = (ids: string) => call("GET", `/api/v1/monitor/can_delete?monitor_ids=${ids}`);
    const asked = await can(`${id},${wordAt(composite, "id")}`);
    assert.equal(asked.status, 409);
    assert.deepEqual(asked.body, { data: { ok: [composite["id"] ?? null] }, errors: { [id]: [uses] } });
    const kept = await call("DELETE", path(made));
    assert.deepEqual([kept.status, kept.errors], [400, [uses]]);
    assert.deepEqual((await call("DELETE", path(made, "?force=true"))).body, { deleted_monitor_id: id });
    assert.equal((await call("GET", path(made))).status, 404);
    assert.deepEqual((await can(wordAt(composite, "id"))).body, {
      data: { ok: [composite["id"] ?? null] },
      errors: null,
    });
    assert.equal((await can("x")).status, 400);
    assert.equal(standin().organisations[0]!.kept.monitors.values().length, 1);
  });
});
