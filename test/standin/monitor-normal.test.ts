import assert from "node:assert/strict";
import { type JsonObject, objectAt, omit, wordAt } from "../../standin/json.ts";
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
        const again = await call("PUT", `/api/v1/monitor/${wordAt(object, "id")}`, settable(object), { org });
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
