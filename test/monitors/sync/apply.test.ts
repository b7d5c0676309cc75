import assert from "node:assert/strict";
import type { Desired, Json, JsonObject } from "../../../monitors/desired.ts";
import { perform, refuseStale, Stale } from "../../../monitors/sync/apply.ts";
import { adoptionOf, NotAdoptable } from "../../../monitors/sync/adopt.ts";
import { driftOf } from "../../../monitors/sync/drift.ts";
import { isList, isObject, parseJson, stable } from "../../../monitors/sync/json.ts";
import { guardOrg, WrongOrg } from "../../../monitors/sync/org.ts";
import { datadogTransport } from "../../../monitors/sync/transport.ts";
import { officialSchema, hasOfficialSchema } from "../official-schema.ts";
import { figure, sized } from "../../accept/length.ts";
import { needs } from "../../needs.ts";
import { everything, failures, some, useOrganisation } from "./organisation.ts";

const monitor = (key: string): Desired => some.find((one) => one.kind === "monitor" && one.key === key)!;

describe("monitors/sync: applying to the stand-in", () => {
  const { standin, open, plan, apply, destroy, kept } = useOrganisation();
  const request = async (method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: JsonObject) => {
    const [{ apiKey, appKey }] = [standin().organisations[0]!];
    const send = datadogTransport(standin().url, { api: apiKey, application: appKey });
    const answer = await send({ method, path, ...(body === undefined ? {} : { body }) }, new AbortController().signal);
    assert.ok(answer.status < 300, answer.text);
    return answer;
  };

  it("makes everything that ships, and then nothing is left to do", async () => {
    const world = await open();
    const steps = await apply(world, everything);
    assert.deepEqual(failures(steps), []);
    assert.deepEqual(
      steps.flatMap(({ keptOtherwise }) => keptOtherwise),
      [],
    );
    assert.equal(steps.length, everything.length);
    const after = await plan(world, everything);
    assert.deepEqual([after.changes, after.conflicts, after.warnings], [[], [], []]);
    assert.equal(after.inSync, everything.length);
  });

  it("makes webhooks before monitors before dashboards, and deletes the other way round", async () => {
    const world = await open();
    const order = (await apply(world)).map(({ change }) => change.kind);
    assert.deepEqual(order, ["webhook", "monitor", "monitor", "dashboard"]);
    assert.deepEqual(
      (await destroy(world)).map(({ change }) => change.kind),
      ["dashboard", "monitor", "monitor", "webhook"],
    );
  });

  it("finds nothing to do without its ledger, but for webhooks of somebody's", async () => {
    await apply(await open());
    const lost = await open({ state: "other" });
    const after = await plan(lost);
    assert.deepEqual([after.changes, after.conflicts], [[], []]);
    await request("PUT", "/api/v1/integration/webhooks/configuration/webhooks/overlaywatch", {
      url: "https://a.example",
    });
    const { changes, conflicts } = await plan(lost);
    assert.deepEqual(changes, []);
    assert.match(conflicts.join(), /webhook overlaywatch .*adopt webhook\/overlaywatch overlaywatch/u);
  });

  it("destroys what is ours and leaves what is not", async () => {
    const world = await open();
    await apply(world);
    const theirs = { ...monitor("probe-loss").body, name: "theirs", tags: ["team:x", "managed-by:somebody"] };
    await request("POST", "/api/v1/monitor", theirs);
    await request("POST", "/api/v1/integration/webhooks/configuration/webhooks", {
      name: "pager",
      url: "https://p.example",
    });
    await request("POST", "/api/v1/dashboard", { title: "theirs", layout_type: "ordered", widgets: [] });
    assert.deepEqual(failures(await destroy(world)), []);
    assert.deepEqual(
      [kept("monitors"), kept("webhooks"), kept("dashboards")].map((all) =>
        all.map((one) => one["name"] ?? one["title"]),
      ),
      [["theirs"], ["pager"], ["theirs"]],
    );
    assert.deepEqual(world.ledger.records(), []);
  });

  it("deletes what is no longer defined, and leaves it where somebody took the mark off", async () => {
    const world = await open();
    const [first] = (await apply(world)).filter(({ change }) => change.key === "fdb-misplaced");
    await apply(world);
    await request("PUT", `/api/v1/monitor/${first!.id}`, { tags: ["team:x"] });
    const without = some.filter(({ kind }) => kind !== "monitor");
    const { changes, warnings } = await plan(world, without);
    assert.deepEqual(
      changes.map(({ action, key }) => `${action} ${key}`),
      ["delete probe-loss"],
    );
    assert.match(warnings.join(), /fdb-misplaced.*took our mark off.*left alone/u);
  });

  it("sends only what the official schema knows", async function () {
    needs(this, "datadog/openapi-v1.yaml", hasOfficialSchema());
    const world = await open();
    await apply(world, everything);
    for (const { kind, id } of world.ledger.records()) await spoil(kind, id ?? "");
    assert.deepEqual(failures(await apply(world, everything)), []);
    const names: Readonly<Record<string, string>> = {
      "POST /api/v1/monitor": "Monitor",
      "PUT /api/v1/monitor/": "MonitorUpdateRequest",
      "POST /api/v1/dashboard": "Dashboard",
      "PUT /api/v1/dashboard/": "Dashboard",
      "POST /api/v1/integration/webhooks/configuration/webhooks": "WebhooksIntegration",
      "PUT /api/v1/integration/webhooks/configuration/webhooks/": "WebhooksIntegrationUpdateRequest",
    };
    const written = standin()
      .requests()
      .filter(({ method }) => method !== "GET");
    const schemas = new Map(Object.values(names).map((name) => [name, officialSchema(name)]));
    const seen = new Set<string>();
    for (const { method, path, body } of written) {
      const route = `${method} ${method === "PUT" ? path.replace(/[^/]+$/u, "") : path}`;
      const name = names[route];
      assert.ok(name !== undefined, `${route} is no request of the sync's`);
      seen.add(route);
      const parsed = schemas.get(name)!.safeParse(JSON.parse(body));
      assert.ok(parsed.success, `${route}: ${parsed.error?.message}\n${body}`);
    }
    assert.deepEqual([...seen].toSorted(), Object.keys(names).toSorted());
  }).timeout(60_000);

  /** Changes something of it, so that it is put back. */
  const spoil = async (kind: string, id: string) => {
    if (kind === "webhook") await request("PUT", webhookPath(id), { url: "https://x.example", custom_headers: "{}" });
    if (kind === "monitor") await request("PUT", `/api/v1/monitor/${id}`, { message: "x", priority: 5 });
    if (kind === "dashboard")
      await request("PUT", `/api/v1/dashboard/${id}`, { title: "x", layout_type: "ordered", widgets: [] });
  };
  const webhookPath = (name: string) => `/api/v1/integration/webhooks/configuration/webhooks/${name}`;

  it("shows as drift each field of each object that is changed behind its back, and puts it back", async () => {
    const world = await open();
    const all = sized(everything, some);
    await apply(world, all);
    let fields = 0;
    for (const { kind, key, id = "" } of world.ledger.records()) {
      const path = kind === "webhook" ? webhookPath(id) : `/api/v1/${kind}/${id}`;
      const want = all.find((one) => one.kind === kind && one.key === key)!;
      for (const [field, body] of variants(want)) {
        const before = withoutTimes((await request("GET", path)).text);
        const after = withoutTimes((await request("PUT", path, body)).text);
        // An option that the API adds again by itself was not changed.
        if (after === before) continue;
        const seen = await plan(world, all);
        const drifts = driftOf(seen, all, world.ledger);
        const paths = drifts.flatMap(({ change }) => change.fields.map((one) => one.path));
        assert.deepEqual(
          drifts.map(({ change, what }) => `${what} ${change.kind} ${change.key}`),
          [`changed ${kind} ${key}`],
          `${kind} ${key}: ${field}`,
        );
        assert.ok(
          paths.some((one) => one.startsWith(field)),
          `${field} is not among ${paths.join()}`,
        );
        assert.deepEqual(failures(await apply(world, all)), []);
        assert.deepEqual((await plan(world, all)).changes, [], `${kind} ${key}: ${field} was not put back`);
        fields++;
      }
    }
    figure(`${fields} fields of ${all.length} objects`);
    assert.ok(fields > 60, `only ${fields} fields were tried`);
  }).timeout(sized(300_000, 60_000));

  it("shows as drift what was deleted, and what carries our mark and is not defined", async () => {
    const world = await open({ patience: { settle: 0 } });
    await apply(world);
    const { id } = world.ledger.find("monitor", "probe-loss")!;
    await request("DELETE", `/api/v1/monitor/${id}`);
    const tags = ["managed-by:overlaywatch", "overlaywatch-key:unheard-of"];
    await request("POST", "/api/v1/monitor", { ...monitor("fdb-misplaced").body, tags });
    const drifts = driftOf(await plan(world), some, world.ledger);
    assert.deepEqual(
      drifts.map(({ change, what }) => `${what} ${change.key}`),
      ["gone probe-loss", "unexpected unheard-of"],
    );
  });

  it("does not call drift what only a definition changed", async () => {
    const world = await open();
    await apply(world);
    const changed = some.map((one) =>
      one.key === "probe-loss" ? { ...one, body: { ...one.body, message: "another one" } } : one,
    );
    const seen = await plan(world, changed);
    assert.equal(seen.changes.length, 1);
    assert.deepEqual(driftOf(seen, changed, world.ledger), []);
    await request("PUT", `/api/v1/monitor/${world.ledger.find("monitor", "probe-loss")?.id}`, { message: "theirs" });
    assert.deepEqual(
      driftOf(await plan(world, changed), changed, world.ledger).map(({ what, alsoDefined }) => [what, alsoDefined]),
      [["changed", true]],
    );
  });

  it("refuses a plan whose objects were changed or deleted since", async () => {
    const world = await open({ patience: { settle: 0 } });
    await apply(world);
    const changed = some.map((one) =>
      one.kind === "monitor" ? { ...one, body: { ...one.body, message: "another one" } } : one,
    );
    const { changes } = await plan(world, changed);
    assert.equal(changes.length, 2);
    await refuseStale(world, changes);
    await request("PUT", `/api/v1/monitor/${changes[0]!.id}`, { priority: 5 });
    await assert.rejects(refuseStale(world, changes), (error) => {
      assert.ok(error instanceof Stale);
      assert.match(error.message, /was changed since the plan was made: nothing was done/u);
      return true;
    });
    await request("DELETE", `/api/v1/monitor/${changes[1]!.id}`);
    await assert.rejects(refuseStale(world, changes), /is gone/u);
  });

  it("makes a monitor anew whose type has changed", async () => {
    const world = await open();
    await apply(world);
    const other: Desired = {
      ...monitor("probe-loss"),
      body: {
        name: "probe",
        type: "event-v2 alert",
        query: 'events("sources:docker").rollup("count").last("5m") > 3',

        message: "m",
        tags: monitor("probe-loss").body["tags"] ?? [],
        options: { thresholds: { critical: 3 }, on_missing_data: "default" },
      },
    };
    const desired = some.map((one) => (one.key === "probe-loss" ? other : one));
    const before = world.ledger.find("monitor", "probe-loss")?.id;
    const steps = await apply(world, desired);
    assert.deepEqual(failures(steps), []);
    assert.deepEqual(
      steps.map(({ change }) => change.action),
      ["replace"],
    );
    assert.notEqual(world.ledger.find("monitor", "probe-loss")?.id, before);
    assert.equal(kept("monitors").length, 2);
    assert.deepEqual((await plan(world, desired)).changes, []);
  });

  it("offers to take over a monitor that is a duplicate, and does", async () => {
    const world = await open();
    const want = monitor("probe-loss");
    const theirs = { ...want.body, tags: ["team:x"] };
    await request("POST", "/api/v1/monitor", theirs);
    const id = String(kept("monitors")[0]!["id"]);
    const change = await adoptionOf(world, want, id);
    assert.deepEqual(
      change?.fields.map(({ path }) => path),
      ["tags"],
    );
    const steps = await perform(world, [change!], () => undefined);
    assert.deepEqual(failures(steps), []);
    assert.deepEqual((await plan(world, [want])).changes, []);
    assert.equal(kept("monitors").length, 1);
    await assert.rejects(adoptionOf(world, monitor("fdb-misplaced"), id), NotAdoptable);
    await assert.rejects(adoptionOf(world, want, "1"), /there is no monitor 1/u);
  });

  it("takes an object that a Duplicate names for its own only if it carries its mark", async () => {
    const want = monitor("probe-loss");
    await apply(await open(), [want]);
    const world = await open({ state: "other" });
    // The list does not show it: the POST is refused as a duplicate of our own.
    standin().disturb({}, { fault: "empty-list", method: "GET", path: "/api/v1/monitor" });
    assert.deepEqual(failures(await apply(world, [want])), []);
    assert.equal(kept("monitors").length, 1);
  });

  it("is held to one organisation", async () => {
    const world = await open();
    await apply(world);
    const { org } = await plan(world);
    await world.ledger.bind(org);
    await assert.rejects(
      open({ org: 1 }).then((other) => plan(other)),
      WrongOrg,
    );
    assert.throws(() => guardOrg(org, world.ledger, "another"), WrongOrg);
    assert.deepEqual(kept("monitors", 1), []);
  });

  it("goes on after a refused object, but deletes nothing then", async () => {
    const world = await open();
    await apply(world);
    const bad = { ...monitor("probe-loss"), key: "bad", body: { ...monitor("probe-loss").body, query: "nonsense" } };
    const good = {
      ...bad,
      key: "good",
      body: { ...bad.body, name: "good", query: monitor("probe-loss").body["query"]! },
    };
    const steps = await apply(world, [bad, good]);
    assert.deepEqual(
      steps.map(({ change, result }) => `${change.action} ${change.key} ${result}`),
      [
        "create bad failed",
        "create good done",
        "delete overview left",
        "delete fdb-misplaced left",
        "delete probe-loss left",
        "delete overlaywatch left",
      ],
    );
    assert.match(steps[0]?.error ?? "", /cannot create the monitor bad: the API answered 400: .*query/u);
    assert.equal(world.ledger.find("monitor", "bad"), undefined);
  });
});

