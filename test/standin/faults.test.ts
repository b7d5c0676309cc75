import assert from "node:assert/strict";
import { type FaultName, faultNames, Faults, faults } from "../../standin/faults.ts";
import { isList, isObject, objectAt, parseJson, wordAt } from "../../standin/json.ts";
import { Limits, limits } from "../../standin/limits.ts";
import { maxBody } from "../../standin/http.ts";
import { randomFrom } from "../../standin/random.ts";
import { useStandin } from "./use-standin.ts";

const metric = { type: "metric alert", name: "n", query: "avg(last_5m):sum:net.x{*} by {host} > 10", message: "m" };

interface OfWrite {
  readonly name: FaultName;
  readonly answer: number | "cut";
  readonly done: boolean;
}

/** What a fault makes of a POST, and whether the monitor is there afterwards. */
const ofWrites: readonly OfWrite[] = [
  { name: "429", answer: 429, done: false },
  { name: "500", answer: 500, done: false },
  { name: "502", answer: 502, done: false },
  { name: "503", answer: 503, done: false },
  { name: "512", answer: 512, done: false },
  { name: "html", answer: 502, done: false },
  { name: "403", answer: 403, done: false },
  { name: "409", answer: 409, done: false },
  { name: "422", answer: 422, done: false },
  { name: "5xx-after", answer: 504, done: true },
  { name: "html-after", answer: 504, done: true },
  { name: "reset", answer: "cut", done: false },
  { name: "cut", answer: "cut", done: true },
  { name: "slow", answer: 200, done: true },
];

/** What the rest makes of a list with one monitor that is two seconds old, and one that is new. */
const ofReads: readonly { readonly name: FaultName; readonly seen: readonly string[] }[] = [
  { name: "stale", seen: ["old"] },
  { name: "empty-list", seen: [] },
];

/** The kinds that befall 4000 writes. */
function drawn(seed: number): readonly (string | undefined)[] {
  const some = new Faults(randomFrom(seed));
  some.settings = { ...some.settings, rates: { "429": 0.1, cut: 0.05, stale: 0.5 } };
  return Array.from({ length: 4000 }, () => some.draw("POST", "/api/v1/monitor")?.kind);
}

describe("standin/faults", () => {
  const { call, clock, standin } = useStandin({ faults: { slow: 30, lag: 1500 } });
  const names = () =>
    standin()
      .organisations[0]!.kept.monitors.values()
      .map(({ name }) => name);

  it("are all tried here", () => {
    assert.deepEqual([...ofWrites, ...ofReads].map(({ name }) => name).toSorted(), [...faultNames].toSorted());
  });

  for (const { name, answer, done } of ofWrites)
    it(`${name}: ${faults[name].why} (${faults[name].source})`, async () => {
      standin().disturb({}, { fault: name, method: "POST" });
      const began = performance.now();
      const answered = await call("POST", "/api/v1/monitor", metric).catch(() => undefined);
      assert.equal(answered?.status ?? "cut", answer);
      assert.deepEqual(names(), done ? ["n"] : []);
      if (name === "slow") assert.ok(performance.now() - began >= 25);
      assert.equal(/^<html>|^Timeout$/u.test(answered?.text ?? ""), ["html", "html-after", "512"].includes(name));
      const next = await call("POST", "/api/v1/monitor", { ...metric, name: "next" });
      assert.equal(next.status, 200, "one is disturbed, no more");
    });

  for (const { name, seen } of ofReads)
    it(`${name}: ${faults[name].why} (${faults[name].source})`, async () => {
      await call("POST", "/api/v1/monitor", { ...metric, name: "old" });
      clock().advance(2000);
      const made = (await call("POST", "/api/v1/monitor", { ...metric, name: "new" })).object;
      standin().disturb({}, { fault: name });
      const { body } = await call("GET", "/api/v1/monitor");
      assert.deepEqual(isList(body) && body.map((one) => isObject(one) && one["name"]), seen);
      standin().disturb({}, { fault: name, path: "/api/v1/monitor/" });
      const one = await call("GET", `/api/v1/monitor/${wordAt(made, "id")}`);
      assert.equal(one.status, name === "stale" ? 404 : 200, "one monitor is no list: it can be stale, not emptied");
    });

  it("429: tells when it is over", async () => {
    standin().disturb({ reset: 7 }, { fault: "429" });
    const { headers, errors } = await call("GET", "/api/v1/monitor");
    const told = ["limit", "period", "remaining", "reset", "name"].map((name) => headers.get(`x-ratelimit-${name}`));
    assert.deepEqual(told, ["100", "10", "0", "7", "stand-in"]);
    assert.deepEqual(errors, ["Rate limit of 100 requests in 10 seconds reached. Please try again later."]);
  });

  it("come as often as it is said, and the same for the same seed", () => {
    const count = (kind: string) => drawn(1).filter((one) => one === kind).length;
    assert.ok(Math.abs(count("instead") - 400) < 80, `${count("instead")}`);
    assert.ok(Math.abs(count("cut") - 200) < 60, `${count("cut")}`);
    assert.equal(count("stale"), 0, "a write is never stale");
    assert.deepEqual(drawn(1), drawn(1));
    assert.notDeepEqual(drawn(1), drawn(2));
  });
});

