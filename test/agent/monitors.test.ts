import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { cli } from "./cli.ts";
import { useFolder } from "./folder.ts";

const own = `monitors:
  - key: queue-full
    level: inform
    name: Queue is full
    query: "avg(last_5m):avg:my.fill{*} by {host} > \${critical}"
    thresholds: { critical: 90 }
    no_data: ok
    message: "{{value}} on {{host.name}}"
`;

const rows = z.array(z.record(z.string(), z.string()));
const told = z.strictObject({ objects: rows, problems: rows, notes: z.array(z.string()) });

const notAsked = "Datadog was not asked: there are no keys (DD_API_KEY, DD_APP_KEY).\n";

describe("monitors validate", () => {
  const { path, file } = useFolder();
  /** With a configuration of this section, and one file of the user's. */
  const validate = (datadog: string, monitor: string, ...args: readonly string[]) => {
    mkdirSync(join(path(), "monitors.d"));
    writeFileSync(join(path(), "monitors.d", "own.yaml"), monitor);
    writeFileSync(join(path(), "monitors.d", "README"), "no definition");
    const config = file("c.yaml", `datadog:\n  monitors:\n    dir: ${path()}/monitors.d\n${datadog}`);
    return cli(["monitors", "validate", "--config", config, ...args]);
  };

  it("is silent about nothing that is not there, and ends with 0", async () => {
    const { code, out, err } = await validate("", own);
    assert.equal(err, "");
    assert.equal(
      out,
      "Valid: 17 monitors, 0 webhooks, 1 dashboard; of your own: 1 file.\n" +
        "Nobody is told of page, ticket, inform: datadog.monitors.notify has no handle for it.\n" +
        "There is no webhook: datadog.webhook_url is not set.\n" +
        notAsked,
    );
    assert.equal(code, 0);
  });

  it("takes handles, scope, thresholds and the webhook's address from the configuration", async () => {
    const datadog = `    notify: {page: ["@pd-x"], ticket: ["@jira-x"], inform: ["@slack-x"]}\n    scope: [env:prod]\n    thresholds: {neighbour-table: 90, queue-full: {critical: 70, warning: 60}}\n    skip: [remedy-failed]\n  webhook_url: https://gateway.example.org/x\n`;
    const { code, out } = await validate(datadog, own);
    assert.equal(out, `Valid: 16 monitors, 1 webhook, 1 dashboard; of your own: 1 file.\n${notAsked}`);
    assert.equal(code, 0);
  });

  it("names what judges nothing where the profile leaves containers out", async () => {
    const { out } = await validate("    skip: [interface-drops]\ntags: {profile: lean}\n", own);
    assert.match(
      out,
      /^With tags\.profile lean .* by probe-loss, listen-overflows, interface-errors, time-wait-growth, close-wait-growth, retransmission-rate\.$/mu,
    );
  });

  it("tells each problem with its place, and ends with 1", async () => {
    const { code, out } = await validate("", own.replace("host.name", "pod.name"));
    const [first, last] = out.replaceAll(`${path()}/`, "").split("\n");
    assert.equal(
      first,
      "monitors.d/own.yaml:8: queue-full: message: {{pod.name}}: the alert is not grouped by pod, but by host [variables]",
    );
    assert.equal(last, "1 problem in 17 monitors, 0 webhooks, 1 dashboard; of your own: 1 file.");
    assert.equal(code, 1);
  });

  it("tells the same to machines", async () => {
    const { code, out } = await validate("", own.replace("host.name", "pod.name"), "--json");
    const { objects, problems, notes } = told.parse(JSON.parse(out));
    assert.equal(objects.length, 18);
    assert.deepEqual(objects[0], { kind: "monitor", key: "fdb-misplaced", origin: "monitors/page/fdb-misplaced.ts" });
    assert.deepEqual(problems, [
      {
        rule: "variables",
        where: `${path()}/monitors.d/own.yaml:8`,
        key: "queue-full",
        field: "message",
        message: "{{pod.name}}: the alert is not grouped by pod, but by host",
      },
    ]);
    assert.equal(notes.length, 2);
    assert.equal(code, 1);
  });

  it("refuses a folder that is not there, and a configuration that is wrong, with 78", async () => {
    const absent = await cli([
      "monitors",
      "validate",
      "--config",
      file("c.yaml", "datadog: {monitors: {dir: /nowhere}}\n"),
    ]);
    assert.match(absent.err, /datadog\.monitors\.dir: cannot read monitors from \/nowhere: ENOENT/u);
    assert.equal(absent.code, 78);
    for (const [text, said] of [
      ["notify: {page: [ops]}", /notify\.page\.0: expected a handle such as @/u],
      ["scope: ['env:prod,team:x']", /scope\.0: expected a term of a Datadog filter/u],
      ["scope: ['{env:prod}']", /scope\.0: expected a term/u],
      ["thresholds: {neighbour-table: much}", /thresholds\.neighbour-table: expected a number, or/u],
      ["thresholds: {neighbour-table: {critcal: 3}}", /thresholds\.neighbour-table\.critcal: there is no such key/u],
    ] as const) {
      const { code, err } = await cli([
        "monitors",
        "validate",
        "--config",
        file("c.yaml", `datadog: {monitors: {${text}}}\n`),
      ]);
      assert.match(err, said);
      assert.equal(code, 78);
    }
  });

  it("takes thresholds and handles from the environment", async () => {
    const env = {
      OVERLAYWATCH_DATADOG_MONITORS_THRESHOLDS: "neighbour-table=91,nope=1",
      OVERLAYWATCH_DATADOG_MONITORS_NOTIFY_PAGE: "@pd-x",
    };
    const { out } = await cli(["monitors", "validate", "--config", file("c.yaml", "{}\n")], { env });
    assert.match(out, /^configuration: datadog\.monitors\.thresholds\.nope: there is no such monitor/mu);
    assert.match(out, /^Nobody is told of ticket, inform/mu);
    assert.doesNotMatch(out, /neighbour-table:/u);
  });

  it("refuses an action that is not there with 64", async () => {
    const { code, err } = await cli(["monitors", "valdate"]);
    assert.match(err, /monitors valdate: there is no such action/u);
    assert.equal(code, 64);
  });
});