/** Only what a PUT answers has a restriction policy. */
const withoutTimes = (text: string): string => {
  const object = parseJson(text);
  assert.ok(isObject(object));
  return stable(omitted(object, "modified", "modified_at", "restriction_policy", "matching_downtimes"));
};

/** For each field of a body, a PUT that changes it alone. */
function* variants({ kind, body }: Desired): Generator<readonly [string, JsonObject]> {
  if (kind === "webhook") {
    for (const key of ["url", "payload", "custom_headers", "encode_as"]) yield [key, { [key]: otherWebhook[key]! }];
  } else if (kind === "dashboard") yield* dashboardVariants(body);
  else yield* monitorVariants(body);
}

const otherWebhook: JsonObject = {
  url: "https://other.example",
  payload: "{}",
  custom_headers: '{"X":"y"}',
  encode_as: "form",
};

function* dashboardVariants(body: JsonObject): Generator<readonly [string, JsonObject]> {
  yield ["title", { ...body, title: "x" }];
  yield ["description", { ...body, description: "x" }];
  yield ["tags", { ...body, tags: ["team:x"] }];
  yield ["template_variables", { ...body, template_variables: [{ name: "x", prefix: "x" }] }];
  yield ["notify_list", { ...body, notify_list: ["a@example.com"] }];
  const { widgets } = body;
  assert.ok(isList(widgets));
  for (const [i, widget] of widgets.entries())
    yield [
      `widgets[${i}]`,
      {
        ...body,
        widgets: widgets.with(i, { ...(isObject(widget) ? widget : {}), definition: { type: "note", content: "x" } }),
      },
    ];
  yield ["widgets", { ...body, widgets: widgets.slice(1) }];
}

