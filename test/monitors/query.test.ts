import assert from "node:assert/strict";
import { readQuery } from "../../monitors/query.ts";

const cases: readonly (readonly [string, readonly string[] | "any", string, readonly string[]])[] = [
  ["avg(last_5m):avg:system.load.1{*} > 5", [], "> 5", ["system.load.1"]],
  ["avg(last_5m):avg:a.b{env:prod} by {host, pod} >= -0.5 ", ["host", "pod"], ">= -0.5", ["a.b"]],
  ["avg(last_10m):(max:a{*} by {host} / max:b{*} by {host}) * 100 > 1e3", ["host"], "> 1000", ["a", "b"]],
  ["change(avg(last_5m),last_1h):p95:a.b{*} by {x} != 0", ["x"], "!= 0", ["a.b"]],
  ["sum(last_10m):default_zero(sum:a.b{*} by {h}.as_count()) < 2", ["h"], "< 2", ["a.b"]],
  ["avg(last_4h):anomalies(avg:a.b{*} by {h}, 'agile', 2, alert_window='last_15m') >= 1", ["h"], ">= 1", ["a.b"]],
  ['"a.b".over("env:prod").by("host","device").last(2).count_by_status()', ["host", "device"], "", []],
  ['"a.b".over("*").by("*").last(2).count_by_status()', "any", "", []],
  ['events("a > b").rollup("count").by("service").last("1h") > 10', ["service"], "> 10", []],
  ["avg(last_5m):avg:a.b{*}", [], "", ["a.b"]],
];

describe("monitors/query", () => {
  for (const [text, groupBy, comparison, metrics] of cases) {
    it(text, () => {
      const read = readQuery(text);
      assert.deepEqual(read.groupBy === undefined ? "any" : [...read.groupBy], groupBy);
      assert.equal(
        read.comparison === undefined ? "" : `${read.comparison.operator} ${read.comparison.threshold}`,
        comparison,
      );
      assert.deepEqual(read.metrics, metrics);
    });
  }
});
