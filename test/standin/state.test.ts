import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, parseJson } from "../../standin/json.ts";
import { startStandin, type Standin } from "../../standin/standin.ts";
import { useFolder } from "../agent/folder.ts";
import { manualClock } from "../host/manual-clock.ts";
import { useStandin } from "./use-standin.ts";

const metric = { type: "metric alert", name: "n", query: "avg(last_5m):sum:net.x{*} by {host} > 10", message: "m" };

const send = async ({ url, organisations: [org] }: Standin, method: string, to: string, body?: Json) => {
  const headers = { "DD-API-KEY": org!.apiKey, "DD-APPLICATION-KEY": org!.appKey };
  const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  return (await fetch(`${url}${to}`, sent)).text();
};
const kept = ({ organisations }: Standin) =>
  organisations.map((org) => Object.values(org.kept).map((collection) => collection.values()));

describe("standin/state", () => {
  const { path } = useFolder();
  const file = () => join(path(), "state.json");
  const problems: unknown[] = [];
  const start = (organisations = 2) =>
    startStandin({
      clock: manualClock(0),
      state: file(),
      organisations,
      onProblem: (error) => problems.push(error),
    });
  it("keeps everything over a restart; ids go on", async () => {
    const first = await start();
    await send(first, "POST", "/api/v1/monitor", metric);
    await send(first, "POST", "/api/v1/dashboard", { title: "t", layout_type: "ordered", widgets: [] });
    const hooks = "/api/v1/integration/webhooks/configuration";
    await send(first, "POST", `${hooks}/webhooks`, { name: "a", url: "https://example.com" });
    await send(first, "POST", `${hooks}/custom-variables`, { name: "A", value: "b", is_secret: true });
    await send(first, "POST", "/api/v1/events", { title: "t", text: "x" });
    // What was answered is in the file already: a kill here loses nothing.
    const written = parseJson(readFileSync(file(), "utf8"));
    await first.close();
    const second = await start();
    assert.deepEqual(kept(second), kept(first));
    assert.ok(kept(second)[0]!.every((objects) => objects.length === 1));
    assert.match(await send(second, "POST", "/api/v1/monitor", { ...metric, name: "o" }), /"id":180000002/u);
    await send(second, "DELETE", "/api/v1/monitor/180000001");
    second.trigger(180_000_002, { host: "h", transition: "Warn" });
    await second.close();
    assert.notDeepEqual(parseJson(readFileSync(file(), "utf8")), written);
    const third = await start();
    assert.deepEqual(
      third.organisations[0]!.kept.monitors.values().map((one) => [one["name"], one["overall_state"]]),
      [["o", "Warn"]],
    );
    await third.close();
    assert.deepEqual(problems, []);
  });

  it("refuses what is no state of it", async () => {
    for (const [text, says] of [
      ["{", /state\.json: not JSON/u],
      ["[]", /state\.json: not the state of a stand-in/u],
      ['{"organisations":[{"id":1}]}', /holds organisation 1, which is not started/u],
    ] as const) {
      writeFileSync(file(), text);
      await assert.rejects(start(), says);
    }
  });
});

describe("standin/admin", () => {
  const { call, standin } = useStandin({ deliveryPause: 1 });
  const create = (name: string) => call("POST", "/api/v1/monitor", { ...metric, name });

  it("shows what is kept", async () => {
    const { object } = await create("a");
    const { organisations } = (await call("GET", "/standin/state")).object;
    const [one, other] = standin().organisations;
    const monitor = one!.kept.monitors.get(Number(object["id"]))!;
    const none = { dashboards: [], webhooks: [], variables: [], events: [] };
    assert.deepEqual(organisations, [
      { id: one!.id, name: one!.name, monitors: [monitor], ...none },
      { id: other!.id, name: other!.name, monitors: [], ...none },
    ]);
  });

  it("disturbs: next ones first, then by rates; until it is told otherwise", async () => {
    const next = [{ fault: "502", method: "POST", path: "/api/v1/monitor" }, { fault: "403" }];
    assert.equal((await call("POST", "/standin/faults", { rates: { "500": 1 }, next })).status, 200);
    const statuses = [await call("GET", "/api/v1/monitor"), await create("a"), await create("b")];
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [403, 502, 500],
    );
    await call("POST", "/standin/faults", { reset: 3 });
    assert.equal((await create("c")).status, 500, "the rates stay");
    await call("POST", "/standin/faults", { rates: {} });
    assert.equal((await create("d")).status, 200);
  });

  it("triggers a monitor", async () => {
    const { object } = await create("a");
    const trigger = (body: Json) => call("POST", "/standin/trigger", body);
    const monitor = { monitor_id: object["id"]!, host: "h" };
    const { status, object: event } = await trigger({ ...monitor, transition: "Warn", cycle: "c" });
    assert.deepEqual([status, event["title"]], [202, "[Warn on {host:h}] a"]);
    assert.equal((await trigger({ ...monitor, transition: "Exploded" })).status, 400);
    assert.equal((await trigger({ ...monitor, monitor_id: 1, transition: "Warn" })).status, 404);
    assert.deepEqual((await call("GET", "/standin/deliveries")).body, []);
  });

  it("says what is wrong with what it is told", async () => {
    const wrong = async (body: Json) => (await call("POST", "/standin/faults", body)).errors.join();
    assert.match(await wrong({ rates: { "42": 1 } }), /^42: there is no such fault; there are 403, /u);
    assert.match(await wrong({ next: [{ fault: "x" }] }), /^x: there is no such fault/u);
    assert.equal(await wrong({ lag: "x" }), "lag: expected a number from 0 up");
    assert.equal(await wrong([]), "Expected a JSON object");
    assert.equal((await call("GET", "/standin/nothing")).status, 404);
  });
});
