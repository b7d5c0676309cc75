import assert from "node:assert/strict";
import { parseLine } from "../../../emit/dogstatsd/parse.ts";
import { isObject, objectAt } from "../../../standin/json.ts";
import { groupsOf } from "../../../standin/evaluation/groups.ts";
import { plainQueryOf } from "../../../standin/evaluation/plain-query.ts";
import { scopeOf } from "../../../standin/evaluation/scope.ts";
import { type Status, statusOf, type Thresholds } from "../../../standin/evaluation/status.ts";
import { Store } from "../../../standin/evaluation/store.ts";
import { tellingOf, type Told, untold } from "../../../standin/evaluation/transitions.ts";

const holds = (filter: string, ...tags: readonly string[]) => scopeOf(filter)?.(new Set(tags));

const why = (text: string, type = "metric alert") => {
  const found = plainQueryOf(type, text);
  return typeof found === "string" ? found : "";
};

const statusesOf = (operator: ">" | ">=" | "<" | "<=", thresholds: Thresholds, values: readonly number[]) => {
  let status: Status = "OK";
  return values.map((value) => (status = statusOf(value, operator, thresholds, status))).join(" ");
};

describe("standin/evaluation: rules", () => {
  it("reads filters whose terms all hold, and no others", () => {
    assert.equal(holds("*", "a:b"), true);
    assert.equal(holds("state:active", "state:active", "x:y"), true);
    assert.equal(holds("state:active", "state:latent"), false);
    assert.equal(holds("env:prod AND state:active", "state:active"), false);
    assert.equal(holds("env:prod, state:active", "state:active", "env:prod"), true);
    assert.equal(holds("!env:lab", "env:prod"), true);
    assert.equal(holds("NOT env:lab", "env:lab"), false);
    assert.equal(holds("outcome IN (failed,undone) AND !env:lab", "outcome:undone"), true);
    assert.equal(holds("outcome IN (failed, undone)", "outcome:cured"), false);
    assert.equal(holds("outcome NOT IN (failed,undone)", "outcome:cured"), true);
    assert.equal(holds("name:a.*", "name:a.b"), true);
    assert.equal(holds("name:a.*", "name:axb"), false, "a dot is a dot");
    for (const unknown of ["a:b OR c:d", "(a:b)", "a:b AND (c:d OR e:f)", "a IN b", ""])
      assert.equal(scopeOf(unknown), undefined, unknown);
  });

  it("reads plain queries, and says of others why it does not evaluate them", () => {
    const query = plainQueryOf("query alert", "max(last_2h):min:a.b{x:y} by {host, z}.as_count() <= -1.5e3");
    assert.ok(typeof query === "object");
    assert.deepEqual(
      [
        query.time,
        query.window,
        query.unit,
        query.space,
        query.metric,
        query.by,
        query.asCount,
        query.operator,
        query.threshold,
      ],
      ["max", 7_200_000, "h", "min", "a.b", ["host", "z"], true, "<=", -1500],
    );
    assert.match(
      why("avg(last_5m):forecast(avg:a{*}, 'linear', 1) > 1"),
      /^the function forecast is not evaluated here/u,
    );
    assert.match(why("avg(last_5m):avg:a{*} / avg:b{*} > 1"), /^arithmetic, or another form/u);
    assert.match(why("avg(last_5m):avg:a{x:y OR z:w} > 1"), /^the filter \{x:y OR z:w\} is not understood/u);
    assert.match(why("avg(last_5m):p99:a{*} > 1"), /not evaluated here/u);
    assert.match(
      why('"x".over("*").by("host").last(2).count_by_status()', "service check"),
      /^monitors of type service check/u,
    );
  });

  it("alerts beyond the threshold, and recovers at the recovery threshold, edges included (docs: Recovery thresholds)", () => {
    const simple = { critical: 10 };
    assert.equal(statusesOf(">", simple, [10, 10.1, 10]), "OK Alert OK");
    assert.equal(statusesOf(">=", simple, [9.9, 10, 9.9]), "OK Alert OK");
    assert.equal(statusesOf("<", simple, [10, 9.9, 10]), "OK Alert OK");
    assert.equal(statusesOf("<=", simple, [10.1, 10, 10.1]), "OK Alert OK");
    const late = { critical: 10, criticalRecovery: 5 };
    assert.equal(statusesOf(">", late, [11, 6, 5, 6]), "Alert Alert OK OK");
    assert.equal(statusesOf(">=", late, [10, 5, 4.9]), "Alert Alert OK");
    assert.equal(statusesOf("<", { critical: 5, criticalRecovery: 10 }, [4, 9.9, 10]), "Alert Alert OK");
    assert.equal(statusesOf("<=", { critical: 5, criticalRecovery: 10 }, [5, 10, 10.1]), "Alert Alert OK");
    const two = { critical: 10, criticalRecovery: 8, warning: 6, warningRecovery: 4 };
    assert.equal(statusesOf(">", two, [5, 7, 11, 9, 7, 5, 4]), "OK Warn Alert Alert Warn Warn OK");
  });

  it("tells each change once, again after the interval while it is of the statuses, and never more often than it may", () => {
    let cycles = 0;
    const walk = (steps: readonly (readonly [number, Status])[], most = Infinity) => {
      let told: Told = untold;
      return steps.flatMap(([minute, status]) => {
        const renotify = { every: 1_800_000, statuses: ["Alert" as const], most };
        const telling = tellingOf(told, status, minute * 60_000, renotify, () => `c${++cycles}`);
        told = telling?.told ?? told;
        return telling === undefined ? [] : [`${minute} ${telling.transition} ${telling.told.cycle}`];
      });
    };
    assert.deepEqual(
      walk([
        [0, "OK"],
        [1, "Alert"],
        [30, "Alert"],
        [31, "Alert"],
        [60, "Alert"],
        [61, "Alert"],
        [62, "OK"],
        [63, "Alert"],
      ]),
      ["1 Triggered c1", "31 Re-Triggered c1", "61 Re-Triggered c1", "62 Recovered c1", "63 Triggered c2"],
    );
    assert.deepEqual(
      walk(
        [
          [1, "Alert"],
          [31, "Alert"],
          [61, "Alert"],
        ],
        1,
      ),
      ["1 Triggered c3", "31 Re-Triggered c3"],
    );
    assert.deepEqual(
      walk([
        [1, "Warn"],
        [90, "Warn"],
        [91, "Alert"],
        [92, "Warn"],
      ]),
      ["1 Warn c4", "91 Triggered c4", "92 Warn c4"],
    );
  });

  it("keeps what an agent would send: host, no dd.internal, rates, packed values; and counts what it leaves out", () => {
    let now = 1_000_000_000_000;
    const store = new Store({ now: () => now, hostname: "h1", most: 3 });
    const take = (line: string) => {
      const parsed = parseLine(line);
      assert.ok(parsed.kind !== "invalid", line);
      store.take(parsed);
    };
    take("c:2|c|@0.5|#b:1,a:1,dd.internal.card:none");
    take("c:1:2|c|#a:1,b:1");
    take("g:1:7|g|#host:other");
    take("g:nan|g|#host:other");
    take("h:1|h");
    take("_sc|x|0");
    take(`late:1|c|T${now / 1000 - 3601}`);
    take("third:1|c");
    take("fourth:1|c");
    assert.deepEqual(
      store.of("c").map(({ tags, points }) => [tags, [...points.values()]]),
      [[["a:1", "b:1", "host:h1"], [7]]],
    );
    assert.deepEqual(
      store.of("g").map(({ tags, points }) => [tags, [...points.values()]]),
      [[["host:other"], [7]]],
    );
    const shown = store.shown();
    assert.ok(isObject(shown));
    assert.deepEqual(objectAt(shown, "ignored"), {
      "no number": 1,
      histogram: 1,
      service_check: 1,
      "bad time": 1,
      "too many series": 1,
    });
    now += 3_700_000;
    assert.deepEqual(store.of("c"), [], "an hour is kept");
    take("fourth:1|c");
    assert.equal(store.of("fourth").length, 1, "what is gone makes room");
  });

  it("groups by tags; a series without one is in no group, one with two values in two", () => {
    const series = [["host:a", "net:x"], ["host:a", "net:y"], ["host:b"], ["host:b", "net:x", "net:y"]].map((tags) => {
      return { name: "m", type: "gauge" as const, tags, since: 0, points: new Map<number, number>() };
    });
    const counts = (by: readonly string[]) =>
      groupsOf(series, { scope: scopeOf("*")!, by }).map((one) => `${one.scope} ${one.series.length}`);
    assert.deepEqual(counts([]), ["* 4"]);
    assert.deepEqual(counts(["host"]), ["host:a 2", "host:b 2"]);
    assert.deepEqual(counts(["host", "net"]), ["host:a,net:x 1", "host:a,net:y 1", "host:b,net:x 1", "host:b,net:y 1"]);
  });
});
