import assert from "node:assert/strict";
import { type JsonObject, objectAt, omit } from "../../standin/json.ts";
import { useStandin } from "./use-standin.ts";

interface Pair {
  /** Name of the recording, of Datadog's own client or of its terraform provider, and when it was made. */
  readonly recording: string;
  readonly sent: JsonObject;
  /** What the answer has in place of what was sent. */
  readonly type?: string;
  readonly multi: boolean;
  readonly priority?: number | null;
  /** What the answer's options have beside those that were sent; null for one that is gone. */
  readonly added: JsonObject;
}

const usual = { silenced: {}, notify_audit: false, include_tags: true, new_host_delay: 300, notify_no_data: false };
const logs = 'logs("service:foo AND type:error").index("main").rollup("count")';
const monthly = { scheduling_options: { evaluation_window: { day_starts: "04:00", month_starts: 1 } } };
const counted = (source: string, query: string, name: string) => ({
  compute: { aggregation: "count" },
  data_source: source,
  group_by: [],
  indexes: ["*"],
  name,
  search: { query },
});

/** Requests that were accepted, and what was answered. */
const pairs: readonly Pair[] = [
  {
    recording: "Create-a-monitor-with-assets, 2025-11",
    sent: {
      type: "metric alert",
      query: "avg(current_1mo):avg:system.load.5{*} > 0.5",
      options: { ...monthly, thresholds: { critical: 0.5 } },
    },
    type: "query alert",
    multi: false,
    added: usual,
  },
  {
    recording: "Create-a-RUM-formula-and-functions-monitor, 2022-02",
    sent: {
      type: "rum alert",
      query: 'formula("query2 / query1 * 100").last("15m") >= 0.8',
      priority: 3,
      options: {
        thresholds: { critical: 0.8 },
        variables: [counted("rum", "", "query2"), counted("rum", "status:error", "query1")],
      },
    },
    multi: false,
    added: { ...usual, groupby_simple_monitor: false },
  },
  {
    recording: "Create-a-monitor-with-aggregate-augmented-query-variables, 2026-03",
    sent: {
      type: "query alert",
      query: 'formula("query1").rollup("sum").last("5m") > 124',
      options: {
        thresholds: { critical: 124 },
        variables: [
          {
            augment_query: {
              columns: [{ name: "org_id" }, { name: "name" }],
              data_source: "reference_table",
              name: "filter_query",
              table_name: "test_table",
            },
            base_query: { data_source: "metrics", name: "query1", query: "avg:dd{*} by {org_id}.as_count()" },
            compute: [{ aggregation: "max", name: "compute_result" }],
            data_source: "aggregate_augmented_query",
            group_by: [{ facet: "org_id" }, { facet: "name" }],
            join_condition: { augment_attribute: "org_id", base_attribute: "org_id", join_type: "inner" },
            name: "query1",
          },
        ],
      },
    },
    type: "metric alert",
    multi: false,
    added: usual,
  },
  {
    recording: "Create-a-Cost-Monitor, 2025-01",
    sent: {
      type: "cost alert",
      query: 'formula("exclude_null(query1)").last("7d").anomaly(direction="above", threshold=10) >= 5',
      options: { include_tags: true, thresholds: { critical: 5, warning: 3 } },
    },
    multi: false,
    added: usual,
  },
  {
    recording: "Create-a-Data-Jobs-monitor, 2026-05",
    sent: {
      type: "data-jobs alert",
      query: 'formula("failed_runs(run_query)").by(job_name,workspace_name).last(10d) > 0',
      options: { thresholds: { critical: 0 } },
    },
    multi: true,
    added: usual,
  },
  {
    recording: "Create-an-LLM-Observability-monitor, 2026-08",
    sent: {
      type: "llm-observability alert",
      query: 'llm-observability("*").rollup("count").last("2h") > 0',
      options: { include_tags: true, notify_audit: false, thresholds: { critical: 0 } },
    },
    multi: false,
    added: { ...usual, groupby_simple_monitor: false },
  },
  {
    recording: "Create-a-ci-tests-monitor, 2022-05",
    sent: {
      type: "ci-tests alert",
      query: 'ci-tests("type:test @test.status:fail").rollup("count").by("@test.name").last("5m") >= 1',
      priority: 3,
      options: { thresholds: { critical: 1 } },
    },
    multi: true,
    added: { ...usual, groupby_simple_monitor: false },
  },
  {
    recording: "Create-an-Error-Tracking-monitor, 2022-03",
    sent: {
      type: "error-tracking alert",
      query: 'error-tracking-rum("service:foo").rollup("count").by("@issue.id").last("1h") >= 1',
      options: { thresholds: { critical: 1 } },
    },
    multi: true,
    added: { ...usual, groupby_simple_monitor: false },
  },
  {
    recording: "Validate-a-multi-alert-monitor, 2024-10",
    sent: {
      type: "log alert",
      query: `${logs}.by("source,status").last("5m") > 2`,
      options: {
        enable_logs_sample: true,
        escalation_message: "the situation has escalated",
        evaluation_delay: 700,
        group_retention_duration: "2d",
        include_tags: true,
        locked: false,
        new_host_delay: 600,
        no_data_timeframe: null,
        notify_audit: false,
        notify_by: ["status"],
        notify_no_data: false,
        on_missing_data: "show_and_notify_no_data",
        renotify_interval: 60,
        require_full_window: true,
        thresholds: { critical: 2, warning: 1 },
        timeout_h: 24,
      },
    },
    multi: true,
    added: { silenced: {}, groupby_simple_monitor: false },
  },
  {
    recording: "TestAccDatadogMonitor_Basic, 2025-05",
    sent: {
      type: "query alert",
      query: "avg(last_1h):avg:aws.ec2.cpu{environment:foo,host:foo} by {host} > 2",
      priority: 3,
      restricted_roles: null,
      tags: ["baz", "foo:bar"],
      options: {
        escalation_message: "the situation has escalated @pagerduty",
        evaluation_delay: 700,
        include_tags: true,
        new_group_delay: 500,
        new_host_delay: 300,
        notification_preset_name: "hide_query",
        notify_no_data: false,
        renotify_interval: 60,
        renotify_occurrences: 5,
        renotify_statuses: ["alert", "warn"],
        require_full_window: true,
        thresholds: { critical: 2, critical_recovery: 1.5, warning: 1, warning_recovery: 0.5 },
        timeout_h: 1,
      },
    },
    multi: true,
    added: { notify_audit: false, silenced: {} },
  },
  {
    recording: "TestAccDatadogMonitor_ThresholdWindows, 2021-04 (its timeout_h of 60 would not pass today)",
    sent: {
      type: "query alert",
      query:
        "avg(last_1h):anomalies(avg:system.cpu.system{name:cassandra}, 'basic', 3, direction='above', alert_window='last_5m', interval=20, count_default_zero='true') >= 1",
      priority: 0,
      options: {
        threshold_windows: { recovery_window: "last_5m", trigger_window: "last_5m" },
        thresholds: { critical: 1, critical_recovery: 0.5, ok: 0, warning: 0.5, warning_recovery: 0.25 },
      },
    },
    multi: false,
    priority: null,
    added: usual,
  },
];

/** Of an answer to a POST in January 2026. */
const fields =
  "id org_id type name message tags query options multi created_at created modified deleted priority restricted_roles restriction_policy draft_status assets overall_state_modified overall_state creator";

describe("standin/monitor: as recorded", () => {
  const { call } = useStandin();

  for (const { recording, sent, type = sent["type"], multi, priority = sent["priority"] ?? null, added } of pairs)
    it(recording, async () => {
      const body = { name: "n", message: "some message Notify: @hipchat-channel", tags: [], ...sent };
      const { status, object, text } = await call("POST", "/api/v1/monitor", body);
      assert.equal(status, 200, text);
      assert.deepEqual(objectAt(object, "options"), { ...added, ...objectAt(sent, "options") });
      assert.deepEqual([object["type"], object["multi"], object["priority"]], [type ?? null, multi, priority]);
      for (const [key, value] of Object.entries(omit(body, "options", "type", "priority")))
        assert.deepEqual(object[key], value, key);
      assert.deepEqual(Object.keys(object).toSorted(), fields.split(" ").toSorted());
    });
});
