import assert from "node:assert/strict";
import { isList, isObject, type Json, type JsonObject, objectAt, omit, wordAt } from "../../standin/json.ts";
import { useStandin } from "./use-standin.ts";

const metric = {
  type: "metric alert",
  name: "n",
  query: "avg(last_5m):sum:net.x{*} by {host} > 10",
  message: "m",
  options: { thresholds: { critical: 10 } },
};

const path = (monitor: JsonObject, more = "") => `/api/v1/monitor/${wordAt(monitor, "id")}${more}`;
const namesOf = (body: Json) => (isList(body) ? body.filter(isObject).map(({ name }) => name) : body);
const size = (body: Json) => (isList(body) ? body.length : -1);

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
    const read = omit(made, "restriction_policy");
    assert.deepEqual((await call("GET", path(made))).object, read);
    const withDowntimes = (await call("GET", path(made, "?with_downtimes=true"))).object;
    assert.deepEqual(withDowntimes, { ...read, matching_downtimes: [] });
    assert.deepEqual((await call("GET", "/api/v1/monitor")).body, [{ ...read, matching_downtimes: [] }]);
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
