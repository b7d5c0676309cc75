import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { takeLock } from "../../host/lock.ts";
import { liveClock } from "../../host/clock.ts";
import type { JsonObject } from "../../monitors/desired.ts";
import { isList, member, parseJson } from "../../monitors/sync/json.ts";
import { markOf } from "../../monitors/sync/mark.ts";
import { idOf } from "../../monitors/sync/resources.ts";
import { type Standin, startStandin } from "../../standin/standin.ts";
import { cli } from "./cli.ts";
import { useFolder } from "./folder.ts";

const kindOf = { monitors: "monitor", dashboards: "dashboard", webhooks: "webhook" } as const;

describe("agent/monitors, with the stand-in", () => {
  const { path, file } = useFolder();
  let standin: Standin;
  let config = "";

  beforeEach(async () => {
    standin = await startStandin({
      clock: liveClock,
      unlimited: true,
      onProblem: (error) => assert.fail(String(error)),
    });
    config = file("config.yaml", "datadog:\n  webhook_url: https://heal.example.com/datadog\n");
  });
  afterEach(() => standin.close());

  const keysOf = (org = 0) => {
    const { apiKey, appKey } = standin.organisations[org]!;
    return { DD_API_KEY: apiKey, DD_APP_KEY: appKey };
  };
  const monitors = async (
    args: readonly string[],
    env: Readonly<Record<string, string>> = keysOf(),
    url = standin.url,
  ) => {
    const ended = await cli(
      ["monitors", ...args, "--config", config, "--state-dir", join(path(), "state"), "--api-url", url],
      { env },
    );
    for (const secret of Object.values(keysOf()))
      assert.ok(!(ended.out + ended.err).includes(secret), "a key is shown");
    return ended;
  };
  const count = async (action: string, key: string) => {
    const { out } = await monitors([action, "--json"]);
    const list = member(parseJson(out), key);
    return isList(list) ? list.length : out;
  };
  const put = async (route: string, body: JsonObject) => {
    const { DD_API_KEY, DD_APP_KEY } = keysOf();
    const headers = { "DD-API-KEY": DD_API_KEY, "DD-APPLICATION-KEY": DD_APP_KEY, "Content-Type": "application/json" };
    const answer = await fetch(`${standin.url}${route}`, { method: "PUT", headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200);
  };
  const kept = (kind: "monitors" | "dashboards" | "webhooks") => [...standin.organisations[0]!.kept[kind].values()];
  const [aMonitor, untouched] = [
    "/api/v1/monitor/180000001",
    () => standin.requests().every(({ method }) => method === "GET"),
  ];

  it("goes the whole way: plan, apply, plan, drift, apply, destroy", async () => {
    const planned = await monitors(["plan"]);
    assert.equal(planned.code, 2);
    assert.match(planned.out, /^\+ monitor fdb-misplaced .*\n {4}min\(last_1m\)/mu);
    const never = /^! monitor fdb-misplaced is not there; whether it was deleted or never made is not known$/mu;
    assert.match((await monitors(["drift"])).out, never);
    assert.ok(untouched());
    const applied = await monitors(["apply"]);
    assert.equal(applied.code, 0, applied.err);
    assert.match(applied.err, /1\/18 \+ webhook overlaywatch: done/u);
    assert.match(applied.out, /Done: 18 changes\.\n$/u);
    assert.deepEqual(
      [(await monitors(["plan"])).code, (await monitors(["drift"])).code, (await monitors(["apply"])).code],
      [0, 0, 0],
    );
    await put(aMonitor, { priority: 5 });
    const drift = await monitors(["drift"]);
    assert.equal(drift.code, 2);
    assert.match(drift.out, /^! monitor fdb-misplaced \(180000001\) was changed at 20.* by stand-in@example\.com$/mu);
    assert.match(drift.out, /^ {4}priority: 1 → 5$/mu);
    assert.equal((await monitors(["apply"])).code, 0);
    assert.equal((await monitors(["destroy"])).code, 0);
    assert.deepEqual([kept("monitors"), kept("dashboards"), kept("webhooks")], [[], [], []]);
    assert.equal((await monitors(["destroy"])).code, 0);
  }).timeout(30_000);

  it("tells machines", async () => {
    assert.equal(await count("plan", "changes"), 18);
    assert.equal(await count("apply", "steps"), 18);
    await put(aMonitor, { message: "x" });
    assert.equal(await count("drift", "drift"), 1);
    assert.equal(await count("validate", "online"), 18);
    assert.equal(await count("destroy", "steps"), 18);
  }).timeout(20_000);

  it("does a saved plan and nothing else, and only as long as nothing has changed", async () => {
    await monitors(["apply"]);
    await put(aMonitor, { message: "theirs" });
    const saved = join(path(), "plan.json");
    assert.equal((await monitors(["plan", "--out", saved])).code, 2);
    assert.equal(statSync(saved).mode & 0o777, 0o600);
    await put("/api/v1/monitor/180000002", { message: "not in the plan" });
    await put(aMonitor, { priority: 5 });
    const stale = await monitors(["apply", saved]);
    assert.equal(stale.code, 1);
    assert.match(
      stale.err,
      /the monitor fdb-misplaced \(180000001\) was changed since the plan was made: nothing was done/u,
    );
    await put(aMonitor, { priority: 1 });
    const done = await monitors(["apply", saved]);
    assert.equal(done.code, 0, done.err);
    assert.match(done.err, /what is there now is kept in .*backups/u);
    assert.equal(kept("monitors")[1]?.["message"], "not in the plan");
    const [backup = ""] = readdirSync(join(path(), "state/monitors/backups"));
    assert.match(readFileSync(join(path(), "state/monitors/backups", backup), "utf8"), /"message": "theirs"/u);
    assert.match((await monitors(["apply", saved])).err, /nothing was done; plan again/u);
  }).timeout(20_000);

  it("refuses a plan that is none, of another organisation, or already done", async () => {
    const saved = join(path(), "plan.json");
    await monitors(["plan", "--out", saved]);
    const other = await monitors(["apply", saved], keysOf(1));
    assert.equal(other.code, 1);
    assert.match(other.err, /is a plan for the organisation \S+, and the keys are of \S+: nothing was done/u);
    const elsewhere = await monitors(["apply", saved], keysOf(), standin.url.replace("127.0.0.1", "localhost"));
    assert.match(elsewhere.err, /is a plan for http:\/\/127.*: nothing was done/u);
    assert.ok(untouched());
    assert.equal((await monitors(["apply", saved])).code, 0);
    assert.match((await monitors(["apply", saved])).err, /made since the plan was made: nothing was done/u);
    for (const text of ["{", "{}", '{"version":1}']) {
      const broken = await monitors(["apply", file("broken.json", text)]);
      assert.equal(broken.code, 1);
      assert.match(broken.err, /broken\.json: no plan that `monitors plan --out` saved/u);
    }
    assert.match((await monitors(["apply", "/nowhere"])).err, /\/nowhere: there is no such file/u);
  }).timeout(20_000);

  it("does a saved plan, and deletes what is ours, also where a definition is wrong by now", async () => {
    const saved = join(path(), "plan.json");
    await monitors(["plan", "--out", saved]);
    file("broken.yaml", "monitors: [");
    writeFileSync(config, `datadog: { monitors: { dir: ${path()} } }\n`);
    assert.match((await monitors(["apply"])).err, /definitions are wrong, and nothing was done/u);
    assert.match((await monitors(["apply", saved])).out, /Done: 18 changes/u);
    assert.match((await monitors(["destroy"])).out, /Done: 18 changes/u);
  }).timeout(20_000);

  it("is held to the organisation that was applied to, and to the one that is named", async () => {
    await monitors(["apply"]);
    for (const action of ["plan", "apply", "drift", "destroy"]) {
      const { code, err } = await monitors([action], keysOf(1));
      assert.equal(code, 1);
      assert.match(err, /the keys are of the organisation .*, but .* is of .*: nothing was done/u);
    }
    assert.match((await monitors(["plan", "--org", "x"])).err, /not of x: nothing was done/u);
    assert.equal(standin.organisations[1]!.kept.monitors.values().length, 0);
  }).timeout(20_000);

  it("deletes no more than it may, and nothing because nothing is defined", async () => {
    await monitors(["apply"]);
    const skipped = kept("monitors").map((one) => markOf("monitor", one));
    writeFileSync(config, `datadog: { monitors: { skip: [${skipped.join(", ")}] } }\n`);
    const refused = await monitors(["apply"]);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /17 objects would be deleted, and no more than 10 may be: nothing was done/u);
    assert.match(
      (await monitors(["destroy", "--max-deletes", "3"])).err,
      /18 objects would be deleted, and no more than 3/u,
    );
    assert.equal(kept("monitors").length, 16);
    assert.equal((await monitors(["apply", "--max-deletes", "17"])).code, 0);
    assert.equal(kept("monitors").length, 0);
  }).timeout(20_000);

  it("knows after a lost ledger and an apply what is its own, the webhook as well", async () => {
    await monitors(["apply"]);
    rmSync(join(path(), "state"), { recursive: true });
    assert.equal((await monitors(["plan"])).code, 0);
    assert.match((await monitors(["apply"])).out, /In sync: 18 objects/u);
    assert.equal((await monitors(["drift"])).code, 0);
    assert.equal((await monitors(["destroy"])).code, 0);
    assert.deepEqual([kept("webhooks").length, kept("monitors").length, kept("dashboards").length], [0, 0, 0]);
  }).timeout(20_000);

  it("does not make everything again because an API shows nothing of it", async () => {
    await monitors(["apply"]);
    const [org] = standin.organisations;
    for (const kind of ["monitors", "dashboards", "webhooks"] as const)
      for (const one of kept(kind)) org!.kept[kind].set(idOf(kindOf[kind], one) ?? "", undefined);
    // As if it were some time ago: what was made just now is waited for.
    const [ledger = ""] = readdirSync(join(path(), "state/monitors")).filter((name) => name.startsWith("objects-"));
    const text = readFileSync(join(path(), "state/monitors", ledger), "utf8");
    writeFileSync(join(path(), "state/monitors", ledger), text.replaceAll(/"asked": "20\d\d/gu, '"asked": "2020'));
    const { code, err } = await monitors(["apply"]);
    assert.equal(code, 1);
    assert.match(err, /none of the 18 objects that .* knows is there: nothing was done.*--recreate/u);
    assert.equal((await monitors(["apply", "--recreate"])).code, 0);
    assert.equal(kept("monitors").length, 16);
  }).timeout(20_000);

  it("adopts what somebody made", async () => {
    await monitors(["apply"]);
    const { tags: _, ...theirs } = kept("monitors")[0]!;
    await monitors(["destroy"]);
    standin.organisations[0]!.kept.monitors.set(180000001, { ...theirs, name: "theirs", tags: ["team:x"] });
    const adopted = await monitors(["adopt", "fdb-misplaced", "https://app.datadoghq.com/monitors/180000001"]);
    assert.equal(adopted.code, 0, adopted.err);
    assert.match(adopted.out, /name: "theirs" → "Overlay network/u);
    await monitors(["apply"]);
    assert.equal((await monitors(["plan"])).code, 0);
    assert.equal(kept("monitors").length, 16);
    assert.match((await monitors(["adopt", "nothing", "1"])).err, /nothing: nothing of that key is defined/u);
    assert.equal((await monitors(["adopt", "fdb-misplaced"])).code, 64);
  }).timeout(20_000);

  it("asks Datadog about definitions where it has keys", async () => {
    assert.match((await monitors(["validate"])).out, /Datadog accepts 16 monitors, and refuses 0/u);
    assert.ok(standin.requests().every(({ path: route }) => route === "/api/v1/monitor/validate"));
    assert.match((await monitors(["validate"], {})).out, /Datadog was not asked: there are no keys/u);
    assert.match((await monitors(["validate", "--offline"])).out, /Datadog was not asked/u);
    standin.disturb({}, { fault: "422", method: "POST" });
    const refused = await monitors(["validate"]);
    assert.equal(refused.code, 1);
    assert.match(refused.out, /ts: Datadog refuses the monitor \S+: Unprocessable Entity/u);
    const denied = await monitors(["validate"], { ...keysOf(), DD_APP_KEY: "x" });
    assert.equal(denied.code, 1);
    assert.match(denied.out, /^Valid: 16 monitors/u);
    assert.match(denied.err, /cannot validate the monitor \S+: the API answered 403/u);
  });

  it("does nothing with a wrong definition", async () => {
    const dir = join(path(), "monitors.d");
    file("bad.yaml", "x");
    writeFileSync(config, `datadog: { monitors: { dir: ${path()} } }\n`);
    const { code, err } = await monitors(["apply"]);
    assert.equal(code, 1);
    assert.match(err, /definitions are wrong, and nothing was done:\n.*bad\.yaml/u);
    assert.ok(!existsSync(dir) && standin.requests().length === 0);
  });

  it("refuses a second run at once, and says who the first is", async () => {
    const lock = await takeLock(join(path(), "state/monitors/lock"), { holder: "overlaywatch monitors, process 1" });
    const { code, err } = await monitors(["apply"]);
    assert.equal(standin.requests().length, 0);
    lock.release();
    assert.equal(
      (await Promise.all([monitors(["apply"]), monitors(["apply"])])).filter((one) => one.code === 0).length,
      1,
    );
    assert.equal(kept("monitors").length, 16);
    assert.equal((await monitors(["plan"])).code, 0);
    assert.equal(code, 1);
    assert.match(err, /monitors\/lock is held by overlaywatch monitors, process 1/u);
  });

  it("says which key is missing or wrong, and never which one it is", async () => {
    const missing = await monitors(["plan"], { DD_API_KEY: keysOf().DD_API_KEY });
    assert.equal(missing.code, 1);
    assert.match(missing.err, /no key: set DD_APP_KEY, or name a file that has it in datadog\.app_key_file/u);
    const wrong = await monitors(["plan"], { ...keysOf(), DD_APP_KEY: "not-the-key" });
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /the API answered 403: Forbidden; check DD_API_KEY and DD_APP_KEY/u);
    assert.ok(!wrong.err.includes("not-the-key"));
    const blanks = await monitors(["plan"], { ...keysOf(), DD_APP_KEY: "se cret" });
    assert.match(blanks.err, /DD_APP_KEY: no key: it has blanks/u);
    assert.ok(!blanks.err.includes("cret\n") && !blanks.err.includes("se cret"));
    const files = keysOf();
    writeFileSync(
      config,
      `datadog: { api_key_file: ${file("api", `${files.DD_API_KEY}\n`)}, app_key_file: ${file("app", files.DD_APP_KEY)} }\n`,
    );
    assert.equal((await monitors(["plan"], {})).code, 2);
  });

  it("says what an API or a network did that failed, and what was not done", async () => {
    const failing = async (...faults: readonly ("403" | "409" | "422" | "html")[]) => {
      standin.disturb({}, ...faults.map((fault) => ({ fault, method: "POST", path: "/api/v1/monitor" })));
      return monitors(["apply"]);
    };
    const refused = await failing("422", "409");
    assert.equal(refused.code, 1);
    assert.match(
      refused.out,
      /\+ monitor fdb-misplaced: not done: cannot create the monitor fdb-misplaced: the API answered 422: Unprocessable Entity/u,
    );
    assert.match(refused.out, /the API answered 409: Conflict; something else holds on to it/u);
    assert.match(refused.out, /Done: 16 of 18 changes\./u);
    const denied = await failing("403");
    assert.match(denied.out, /monitor fdb-misplaced: not done: .*403: Forbidden; check DD_API_KEY/u);
    assert.match(denied.out, /monitor active-findings: not begun/u);
    assert.match(denied.out, /Done: 0 of 2 changes\./u);
    assert.equal((await monitors(["apply"])).code, 0);
  }).timeout(20_000);

  it("takes bad usage for what it is", async () => {
    for (const args of [
      [],
      ["paln"],
      ["plan", "x"],
      ["apply", "a", "b"],
      ["plan", "--yes"],
      ["validate", "--org", "x"],
      ["destroy", "--out", "x"],
      ["apply", "--max-deletes", "all"],
    ])
      assert.equal((await monitors(args)).code, 64, args.join(" "));
    assert.equal((await monitors(["plan"], keysOf(), "http://far.example")).code, 64);
    const site = await cli(["monitors", "plan", "--config", config], { env: { ...keysOf(), DD_SITE: "datadog.com" } });
    assert.equal(site.code, 78);
    assert.match(site.err, /DD_SITE: datadog\.com: no site of Datadog's/u);
    assert.equal(standin.requests().length, 0);
  });
});