/** By option, another value that the API takes. */
const otherOptions: JsonObject = {
  notify_audit: true,
  include_tags: false,
  new_group_delay: 7,
  new_host_delay: 7,
  evaluation_delay: 60,
  renotify_interval: 77,
  timeout_h: 3,
  escalation_message: "x",
  notification_preset_name: "hide_all",
  group_retention_duration: "2h",
  enable_logs_sample: true,
  groupby_simple_monitor: true,
  locked: true,
  notify_no_data: true,
};

function* monitorVariants(body: JsonObject): Generator<readonly [string, JsonObject]> {
  yield ["name", { name: "x" }];
  yield ["message", { message: "x" }];
  yield ["tags", { tags: ["team:x"] }];
  yield ["priority", { priority: body["priority"] === 3 ? 4 : 3 }];
  yield ["priority", { priority: null }];
  yield ["restricted_roles", { restricted_roles: ["11111111-1111-1111-1111-111111111111"] }];
  yield ["draft_status", { draft_status: "draft" }];
  const { query } = body;
  assert.ok(typeof query === "string");
  yield ["query", { query: query.replace("{*}", "{env:x}") }];
  const options: Json = body["options"] ?? {};
  assert.ok(isObject(options));
  for (const [key, value] of Object.entries(otherOptions))
    yield [`options.${key}`, { options: compatible({ ...options, [key]: value }, key) }];
  for (const key of Object.keys(options))
    if (key !== "thresholds" && options[key] !== false)
      yield [
        `options.${key}`,
        { options: omitted(options, key, ...(key === "renotify_interval" ? ["renotify_statuses"] : [])) },
      ];
}

const omitted = (options: JsonObject, ...keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(options).filter(([key]) => !keys.includes(key)));

/** Options that exclude each other. */
function compatible(options: JsonObject, changed: string): JsonObject {
  const without = (...keys: readonly string[]) => omitted(options, ...keys);
  if (changed === "notify_no_data") return { ...without("on_missing_data"), no_data_timeframe: 60 };
  if (changed === "timeout_h") return without("on_missing_data");
  if (changed === "new_host_delay") return without("new_group_delay");
  if (changed === "escalation_message") return { ...options, renotify_interval: 60 };
  return options;
}
