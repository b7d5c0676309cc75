import assert from "node:assert/strict";
import * as fc from "fast-check";
import { plainSettings } from "../../monitors/assets.ts";
import { monitorBody } from "../../monitors/body.ts";
import { problemText } from "../../monitors/problem.ts";
import type { MonitorSettings } from "../../monitors/settings.ts";
import { readUserFile } from "../../monitors/user/read.ts";
import { fullSettings, validated } from "./around.ts";
import { hasOfficialSchema, officialSchema } from "./official-schema.ts";
import { needs } from "../needs.ts";

const good = `variables:
  queue: orders
monitors:
  - key: queue-full
    level: ticket
    name: Queue \${queue} is nearly full
    query: "avg(last_5m):avg:my.fill{\${scope} AND queue:\${queue}} by {host} > \${critical}"
    thresholds: { critical: 90, critical_recovery: 80 }
    no_data: notify
    message: |
      {{value}} % on {{host.name}}
    options:
      renotify_interval: 60
`;

const read = (text: string, settings: MonitorSettings = plainSettings) => {
  const { objects, problems } = validated(settings, [{ path: "q.yaml", text }]);
  const own = objects.find(({ key }) => key === "queue-full");
  return { body: own === undefined ? undefined : monitorBody.parse(own.body), own, told: problems.map(problemText) };
};
const told = (from: string, to: string, settings?: MonitorSettings) => {
  assert.ok(good.includes(from), from);
  return read(good.replace(from, to), settings).told;
};

