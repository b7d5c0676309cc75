import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { JsonObject } from "../../../monitors/desired.ts";
import { canonical } from "../../../monitors/sync/canonical.ts";
import { differences } from "../../../monitors/sync/difference.ts";
import { isObject, parseJson } from "../../../monitors/sync/json.ts";
import { lineDifferences } from "../../../monitors/sync/lines.ts";
import { markOf } from "../../../monitors/sync/mark.ts";
import { shown } from "../../../monitors/sync/shown.ts";
import { redacted } from "../../../monitors/sync/secret.ts";

const equal = (a: JsonObject, b: JsonObject, kind: "monitor" | "dashboard" | "webhook" = "monitor") =>
  assert.deepEqual(canonical(kind, a), canonical(kind, b));
const unequal = (a: JsonObject, b: JsonObject) => assert.notDeepEqual(canonical("monitor", a), canonical("monitor", b));
const format = (value: number) => ({ comparator: ">", value, palette: "red" });

describe("monitors/sync: canonical forms", () => {
  const monitor: JsonObject = {
    name: "n",
    type: "query alert",
    query: "avg(last_5m):avg:a{*} > 1",
    message: "m",
    tags: ["b", "a"],
    options: { thresholds: { critical: 1 } },
  };
  it("take what the API adds to a monitor for nothing", () => {
    const added = {
      silenced: { "*": null },
      notify_audit: false,
      include_tags: true,
      new_host_delay: 300,
      notify_no_data: false,
      avalanche_window: 20,
    };
    const readOnly = {
      id: 1,
      org_id: 2,
      multi: true,
      deleted: null,
      overall_state: "No Data",
      assets: [],
      creator: {},
    };
    const more = { priority: null, restricted_roles: null, draft_status: "published", restriction_policy: null };
    equal(monitor, {
      ...monitor,
      ...readOnly,
      ...more,
      options: { ...added, thresholds: { critical: 1, warning: null } },
    });
    equal(monitor, {
      ...monitor,
      name: " n ",
      message: "m\n",
      type: "metric alert",
      tags: ["a", "b", "a"],
      priority: 0,
    });
  });

  it("tell apart what means something else", () => {
    for (const change of [{ priority: 1 }, { draft_status: "draft" }, { tags: ["a"] }, { restricted_roles: ["x"] }])
      unequal(monitor, { ...monitor, ...change });
    // Null is no delay at all; none is 300 s.
    for (const option of [{ new_host_delay: null }, { require_full_window: false }, { notify_no_data: true }])
      unequal(monitor, { ...monitor, options: { thresholds: { critical: 1 }, ...option } });
  });

  it("take a dashboard's ids, nulls and orders without meaning for nothing", () => {
    const sent = {
      title: "t",
      layout_type: "ordered",
      widgets: [{ definition: { type: "query_value", requests: [{ conditional_formats: [format(1), format(2)] }] } }],
    };
    const answered = {
      ...sent,
      id: "abc",
      url: "/x",
      author_name: null,
      modified_at: "now",
      description: null,
      is_read_only: false,
      template_variables: null,
      restricted_roles: [],
      widgets: [
        { id: 7, definition: { type: "query_value", requests: [{ conditional_formats: [format(2), format(1)] }] } },
      ],
    };
    equal(sent, answered, "dashboard");
    assert.notDeepEqual(canonical("dashboard", sent), canonical("dashboard", { ...sent, widgets: [] }));
  });

  it("take a webhook's own defaults for nothing", () => {
    const sent = { name: "a", url: "https://a.example" };
    equal(sent, { ...sent, encode_as: "json", custom_headers: null, payload: null, auth_method_id: null }, "webhook");
  });
});

describe("monitors/sync: differences", () => {
  const json = fc
    .dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 3 }))
    .map((value) => parseJson(JSON.stringify(value)))
    .filter(isObject);

  it("are none of a value with itself, and some of any two that differ", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        assert.deepEqual(differences(a, a), []);
        const isSame = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
        assert.equal(differences(a, b).length === 0, isSame);
      }),
    );
  });

  it("name the field, however deep", () => {
    assert.deepEqual(
      differences({ w: [{ d: { t: 1 } }, { x: 1 }], tags: ["a"] }, { w: [{ d: { t: 2 } }], tags: ["b"], n: 0 }),
      [
        { path: "n", desired: 0 },
        { path: "tags", actual: ["a"], desired: ["b"] },
        { path: "w[0].d.t", actual: 1, desired: 2 },
        { path: "w[1]", actual: { x: 1 } },
      ],
    );
  });

  it("of texts are shown line by line, and give both texts", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "c", "d")),
        fc.array(fc.constantFrom("a", "b", "c", "d")),
        (a, b) => {
          const lines = lineDifferences(a, b);
          const changed = (sign: string, list: readonly string[]) =>
            assert.ok(
              lines.filter((one) => one.startsWith(sign)).every((one) => list.includes(one.slice(2))),
              lines.join("\n"),
            );
          changed("- ", a);
          changed("+ ", b);
          const count = (sign: string) => lines.filter((one) => one.startsWith(sign)).length;
          assert.equal(a.length - count("- "), b.length - count("+ "));
        },
      ),
    );
    assert.deepEqual(lineDifferences(["1", "2", "3", "4", "5"], ["1", "2", "3", "x", "5"]), [
      "  …",
      "  3",
      "- 4",
      "+ x",
      "  5",
    ]);
  });

  it("show lists by what came and went, and no control character", () => {
    assert.equal(shown({ path: "tags", actual: ["a", "b"], desired: ["b", "c"] }).change, "-a +c");
    assert.ok(!shown({ path: "name", actual: "\u001b[31mred", desired: "x" }).change.includes("\u001b"));
    assert.equal(shown({ path: "priority", actual: 1 }).change, "1 → (not set)");
  });

  it("never show what somebody wrote into a webhook's headers or address", () => {
    const fields = [
      { path: "custom_headers", actual: '{"Authorization":"Bearer s3cret"}', desired: '{"Authorization":"$T"}' },
      { path: "custom_headers", actual: "not JSON s3cret", desired: '{"A":"$T"}' },
      { path: "url", actual: "https://bob:s3cret@a.example/x", desired: "https://a.example" },
      { path: "url", actual: "https://a.example/x?a=b&token=s3cret", desired: "https://a.example/x?a=b&token=$T" },
    ];
    for (const field of fields) {
      assert.doesNotMatch(JSON.stringify(redacted(field)), /s3cret/u);
      assert.doesNotMatch(JSON.stringify(shown(field)), /s3cret/u);
    }
    assert.equal(
      shown({ path: "url", actual: "https://a/?b=1", desired: "https://a/?b=2" }).change,
      "another value (not shown)",
    );
  });
});

describe("monitors/sync: marks", () => {
  it("are both tags of a monitor, and the last line of a dashboard's description", () => {
    assert.equal(markOf("monitor", { tags: ["managed-by:overlaywatch", "overlaywatch-key:a-b"] }), "a-b");
    assert.equal(markOf("monitor", { tags: ["overlaywatch-key:a-b"] }), undefined);
    assert.equal(markOf("monitor", { tags: ["managed-by:overlaywatch"] }), undefined);
    assert.equal(markOf("dashboard", { description: "What it is.\nManaged by overlaywatch: a\n" }), "a");
    assert.equal(markOf("dashboard", { description: "Managed by overlaywatch: a\nno more" }), undefined);
    assert.equal(markOf("dashboard", { description: null }), undefined);
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => [key, sorted(one)]);
}
