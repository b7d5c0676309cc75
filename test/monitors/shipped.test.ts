import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { z } from "zod";
import { catalogue } from "../../agent/catalogue.ts";
import { containerTagKeys } from "../../collectors/container-tags.ts";
import { monitorAssets, plainSettings } from "../../monitors/assets.ts";
import { monitorBody } from "../../monitors/body.ts";
import { monitorOf, queryOf } from "../../monitors/definition.ts";
import type { Desired } from "../../monitors/desired.ts";
import { metricsIn, readQuery } from "../../monitors/query.ts";
import { runbooks } from "../../monitors/runbooks.ts";
import { levels } from "../../monitors/settings.ts";
import { shipped, shippedMonitors } from "../../monitors/shipped.ts";
import { webhookBody } from "../../monitors/body.ts";
import { cli } from "../agent/cli.ts";
import { needs } from "../needs.ts";
import { fullSettings, validated } from "./around.ts";
import { hasOfficialSchema, officialSchema } from "./official-schema.ts";

const monitorAsset = z.strictObject({
  version: z.literal(2),
  created_at: z.iso.date(),
  last_updated_at: z.iso.date(),
  title: z.string().min(1),
  description: z.string().min(1),
  definition: monitorBody,
  tags: z.array(z.string()),
});

const bodyOf = (object: Desired | undefined) => monitorBody.parse(object?.body);

