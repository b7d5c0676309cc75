import assert from "node:assert/strict";
import * as fc from "fast-check";
import { plainSettings } from "../../monitors/assets.ts";
import type { Desired, JsonObject } from "../../monitors/desired.ts";
import { ownerTags } from "../../monitors/desired.ts";
import { dashboardOf } from "../../monitors/dashboard.ts";
import { problemText } from "../../monitors/problem.ts";
import { rules } from "../../monitors/rules/all.ts";
import { hostile, payload } from "../../monitors/rules/payload.ts";
import { judge } from "../../monitors/validate.ts";
import { webhookOf } from "../../monitors/webhook.ts";
import { known, withBody } from "./around.ts";

const around = { ...known(), prefix: "overlaywatch.", webhooks: new Set(["overlaywatch"]) };

const options: JsonObject = {
  thresholds: { critical: 5 },
  notify_no_data: false,
  new_group_delay: 0,
  require_full_window: false,
};

const sound: Desired = {
  kind: "monitor",
  key: "sound",
  origin: "sound.yaml:1",
  body: {
    name: "Sound",
    type: "query alert",
    query: "avg(last_5m):avg:overlaywatch.netlink.events{*} by {host,docker_network} > 5",
    message: "{{value}} on {{host.name}}, {{#is_alert}}{{docker_network.name}}{{/is_alert}} @webhook-overlaywatch",
    tags: [...ownerTags("sound"), "team:x"],
    priority: 3,
    options,
  },
};

const query = (text: string): JsonObject => ({ query: text });
const message = (text: string): JsonObject => ({ message: text });
const option = (more: JsonObject): JsonObject => ({ options: { ...options, ...more } });
const thresholds = (more: JsonObject): JsonObject => option({ thresholds: { critical: 5, ...more } });
/** With a policy of the newer kind. */
const missing = (policy: string, more: JsonObject = {}): JsonObject => {
  const { notify_no_data: _, ...rest } = options;
  return { options: { ...rest, on_missing_data: policy, ...more } };
};
const below = (more: JsonObject): JsonObject => ({
  ...query("avg(last_5m):avg:my.free{*} by {host} < 5"),
  ...message("{{host.name}}"),
  ...thresholds(more),
});
const anomaly = (window: string, more: JsonObject): JsonObject => ({
  ...query(
    `avg(last_4h):anomalies(avg:my.rate{*} by {host,docker_network}, 'basic', 2, alert_window='${window}') >= 5`,
  ),
  ...option(more),
});
const windows = (window: string) => ({ threshold_windows: { trigger_window: window, recovery_window: window } });
const serviceCheck = (more: JsonObject): JsonObject => ({
  type: "service check",
  ...query('"overlaywatch.overlay.health".over("*").by("host","docker_network").last(3).count_by_status()'),
  ...more,
});
const webhook = webhookOf("https://gateway.example.org/x");
const payloadOf = (text: string): JsonObject => ({ payload: text });