describe("standin: keys, limits and the edge", () => {
  const { call, clock, standin } = useStandin();

  it("asks for both keys, of one organisation; /validate and events for the API key alone", async () => {
    const tried = async (path: string, apiKey: string, appKey: string) => {
      const { status, errors } = await call("GET", path, undefined, { apiKey, appKey });
      return [status, ...errors];
    };
    const [one, other] = [standin().organisations[0]!, standin().organisations[1]!];
    assert.deepEqual(await tried("/api/v1/monitor", "", one.appKey), [403, "API key required"]);
    assert.deepEqual(await tried("/api/v1/monitor", "wrong", one.appKey), [403, "Forbidden"]);
    assert.deepEqual(await tried("/api/v1/monitor", one.apiKey, ""), [401, "Unauthorized"]);
    assert.deepEqual(await tried("/api/v1/monitor", one.apiKey, other.appKey), [403, "Forbidden"]);
    assert.deepEqual(await tried("/api/v1/validate", one.apiKey, ""), [200]);
    assert.deepEqual(await tried("/api/v1/validate", "wrong", ""), [403, "Forbidden"]);
    const event = await call("POST", "/api/v1/events", { title: "t", text: "t" }, { appKey: "" });
    assert.equal(event.status, 202);
  });

  it("tells of which organisation the keys are", async () => {
    const ids = await Promise.all([0, 1].map((org) => call("GET", "/api/v2/current_user", undefined, { org })));
    const uuids = ids.map(({ object }) => objectAt(objectAt(objectAt(object, "data"), "relationships"), "org")["data"]);
    assert.deepEqual(
      uuids,
      standin().organisations.map(({ uuid }) => ({ type: "orgs", id: uuid })),
    );
  });

  for (const [bucket, { requests, period, source }] of Object.entries(limits))
    it(`limits ${bucket} to ${requests} requests in ${period} s, told in headers (${source})`, () => {
      const counter = new Limits(clock().now);
      const taken = () => counter.take(1, bucket);
      clock().advance(period * 1000 - (clock().now() % (period * 1000)) + 1500);
      const [first] = Array.from({ length: requests }, taken);
      assert.deepEqual(first!.headers, {
        "X-RateLimit-Limit": `${requests}`,
        "X-RateLimit-Period": `${period}`,
        "X-RateLimit-Name": bucket,
        "X-RateLimit-Remaining": `${requests - 1}`,
        "X-RateLimit-Reset": `${period - 1}`,
      });
      assert.equal(taken().refused?.status, 429);
      assert.equal(counter.take(2, bucket).refused, undefined, "another organisation has its own");
      clock().advance(period * 1000);
      assert.equal(taken().refused, undefined);
    });

  it("limits reads of dashboards, by HTTP", async () => {
    const statuses = [];
    for (let i = 0; i < 61; i++) statuses.push((await call("GET", "/api/v1/dashboard")).status);
    assert.deepEqual([...new Set(statuses.slice(0, 60))], [200]);
    const { status, errors, headers } = await call("GET", "/api/v1/dashboard/abc");
    assert.deepEqual([status, headers.get("x-ratelimit-remaining")], [429, "0"]);
    assert.deepEqual(errors, ["Rate limit of 60 requests in 60 seconds reached. Please try again later."]);
    assert.equal((await call("GET", "/api/v1/monitor")).status, 200);
  });

  it("answers what is none of the API's: a page, 404, 405, 413, 400", async () => {
    const page = await call("GET", "/monitors/1");
    assert.match(page.text, /^<html>/u);
    assert.equal(page.headers.get("content-type"), "text/html");
    assert.equal((await call("GET", "/api/v1/nothing")).status, 404);
    assert.equal((await call("DELETE", "/api/v1/monitor")).status, 405);
    const { url, organisations } = standin();
    const headers = { "DD-API-KEY": organisations[0]!.apiKey, "DD-APPLICATION-KEY": organisations[0]!.appKey };
    const post = (body: string) => fetch(`${url}/api/v1/monitor`, { method: "POST", headers, body });
    assert.equal((await post("{")).status, 400);
    assert.equal((await post("[]")).status, 400);
    assert.equal((await post(`"${"x".repeat(maxBody)}"`)).status, 413);
    assert.equal((await call("GET", "/api/v1/monitor/%E0%A4%A")).status, 404);
  });

  it("logs requests and answers, without the keys", async () => {
    await call("POST", "/api/v1/monitor?a=b", metric);
    const [one] = standin().requests();
    assert.deepEqual(one && [one.method, one.path, one.query, one.status], ["POST", "/api/v1/monitor", "a=b", 200]);
    assert.deepEqual(parseJson(one!.body), metric);
    const log = (await call("GET", "/standin/requests")).text;
    for (const { apiKey, appKey } of standin().organisations) assert.ok(!log.includes(apiKey) && !log.includes(appKey));
  });
});
