import assert from "node:assert/strict";
import { type Json, type JsonObject, wordAt } from "../../standin/json.ts";
import { candidateOf } from "../../standin/monitor/candidate.ts";
import { monitorRules } from "../../standin/monitor/rules.ts";
import { log, metric, monitorRuleCases } from "./monitor-rule-cases.ts";
import { useStandin } from "./use-standin.ts";

describe("standin/monitor: what is refused", () => {
  const { call, standin } = useStandin();
  const create = (body: Json) => call("POST", "/api/v1/monitor", body);
  let made = 0;
  const withIds = async (body: JsonObject): Promise<JsonObject> => {
    const { query } = body;
    if (typeof query !== "string" || !query.includes("$")) return body;
    const id = wordAt((await create({ ...metric, name: `member ${made++}` })).object, "id");
    const composite = (await create({ type: "composite", name: `composite ${made++}`, query: id })).object;
    return { ...body, query: query.replaceAll("$id", id).replaceAll("$composite", wordAt(composite, "id")) };
  };

  it("has a case for every rule", () => {
    const ids = monitorRules.map(({ id }) => id);
    assert.deepEqual(Object.keys(monitorRuleCases).toSorted(), ids.toSorted());
  });

  for (const { id, why, source, refuses } of monitorRules) {
    const { refused, accepted } = monitorRuleCases[id] ?? { refused: [], accepted: [] };
    it(`${id}: ${why} (${source})`, async () => {
      for (const [sent, says] of refused) {
        const body = await withIds(sent);
        for (const path of ["/api/v1/monitor/validate", "/api/v1/monitor"]) {
          const answer = await call("POST", path, body);
          assert.deepEqual([answer.status, answer.errors], [400, [says]], JSON.stringify(body));
        }
        assert.equal(refuses(candidateOf(body, standin().organisations[0]!)), says, "it is this rule that refuses");
      }
      for (const [i, sent] of accepted.entries()) {
        const answer = await create({ ...(await withIds(sent)), name: `accepted ${i}` });
        assert.equal(answer.status, 200, answer.text);
      }
    });
  }

  it("type-immutable: an update keeps the type, but metric and query alerts are one", async () => {
    const path = `/api/v1/monitor/${wordAt((await create(metric)).object, "id")}`;
    const changed = await call("PUT", path, { ...log, options: {} });
    assert.deepEqual(changed.errors, ["Monitor type can not be changed from metric alert to log alert"]);
    assert.equal((await call("PUT", path, { type: "query alert" })).status, 200);
  });

  it("refuses a second one that is the same, and names the first", async () => {
    const first = (await create({ ...metric, tags: ["b", "a"] })).object;
    const again = await create({ ...metric, name: " n ", tags: ["b", "a"] });
    assert.equal(again.status, 400);
    assert.deepEqual(again.errors, [`Duplicate of an existing monitor_id:${wordAt(first, "id")} org_id:321813`]);
    for (const other of [{ name: "o" }, { message: "o" }, { tags: ["a"] }, { options: {} }])
      assert.equal((await create({ ...metric, tags: ["b", "a"], ...other })).status, 200);
    assert.equal((await call("POST", "/api/v1/monitor/validate", metric)).status, 200, "validate does not mind");
    const elsewhere = await call("POST", "/api/v1/monitor", { ...metric, tags: ["b", "a"] }, { org: 1 });
    assert.equal(elsewhere.status, 200, "another organisation has its own");
  });
});