/** What must be refused, by rule: a change of what is sound, where, and what is said. */
const refused: Readonly<Record<string, readonly (readonly [JsonObject, string, RegExp])[]>> = {
  thresholds: [
    [thresholds({ critical: 6 }), "options.thresholds.critical", /^6 is not the 5 that the query compares with/u],
    [query("avg(last_5m):avg:my.x{*} by {host,docker_network}"), "query", /comparison/u],
    [thresholds({ warning: 5 }), "options.thresholds.warning", /below critical, 5/u],
    [thresholds({ warning: 6 }), "options.thresholds.warning", /below critical, 5/u],
    [thresholds({ critical_recovery: 5 }), "options.thresholds.critical_recovery", /below critical, 5/u],
    [thresholds({ warning: 4, warning_recovery: 4 }), "options.thresholds.warning_recovery", /below warning, 4/u],
    [thresholds({ warning_recovery: 3 }), "options.thresholds.warning_recovery", /no warning/u],
    [below({ warning: 4 }), "options.thresholds.warning", /above critical, 5/u],
    [below({ critical_recovery: 4 }), "options.thresholds.critical_recovery", /above critical, 5/u],
  ],
  variables: [
    [
      message("{{container_name.name}}"),
      "message",
      /^\{\{container_name.name\}\}: .*not grouped by container_name, but by host, docker_network/u,
    ],
    [
      { ...query("avg(last_5m):avg:my.x{*} > 5"), ...message("{{host.name}}") },
      "message",
      /not grouped, so it has no host/u,
    ],
    [message("{{vaule}}"), "message", /no such variable; did you mean value\?/u],
    [message('{{#is_match "hots.name" "a"}}x{{/is_match}}'), "message", /not grouped by hots/u],
    [message("{{#is_alert}}x"), "message", /is_alert is not closed/u],
    [message("{{#is_alert}}x{{/is_warning}}"), "message", /closes what is not open/u],
    [message("{{host.name}"), "message", /not closed/u],
    [{ name: "On {{cluster.name}}" }, "name", /not grouped by cluster/u],
    [
      option({ renotify_interval: 5, escalation_message: "{{pod.name}}" }),
      "options.escalation_message",
      /not grouped by pod/u,
    ],
    [{ ...option({ notify_by: ["host"] }), ...message("{{docker_network.name}}") }, "message", /but by host$/u],
    [{ ...option({ notify_by: ["*"] }), ...message("{{host.name}}") }, "message", /it has no host/u],
  ],
  webhooks: [
    [
      message("@webhook-overlaywach"),
      "message",
      /^@webhook-overlaywach: there is no such webhook; did you mean overlaywatch\?/u,
    ],
    [option({ renotify_interval: 5, escalation_message: "@webhook-x" }), "options.escalation_message", /@webhook-x/u],
  ],
  payload: [
    [payloadOf('{"a":$ALERT_ID}'), "payload", /each variable within quotes/u],
    [payloadOf('{"a":"$ALERT_ID"'), "payload", /JSON/u],
    [payloadOf('["$ALERT_ID"]'), "payload", /JSON object/u],
    [payloadOf('{"a":"$ALERT_IDS"}'), "payload", /^\$ALERT_IDS: Datadog has no such variable/u],
    [payloadOf('{"a":"$TOKEN"}'), "payload", /no such variable/u],
    [payloadOf('{"$ALERT_TITLE":"a"}'), "payload", /no JSON any more, or another one/u],
    [{ custom_headers: "Authorization: x" }, "custom_headers", /JSON/u],
  ],
  secret: [
    [message("key 0123456789abcdef0123456789abcdef"), "message", /hexadecimal/u],
    [message("api_key=hunter2hunter2"), "message", /secret behind its name/u],
    [message("https://user:hunter2@example.org/"), "message", /password in an address/u],
    [query("avg(last_5m):avg:my.x{x:xoxb-123456789012} by {host,docker_network} > 5"), "query", /kind of key/u],
    [{ custom_headers: '{"Authorization":"Bearer abcdefgh12345678"}' }, "custom_headers", /behind Bearer/u],
    [{ url: "https://user:hunter2@example.org/" }, "url", /password in an address/u],
  ],
  "no-data": [
    [{ options: { thresholds: { critical: 5 }, new_group_delay: 0 } }, "options", /does not say/u],
    [missing("resolve", { notify_no_data: false }), "options.on_missing_data", /excludes notify_no_data/u],
    [missing("resolve", { no_data_timeframe: 10 }), "options.on_missing_data", /no_data_timeframe/u],
    [missing("resolve", { timeout_h: 2 }), "options.timeout_h", /excludes/u],
    [serviceCheck(missing("show_and_notify_no_data")), "options.on_missing_data", /service check/u],
    [
      {
        ...query("sum(last_5m):default_zero(sum:my.x{*} by {host,docker_network}.as_count()) > 5"),
        ...missing("resolve"),
      },
      "options.on_missing_data",
      /default_zero/u,
    ],
    [
      {
        type: "log alert",
        ...query('logs("x").rollup("count").by("host","docker_network").last("5m") > 5'),
        ...option({ no_data_timeframe: 10 }),
      },
      "options.no_data_timeframe",
      /log alert/u,
    ],
  ],
  options: [
    [option({ renotify_statuses: ["alert"] }), "options.renotify_statuses", /needs renotify_interval/u],
    [option({ renotify_occurrences: 2 }), "options.renotify_occurrences", /needs renotify_interval/u],
    [option({ escalation_message: "x" }), "options.escalation_message", /needs renotify_interval/u],
    [option({ new_host_delay: 300 }), "options.new_host_delay", /overrides/u],
    [option({ notify_by: ["container_name"] }), "options.notify_by", /grouped by host, docker_network/u],
    [{ ...option({ notify_by: ["host", "docker_network"] }), ...message("x") }, "options.notify_by", /fewer/u],
    [
      { ...query("avg(last_5m):avg:my.x{*} > 5"), ...message("x"), ...option({ notify_by: ["host"] }) },
      "options.notify_by",
      /not grouped/u,
    ],
    [{ ...serviceCheck(query('"a.b".over("*").last(3).count_by_status()')), ...message("x") }, "query", /needs \.by/u],
    [anomaly("last_15m", {}), "options.threshold_windows", /needs it/u],
    [anomaly("last_15m", windows("last_30m")), "options.threshold_windows.trigger_window", /not the alert_window/u],
    [option(windows("last_15m")), "options.threshold_windows", /only an anomaly/u],
    [option({ group_retention_duration: "30m" }), "options.group_retention_duration", /60m to 72h/u],
    [option({ group_retention_duration: "4d" }), "options.group_retention_duration", /60m to 72h/u],
  ],
  metrics: [
    [
      query("avg(last_5m):avg:overlaywatch.netlink.event{*} by {host,docker_network} > 5"),
      "query",
      /^overlaywatch.netlink.event: there is no such metric; did you mean overlaywatch.netlink.events\?/u,
    ],
    [
      {
        widgets: [
          {
            definition: {
              type: "group",
              widgets: [{ definition: { requests: [{ queries: [{ query: "sum:overlaywatch.nope{*}" }] }] } }],
            },
          },
        ],
      },
      "widgets",
      /overlaywatch.nope/u,
    ],
  ],
  tags: [
    [{ tags: [...ownerTags("sound"), "Team:X"] }, "tags", /^Team:X: expected/u],
    [{ tags: [...ownerTags("sound"), "team:"] }, "tags", /colon at the end/u],
    [{ tags: [...ownerTags("sound"), "a:b", "a:b"] }, "tags", /twice/u],
    [{ tags: ["team:x"] }, "tags", /owner's are missing/u],
  ],
  name: [
    [{ name: " Sound" }, "name", /space/u],
    [message("x\n"), "message", /space/u],
    [{ name: 'A "quoted" name' }, "name", /quote/u],
    [{ name: "Two\nlines" }, "name", /line end/u],
  ],
};

const isWebhook = (change: JsonObject) => ["payload", "custom_headers", "url"].some((key) => key in change);
const baseOf = (change: JsonObject): Desired =>
  isWebhook(change) ? webhook : "widgets" in change ? dashboardOf(plainSettings) : sound;

describe("monitors/rules", () => {
  it("take what is sound", () => {
    const plain = withBody(dashboardOf(plainSettings), { widgets: [{ definition: { type: "note", title: null } }] });
    for (const object of [sound, webhook, dashboardOf(plainSettings), plain])
      assert.deepEqual(judge({ object, at: () => "" }, around).map(problemText), []);
  });

  it("take what only looks wrong", () => {
    const fine: readonly JsonObject[] = [
      below({ warning: 6, critical_recovery: 7, warning_recovery: 8 }),
      thresholds({ warning: 4, critical_recovery: 4, warning_recovery: 3 }),
      query("avg(last_5m):avg:my.own.metric{*} by {host,docker_network} > 5"),
      query("avg(last_5m):avg:my.x{*} by {host,docker_network} >= 5.0"),
      message(
        '{{#is_match "host.name" "a"}}{{host.ip}}{{/is_match}}{{^is_no_data}}{{comparator}}{{/is_no_data}}{{! note }}',
      ),
      serviceCheck({ ...option({ thresholds: { critical: 3, ok: 2, warning: 3 } }) }),
      { ...serviceCheck(query('"a.b".over("*").by("*").last(3).count_by_status()')), ...message("{{whatever.name}}") },
      missing("show_and_notify_no_data"),
      option({ renotify_interval: 5, renotify_statuses: ["alert"], renotify_occurrences: 2, escalation_message: "x" }),
      { ...option({ notify_by: ["host"] }), ...message("{{host.name}}") },
      { ...option({ notify_by: ["*"] }), ...message("{{value}}") },
      option({ no_data_timeframe: 10 }),
      anomaly("last_15m", windows("last_15m")),
      option({ group_retention_duration: "72h" }),
      message("basic functionality, https://git.example.org/x/blob/0123456789abcdef0123456789abcdef01234567/run.md"),
      message(
        "Bearer $OVERLAYWATCH_WEBHOOK_TOKEN, password: {{value}}, token: ask somebody, see https://example.org:443/a@b",
      ),
    ];
    for (const change of fine)
      assert.deepEqual(judge({ object: withBody(sound, change), at: () => "" }, around).map(problemText), []);
  });

  it("are all told by a tag of their own, and each has something to refuse", () => {
    assert.deepEqual(rules.map(({ tag }) => tag).toSorted(), Object.keys(refused).toSorted());
  });

  for (const [tag, changes] of Object.entries(refused)) {
    describe(tag, () => {
      for (const [change, field, said] of changes) {
        it(`refuses ${JSON.stringify(change).slice(0, 110)}`, () => {
          const object = withBody(baseOf(change), change);
          const found = judge({ object, at: (name) => `here, ${name}` }, around).filter(({ rule }) => rule === tag);
          assert.equal(found[0]?.field, field);
          assert.match(found[0]?.message ?? "", said);
          assert.equal(found[0]?.where, `here, ${field}`);
        });
      }
    });
  }

  it("do not tell the secret itself", () => {
    const object = withBody(sound, message("api_key=hunter2hunter2"));
    assert.doesNotMatch(
      judge({ object, at: () => "" }, around)
        .map(problemText)
        .join("\n"),
      /hunter2/u,
    );
  });
});

describe("monitors/rules/payload", () => {
  const text = typeof webhook.body["payload"] === "string" ? webhook.body["payload"] : "";
  /** As Datadog fills a payload in: what is put within quotes is escaped. */
  const filled = (value: string): ReadonlyMap<string, unknown> => {
    const all: unknown = JSON.parse(text.replaceAll(/\$[A-Z_]+/gu, () => JSON.stringify(value).slice(1, -1)));
    return new Map(Object.entries(all ?? {}));
  };

  it("holds the hostile values that the rule tries", () => {
    for (const value of hostile) assert.equal(filled(value).get("title"), value);
    assert.ok(hostile.some((value) => value.includes('"')) && hostile.some((value) => value.includes("\n")));
  });

  it("is JSON with any text put in, and gives it back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom(...hostile))).map((parts) => parts.join("")),
        (value) => {
          const entries = filled(value);
          return entries.size === 12 && entries.get("version") === "1" && entries.get("host") === value;
        },
      ),
    );
  });

  it("judges every template that has its variables within quotes as sound, and none that has not", () => {
    const name = fc.constantFrom("$ALERT_ID", "$TAGS", "$HOSTNAME", "$TAGS[env]");
    fc.assert(
      fc.property(name, fc.boolean(), (variable, quoted) => {
        const template = `{"a":"x","b":${quoted ? `"${variable}"` : variable}}`;
        const body = {
          name: "n",
          url: "https://x.example",
          payload: template,
          custom_headers: "{}",
          encode_as: "json",
        } as const;
        return (payload.webhook?.(body).length === 0) === quoted;
      }),
    );
  });
});
