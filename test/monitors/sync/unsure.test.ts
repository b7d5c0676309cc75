import assert from "node:assert/strict";
import { idOf } from "../../../monitors/sync/resources.ts";
import { everything, failures, some, useOrganisation } from "./organisation.ts";

const dashboard = some.filter(({ kind }) => kind === "dashboard");
const webhook = some.filter(({ kind }) => kind === "webhook");
/** Still so when a busy machine comes to the next run a second later. */
const settling = { settle: 5000 };

describe("monitors/sync: a creation of which nobody knows whether it was done", () => {
  const { standin, request, open, apply, plan, kept } = useOrganisation();
  const posts = () =>
    standin()
      .requests()
      .filter(({ method }) => method === "POST").length;

  for (const fault of ["5xx-after", "html-after", "cut"] as const)
    it(`is looked up, and not sent again, where it was done (${fault})`, async () => {
      const world = await open();
      for (const [wanted, path] of [
        [dashboard, "/api/v1/dashboard"],
        [[...dashboard, ...webhook], "/api/v1/integration"],
        [some.filter(({ key }) => key !== "fdb-misplaced"), "/api/v1/monitor"],
      ] as const) {
        const before = posts();
        standin().disturb({}, { fault, method: "POST", path });
        assert.deepEqual(failures(await apply(world, wanted)), []);
        assert.equal(posts() - before, 1, path);
      }
      assert.deepEqual([kept("dashboards").length, kept("webhooks").length, kept("monitors").length], [1, 1, 1]);
    });

  it("is sent again where it was not", async () => {
    standin().disturb({}, { fault: "reset", method: "POST" }, { fault: "500", method: "POST" });
    const told: string[] = [];
    assert.deepEqual(failures(await apply(await open({ told }), dashboard)), []);
    assert.equal(kept("dashboards").length, 1);
    assert.match(told.join(), /whether the dashboard overview was made is not known: looking for it/u);
  });

  it("is found by the next run, though lists do not show it yet", async () => {
    const end = new AbortController();
    const world = await open({
      signal: end.signal,
      // Killed when the API has done it, before its answer is read.
      wrap: (send) => async (asked, signal) => {
        const answer = await send(asked, signal);
        if (asked.method !== "POST") return answer;
        end.abort(new Error("killed"));
        throw new Error("killed");
      },
    });
    await apply(world, dashboard);
    assert.equal(kept("dashboards").length, 1);
    standin().disturb({ lag: 10_000 }, { fault: "stale", method: "GET", path: "/api/v1/dashboard" });
    const next = await open({ patience: settling });
    assert.deepEqual((await plan(next, dashboard)).changes, []);
    assert.deepEqual(failures(await apply(next, dashboard)), []);
    assert.equal(kept("dashboards").length, 1);
  });

  it("is not made again because a reader does not have it yet", async () => {
    const world = await open();
    await apply(world, dashboard);
    const { id } = world.ledger.find("dashboard", "overview")!;
    standin().disturb({ lag: 10_000 }, { fault: "stale", method: "GET", path: `/api/v1/dashboard/${id}` });
    assert.deepEqual((await plan(await open({ patience: settling }), dashboard)).changes, []);
  });

  it("is offered for adoption where the API says that there is one like it, of somebody's", async () => {
    const [probe] = some.filter(({ key }) => key === "probe-loss");
    await request("POST", "/api/v1/monitor", { ...probe!.body, tags: ["team:x"] });
    const id = idOf("monitor", kept("monitors")[0]!);
    const text = `{"errors":["Duplicate of an existing monitor_id:${id} org_id:1"]}`;
    // Which fields make a duplicate for the true API is not known; the stand-in's takes tags for one of them.
    const world = await open({
      wrap: (send) => (asked, signal) =>
        asked.method === "POST" ? Promise.resolve({ status: 400, headers: {}, text }) : send(asked, signal),
    });
    assert.match(
      failures(await apply(world, [probe!])).join(),
      new RegExp(`Duplicate of .*to take over the one that is there: .* adopt monitor/probe-loss ${id}$`, "u"),
    );
    assert.deepEqual(world.ledger.records(), []);
  });

  it("ends the run where it can not be cleared up, and says so", async () => {
    standin().disturb({ rates: { "500": 1 } });
    const world = await open({ patience: { attempts: 2, settle: 0 } });
    const [step] = await apply(world, []).catch((error: unknown) => [error]);
    assert.match(String(step), /cannot .* the API answered 500 \(tried 2 times\)/u);
    standin().disturb({ rates: {} });
    const { changes } = await plan(world, everything);
    assert.equal(changes.length, everything.length);
  });
});
