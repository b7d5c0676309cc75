import assert from "node:assert/strict";
import type { Desired } from "../../../monitors/desired.ts";
import { perform, refuseStale, Stale } from "../../../monitors/sync/apply.ts";
import { adoptionOf, NotAdoptable } from "../../../monitors/sync/adopt.ts";
import { guardOrg, WrongOrg } from "../../../monitors/sync/org.ts";
import { officialSchema, hasOfficialSchema } from "../official-schema.ts";
import { validateOnline } from "../../../monitors/sync/validate.ts";
import { idOf } from "../../../monitors/sync/resources.ts";
import { needs } from "../../needs.ts";
import { everything, failures, some, useOrganisation, webhookPath } from "./organisation.ts";

const monitor = (key: string): Desired => some.find((one) => one.kind === "monitor" && one.key === key)!;

describe("monitors/sync: applying to the stand-in", () => {
  const { standin, request, open, plan, apply, destroy, kept } = useOrganisation();

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

  it("has the API judge every monitor, one that is not there and one that is", async () => {
    const world = await open();
    const accepted = async () => {
      const verdicts = await validateOnline(world.api, everything, world.ledger);
      return verdicts.filter(({ verdict }) => verdict === "accepted").length;
    };
    const monitors = everything.filter(({ kind }) => kind === "monitor").length;
    assert.equal(await accepted(), monitors);
    await apply(world, everything);
    assert.equal(await accepted(), monitors);
    const asked = standin()
      .requests()
      .filter(({ path }) => path.endsWith("/validate"));
    assert.equal(new Set(asked.map(({ path }) => path)).size, 1 + monitors);
  });

  it("makes webhooks before monitors before dashboards, and deletes the other way round", async () => {
    const world = await open();
    const order = (await apply(world, some.toReversed())).map(({ change }) => change.kind);
    assert.deepEqual(order, ["webhook", "monitor", "monitor", "dashboard"]);
    assert.deepEqual(
      (await destroy(world)).map(({ change }) => change.kind),
      ["dashboard", "monitor", "monitor", "webhook"],
    );
  });

  it("finds what is ours behind more pages than one", async () => {
    const { dashboards } = standin().organisations[0]!.kept;
    const theirs = (id: string) => dashboards.set(id, { id, title: "theirs", description: null });
    for (let i = 0; i < 1100; i++) theirs(`t${i}`);
    await apply(await open());
    assert.deepEqual((await plan(await open({ state: "other" }))).changes, []);
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

  it("deletes nothing to make it again that the API would refuse", async () => {
    const world = await open();
    await apply(world);
    const want = monitor("probe-loss");
    const body = { ...want.body, type: "event-v2 alert", query: "events(" };
    const [step] = await apply(world, [...some.filter((one) => one !== want), { ...want, body }]);
    assert.deepEqual([step?.change.action, step?.result], ["replace", "failed"]);
    assert.match(step?.error ?? "", /cannot validate the monitor probe-loss: the API answered 400/u);
    assert.equal(kept("monitors").length, 2);
  });

  it("offers to take over a monitor that is a duplicate, and does", async () => {
    const world = await open();
    const want = monitor("probe-loss");
    const theirs = { ...want.body, tags: ["team:x"] };
    await request("POST", "/api/v1/monitor", theirs);
    const id = idOf("monitor", kept("monitors")[0]!) ?? "";
    const change = await adoptionOf(world, want, id);
    assert.deepEqual(
      change?.fields.map(({ path }) => path),
      ["tags"],
    );
    const steps = await perform(world, change === undefined ? [] : [change], () => undefined);
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
    // Keys that may not ask: any monitor of ours tells the organisation's number.
    const shy = await open({
      state: "other",
      wrap: (send) => (asked, signal) => {
        const denied = { status: 403, headers: {}, text: '{"errors":["Forbidden"]}' };
        return asked.path === "/api/v2/current_user" ? Promise.resolve(denied) : send(asked, signal);
      },
    });
    assert.equal((await plan(shy)).org, "number 321813");
    assert.throws(() => guardOrg("number 1", { ...shy.ledger, org: () => "number 2" }, undefined), WrongOrg);
    guardOrg("number 1", world.ledger, undefined);
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