describe("monitors: what ships", () => {
  it("keeps every rule, at the defaults and with all that can be set", () => {
    assert.deepEqual(validated(plainSettings).problems, []);
    assert.deepEqual(validated(fullSettings).problems, []);
    assert.equal(validated(fullSettings).objects.length, shippedMonitors.length + 2);
  });

  it("is one file each, in the folder of its level, named by its key", () => {
    const files = levels.flatMap((level) => readdirSync(`monitors/${level}`).map((name) => `${level}/${name}`));
    assert.deepEqual(
      shippedMonitors.map(({ level, key }) => `${level}/${key}.ts`).toSorted(),
      files.filter((name) => name.endsWith(".ts")).toSorted(),
    );
  });

  it("does not compile with a misspelt metric", () => {
    const [first] = shippedMonitors;
    assert.ok(first);
    // @ts-expect-error there is no such metric
    const query = queryOf({ ...first, query: ({ metric }) => metric("fdb.misplacd") }, plainSettings);
    assert.equal(query, "overlaywatch.fdb.misplacd");
  });

  for (const definition of shippedMonitors) {
    describe(definition.key, () => {
      const query = queryOf(definition, plainSettings);

      it("groups and filters by tags that its metrics have", () => {
        const specs = catalogue().filter(({ name }) => metricsIn(query).includes(`overlaywatch.${name}`));
        assert.ok(specs.length > 0);
        const filters = [...query.matchAll(/:[\w.]+\{([^}]*)\}/gu)].flatMap(([, terms = ""]) => terms.split(" AND "));
        const filtered = filters.filter((term) => term !== "*").map((term) => /^\w+/u.exec(term)?.[0] ?? term);
        const used = [...(readQuery(query).groupBy ?? []), ...filtered];
        for (const { name, room, tags } of specs) {
          const ofContainer = ["interfaces", "tcp", "netstat"].includes(room) ? containerTagKeys : [];
          const all = new Set(["host", ...tags, ...ofContainer]);
          assert.deepEqual(
            used.filter((tag) => !all.has(tag)),
            [],
            name,
          );
        }
      });

      it("has its threshold in query and option from one number", () => {
        const settings = { ...plainSettings, thresholds: { [definition.key]: { critical: 0.625 } } };
        const body = bodyOf(monitorOf(definition, settings));
        assert.equal(readQuery(body.query).comparison?.threshold, 0.625);
        assert.equal(body.options.thresholds.critical, 0.625);
        assert.deepEqual(
          validated(settings).problems.filter(({ key }) => key === definition.key),
          [],
          "recovery went with it",
        );
      });

      it("has scope and prefix in every part of its query, and the handles of its level in its message", () => {
        const body = bodyOf(monitorOf(definition, fullSettings));
        const metrics = [...body.query.matchAll(/:docker\.overlay\.[\w.]+\{env:prod AND !team:lab/gu)];
        assert.equal(metrics.length, body.query.split("docker.overlay.").length - 1);
        assert.doesNotMatch(body.query, /overlaywatch/u);
        for (const handle of fullSettings.notify[definition.level]) assert.ok(body.message.includes(handle), handle);
        assert.equal(body.message.includes("@webhook-overlaywatch"), definition.webhook === true);
        assert.doesNotMatch(bodyOf(monitorOf(definition, plainSettings)).message, /@/u);
      });

      it("is as the API would answer: trimmed, nothing undefined, its options complete", () => {
        const { body } = monitorOf(definition, fullSettings);
        assert.deepEqual(JSON.parse(JSON.stringify(body)), body);
        const { name, query: sent, message, tags, options } = bodyOf({ kind: "monitor", key: "", origin: "", body });
        for (const text of [name, sent, message]) assert.equal(text, text.trim());
        assert.equal(new Set(tags).size, tags.length);
        assert.equal(options.include_tags, true);
        assert.equal(options.notify_audit, false);
        assert.equal(typeof options.new_group_delay, "number");
        assert.equal(typeof options.require_full_window, "boolean");
      });
    });
  }

  it("that calls the webhook is one plain query by host, so that the host is known", () => {
    const calling = shippedMonitors.filter(({ webhook }) => webhook === true);
    assert.deepEqual(
      calling.map(({ key }) => key),
      ["fdb-misplaced", "active-findings"],
    );
    for (const one of calling) {
      const query = queryOf(one, plainSettings);
      assert.match(query, /^min\(last_[12]m\):sum:[\w.]+\{[^}]*\} by \{host,docker_network\} > 0$/u);
      assert.equal(one.newGroupDelay, 0);
    }
  });

  it("has assets as Datadog's packs want them", () => {
    const assets = monitorAssets().filter(({ path }) => path.startsWith("monitors/"));
    assert.deepEqual(
      assets.map(({ path }) => path).toSorted(),
      readdirSync("assets/monitors").map((name) => `monitors/${name}`),
    );
    assert.equal(assets.length, shippedMonitors.length);
    for (const { path, content } of assets) {
      const { title, description, tags, definition } = monitorAsset.parse(content);
      assert.match(path, /^monitors\/[a-z_]+\.json$/u);
      assert.ok(description.length <= 300, path);
      assert.doesNotMatch(`${title} ${description}`, /\{\{/u);
      assert.ok(tags.includes("integration:overlaywatch"));
      assert.doesNotMatch(JSON.stringify(definition), /managed-by|overlaywatch-key/u);
    }
  });

  it("has runbooks that a person can read: none of Datadog's braces", () => {
    const text = runbooks();
    assert.doesNotMatch(text, /\{\{|\}\}/u);
    assert.match(text, /has not written a heartbeat for _N_ s\. _\(no data\)_ Nothing has come/u);
  });

  it("tells of commands that this program has", async () => {
    const { out } = await cli(["help"]);
    const commands = new Set([...out.matchAll(/^ {2}([a-z-]+) +\S/gmu)].map(([, name = ""]) => name));
    const told = shippedMonitors.flatMap(({ message }) =>
      message.run.flatMap(([command]) =>
        [...command.matchAll(/\boverlaywatch ([a-z][a-z-]*)/gu)].map(([, name = ""]) => name),
      ),
    );
    assert.ok(told.length > 15);
    assert.deepEqual(
      told.filter((name) => !commands.has(name)),
      [],
    );
  });

  it("has the webhook's body of the contract, and its token only as a variable", () => {
    const [webhook] = shipped(fullSettings);
    const body = webhookBody.parse(webhook?.body);
    assert.equal(
      body.payload,
      '{"version":"1","monitor_id":"$ALERT_ID","cycle":"$ALERT_CYCLE_KEY","transition":"$ALERT_TRANSITION","event":"$ID","host":"$HOSTNAME","scope":"$ALERT_SCOPE","tags":"$TAGS","title":"$ALERT_TITLE","date":"$DATE","org":"$ORG_ID","link":"$LINK"}',
    );
    assert.equal(body.custom_headers, '{"Authorization":"Bearer $OVERLAYWATCH_WEBHOOK_TOKEN"}');
    assert.equal(
      shipped(plainSettings).some(({ kind }) => kind === "webhook"),
      false,
    );
  });

  it("has a dashboard that says whose it is, and asks for tags that its metrics have", () => {
    const dashboard = shipped(plainSettings).at(-1);
    const { description } = z.looseObject({ description: z.string() }).parse(dashboard?.body);
    assert.match(description, /\nManaged by overlaywatch: overview$/u);
    const queries = [...JSON.stringify(dashboard?.body).matchAll(/"query":"([^"]*)"/gu)].map(([, text = ""]) => text);
    assert.ok(queries.length > 15);
    for (const query of queries) {
      const spec = catalogue().find(({ name }) => metricsIn(query).includes(`overlaywatch.${name}`));
      assert.ok(spec, query);
      const groups = [...(readQuery(query).groupBy ?? [])];
      const all = new Set(["host", ...spec.tags, ...containerTagKeys]);
      assert.deepEqual(
        groups.filter((tag) => !all.has(tag)),
        [],
        query,
      );
      assert.equal(query.includes(".as_count()"), spec.type === "count", query);
    }
  });

  it("leaves out what the user does not want", () => {
    const { objects, problems } = validated({ ...plainSettings, skip: ["time-wait-growth"] });
    assert.deepEqual(problems, []);
    assert.equal(
      objects.some(({ key }) => key === "time-wait-growth"),
      false,
    );
  });

  describe("against Datadog's own specification", function () {
    this.timeout(20_000);
    const schemas = { monitor: "Monitor", webhook: "WebhooksIntegration", dashboard: "Dashboard" } as const;

    it("is what POST takes", function () {
      needs(this, "shared/datadog/openapi-v1.yaml", hasOfficialSchema());
      for (const kind of ["webhook", "monitor", "dashboard"] as const) {
        const schema = officialSchema(schemas[kind]);
        const objects = shipped(fullSettings).filter((one) => one.kind === kind);
        assert.ok(objects.length > 0);
        for (const { key, body } of objects) {
          const { error } = schema.safeParse(body);
          assert.equal(error, undefined, `${kind} ${key}: ${error?.message}`);
          assert.equal(
            schema.safeParse({ ...body, nonsense: 1 }).success,
            false,
            "the schema refuses what it does not know",
          );
        }
      }
    });
  });
});
