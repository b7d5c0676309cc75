import assert from "node:assert/strict";
import type { Desired, JsonObject } from "../../../monitors/desired.ts";
import { driftOf } from "../../../monitors/sync/drift.ts";
import { isList, isObject, parseJson, stable } from "../../../monitors/sync/json.ts";
import { figure, sized } from "../../accept/length.ts";
import { everything, failures, some, useOrganisation, webhookPath } from "./organisation.ts";

const monitor = (key: string): Desired => some.find((one) => one.kind === "monitor" && one.key === key)!;

describe("monitors/sync: drift, on the stand-in", () => {
  const { request, open, plan, apply } = useOrganisation();

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
  const options = body["options"] ?? {};
  assert.ok(isObject(options));
  const { thresholds } = options;
  assert.ok(isObject(thresholds) && typeof thresholds["critical"] === "number");
  const more = { ...omitted(thresholds, "warning_recovery"), warning: thresholds["critical"] - 0.001 };
  yield ["options.thresholds.warning", { options: { ...options, thresholds: more } }];
  for (const [key, value] of Object.entries(otherOptions))
    yield [`options.${key}`, { options: compatible({ ...options, [key]: value }, key) }];
  for (const key of Object.keys(options))
    if (key !== "thresholds" && key !== "threshold_windows" && options[key] !== false)
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