describe("monitors/user", () => {
  it("makes a whole body of a monitor, with everything filled in", () => {
    const { body, own, told: problems } = read(good);
    assert.deepEqual(problems, []);
    assert.equal(own?.origin, "q.yaml:4");
    assert.deepEqual(body, {
      name: "Queue orders is nearly full",
      type: "query alert",
      query: "avg(last_5m):avg:my.fill{queue:orders} by {host} > 90",
      message: "{{value}} % on {{host.name}}",
      tags: ["managed-by:overlaywatch", "overlaywatch-key:queue-full", "level:ticket"],
      priority: 3,
      options: {
        include_tags: true,
        notify_audit: false,
        require_full_window: false,
        renotify_interval: 60,
        on_missing_data: "show_and_notify_no_data",
        thresholds: { critical: 90, critical_recovery: 80 },
      },
    });
  });

  it("is what POST takes", function () {
    this.timeout(20_000);
    needs(this, "shared/datadog/openapi-v1.yaml", hasOfficialSchema());
    assert.equal(officialSchema("Monitor").safeParse(read(good).own?.body).error, undefined);
  });

  it("takes scope, handles and thresholds from the configuration", () => {
    const settings = { ...fullSettings, thresholds: { "queue-full": { critical: 45 } } };
    const { body, told: problems } = read(good, settings);
    assert.deepEqual(problems, []);
    assert.equal(body?.query, "avg(last_5m):avg:my.fill{env:prod AND !team:lab AND queue:orders} by {host} > 45");
    assert.deepEqual(body?.options.thresholds, { critical: 45, critical_recovery: 40 });
    assert.equal(body?.message, "{{value}} % on {{host.name}}\n\n@jira-net @slack-net");
  });

  it("puts the handles where the message has them, once", () => {
    const text = good.replace("on {{host.name}}", "on {{host.name}} ${notify}, see ${critical}");
    assert.equal(read(text, fullSettings).body?.message, "{{value}} % on {{host.name}} @jira-net @slack-net, see 90");
  });

  it("is everything where no scope is set", () => {
    assert.equal(
      read(good.replace("${scope} AND queue:${queue}", "${scope}")).body?.query.includes("my.fill{*} by"),
      true,
    );
    assert.equal(read(good.replace("${scope} AND ", "${scope}, ")).body?.query.includes("{queue:orders}"), true);
  });

  it("knows the older option of a service check", () => {
    const text = good
      .replace("level: ticket", "level: ticket\n    type: service check")
      .replace(/query: ".*"/u, `query: '"a.b".over("*").by("host").last(3).count_by_status()'`)
      .replace("critical: 90, critical_recovery: 80", "critical: 3");
    const { body, told: problems } = read(text);
    assert.deepEqual(problems, []);
    assert.equal(body?.options.notify_no_data, true);
    assert.equal("on_missing_data" in (body?.options ?? {}), false);
    assert.equal("require_full_window" in (body?.options ?? {}), false);
  });

  it("names file, line, key and what was expected", () => {
    assert.deepEqual(told("level: ticket", "levl: ticket"), [
      'q.yaml:4: monitors.0.level: it is missing: expected one of "page"|"ticket"|"inform" [form]',
      "q.yaml:5: monitors.0.levl: there is no such key; did you mean level? [form]",
    ]);
    assert.deepEqual(told("level: ticket", "level: pager"), [
      'q.yaml:5: monitors.0.level: expected one of "page"|"ticket"|"inform" [form]',
    ]);
    assert.deepEqual(told("critical: 90,", 'critical: "90",'), [
      "q.yaml:8: monitors.0.thresholds.critical: expected number, received string [form]",
    ]);
    assert.deepEqual(told("    no_data: notify\n", ""), [
      'q.yaml:4: monitors.0.no_data: it is missing: expected one of "keep"|"ok"|"notify" [form]',
    ]);
    assert.deepEqual(told("renotify_interval: 60", "renotify_intervall: 60"), [
      "q.yaml:13: monitors.0.options.renotify_intervall: there is no such key; did you mean renotify_interval? [form]",
    ]);
    assert.deepEqual(told("renotify_interval: 60", "on_missing_data: resolve").length, 1);
    assert.equal(
      told("critical: 90,", "critcal: 90,").at(-1),
      "q.yaml:8: monitors.0.thresholds.critcal: there is no such key; did you mean critical? [form]",
    );
    assert.deepEqual(
      told("monitors:\n", "monitor:\n").at(-1),
      "q.yaml:3: monitor: there is no such key; did you mean monitors? [form]",
    );
    assert.deepEqual(told("key: queue-full", "key: Queue full"), [
      "q.yaml:4: monitors.0.key: expected lower-case letters and digits with dashes between, such as queue-full [form]",
    ]);
  });

  it("names the line of what a rule refuses", () => {
    assert.deepEqual(told("critical_recovery: 80", "critical_recovery: 95"), [
      "q.yaml:8: queue-full: options.thresholds.critical_recovery: expected it below critical, 90 [thresholds]",
    ]);
    assert.deepEqual(told("> ${critical}", "> 91"), [
      "q.yaml:8: queue-full: options.thresholds.critical: 90 is not the 91 that the query compares with [thresholds]",
    ]);
    assert.deepEqual(told("on {{host.name}}", "on {{pod.name}}"), [
      "q.yaml:10: queue-full: message: {{pod.name}}: the alert is not grouped by pod, but by host [variables]",
    ]);
    assert.deepEqual(told("on {{host.name}}", "@webhook-x"), [
      "q.yaml:10: queue-full: message: @webhook-x: there is no such webhook; if your organisation has it, name it in datadog.monitors.other_webhooks [webhooks]",
    ]);
    assert.deepEqual(told("on {{host.name}}", "@webhook-overlaywatch"), [
      "q.yaml:10: queue-full: message: @webhook-overlaywatch: datadog.webhook_url is not set, so there is no such webhook [webhooks]",
    ]);
    assert.deepEqual(told("on {{host.name}}", "@webhook-overlaywatch", fullSettings), []);
    assert.deepEqual(told("avg:my.fill", "avg:overlaywatch.tcp.conections"), [
      "q.yaml:7: queue-full: query: overlaywatch.tcp.conections: there is no such metric; did you mean overlaywatch.tcp.connections? [metrics]",
    ]);
    assert.deepEqual(told("renotify_interval: 60", "renotify_statuses: [alert]"), [
      "q.yaml:13: queue-full: options.renotify_statuses: it needs renotify_interval [options]",
    ]);
  });

  it("tells them in the order of the file", () => {
    const text = good.replace("on {{host.name}}", "on ${nope}").replace("> ${critical}", "> 91");
    assert.deepEqual(
      read(text).told.map((line) => line.split(":")[1]),
      ["8", "10"],
    );
  });

  it("takes a webhook that is there already", () => {
    assert.deepEqual(told("on {{host.name}}", "@webhook-x", { ...plainSettings, otherWebhooks: ["x"] }), []);
  });

  it("refuses variables that are taken, or no names", () => {
    assert.deepEqual(told("  queue: orders\n", "  queue: orders\n  critical: 3\n  scope: x\n  Big: 1\n"), [
      "q.yaml:3: variables.critical: it is filled in already: expected another name [form]",
      "q.yaml:4: variables.scope: it is filled in already: expected another name [form]",
      "q.yaml:5: variables.Big: expected a name of a-z, 0-9 and _, such as queue_name [form]",
    ]);
    assert.deepEqual(told("queue: orders", "queue: [orders]"), [
      "q.yaml:2: variables.queue: expected text or a number [form]",
    ]);
  });

  it("names a variable that is not known", () => {
    assert.deepEqual(told("Queue ${queue}", "Queue ${queu}"), [
      "q.yaml:6: queue-full: name: ${queu}: there is no such variable; did you mean queue? [form]",
    ]);
  });

  it("says what is no such file at all", () => {
    assert.match(read("monitors:\n  - key: [\n").told[0] ?? "", /^q\.yaml:\d: not YAML: /u);
    assert.match(read("").told[0] ?? "", /^q\.yaml:1: expected object/u);
    assert.deepEqual(read("monitors:\n  -\n").told, ["q.yaml:2: monitors.0: expected object, received null [form]"]);
    assert.match(
      told("thresholds: { critical: 90, critical_recovery: 80 }", "thresholds:")[0] ?? "",
      /^q\.yaml:8: monitors\.0\.thresholds: expected object/u,
    );
    assert.deepEqual(read("monitors: []\n").told, ["q.yaml:1: monitors: expected one at least [form]"]);
  });

  it("refuses a key that is there already, unless that one is left out", () => {
    const second = good.replaceAll("queue-full", "fdb-misplaced");
    assert.deepEqual(read(second).told, [
      "q.yaml:4: fdb-misplaced: key: monitors/page/fdb-misplaced.ts has it already: expected another one (or its name under datadog.monitors.skip) [keys]",
    ]);
    assert.deepEqual(read(second, { ...plainSettings, skip: ["fdb-misplaced"] }).told, []);
  });

  it("refuses settings for monitors that are not there", () => {
    const settings = { ...plainSettings, skip: ["fdb-misplace"], thresholds: { "queue-ful": { critical: 1 } } };
    assert.deepEqual(read(good, settings).told, [
      "configuration: datadog.monitors.skip.fdb-misplace: there is no such monitor; did you mean fdb-misplaced? [form]",
      "configuration: datadog.monitors.thresholds.queue-ful: there is no such monitor; did you mean queue-full? [form]",
    ]);
  });

  it("never throws, and tells each problem with a place, whatever a file holds", () => {
    const lines = good.split("\n");
    const spoilt = fc
      .tuple(
        fc.nat(lines.length - 1),
        fc.oneof(fc.string(), fc.constantFrom("  - x", "key: 1", "? {}", "&a *a", "\t", "%", "a: b: c")),
      )
      .map(([at, text]) => lines.with(at, text).join("\n"));
    fc.assert(
      fc.property(fc.oneof(spoilt, fc.string()), (text) => {
        const { problems } = readUserFile({ path: "q.yaml", text }, plainSettings, () => "");
        for (const { where } of problems) assert.match(where, /^q\.yaml:\d+$/u);
      }),
      { numRuns: 500 },
    );
  });

  it("says what is wrong with aliases", () => {
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n`;
    assert.match(read(bomb).told[0] ?? "", /^q\.yaml:1: not YAML: Excessive alias count/u);
    assert.match(read("a: *b\n").told[0] ?? "", /^q\.yaml:1: not YAML: .*alias/u);
  });
});
