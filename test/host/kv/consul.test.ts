import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { StoreError } from "../../../host/kv/store.ts";
import { storedValues } from "../../../host/kv/stores.ts";
import { isRoot, needs } from "../../needs.ts";
import { useServers } from "./serving.ts";

const { signal } = new AbortController();
const folder = "docker/network/v1.0/endpoint/n";
const networks = "docker/network/v1.0/network";

const item = (Key: string, value: string | null) => {
  const Value = value === null ? null : Buffer.from(value).toString("base64");
  return { LockIndex: 0, Key, Flags: 0, Value, CreateIndex: 10, ModifyIndex: 13 };
};

/** Answers as Consul's HTTP API documents them (KV store, Read Key); the same against Consul itself: test/accept/stores.test.ts. */
describe("host/kv: Consul", function () {
  this.timeout(20_000);
  const { asked, serving } = useServers();

  const headers = { "content-type": "application/json", "x-consul-index": "13", "x-consul-knownleader": "true" };
  /** Whose keys begin as asked, and 404 with an empty body where none does: Consul knows no folders. */
  const consul = async (...items: readonly ReturnType<typeof item>[]): Promise<string> =>
    serving((request, response) => {
      const begins = decodeURIComponent(request.url ?? "").replace(/^\/v1\/kv\/|\?.*$/gu, "");
      const found = items.filter(({ Key }) => Key.startsWith(begins));
      if (found.length === 0) response.writeHead(404, headers).end();
      else response.writeHead(200, headers).end(JSON.stringify(found));
    });
  const saying = async (body: string, status = 200, type = "application/json"): Promise<string> =>
    serving((_, response) => response.writeHead(status, { "content-type": type }).end(body));

  it("gives all values below a folder, asks the majority, and honours the prefix of the address", async () => {
    const below = `pre/fix/${folder}`;
    const items = [
      item(`${below}/1/`, '{"name":"é"}'),
      item(`${below}/`, null),
      item(`${below}ot/2/`, "another network's"),
    ];
    const server = await consul(...items);
    assert.deepEqual(await storedValues(`consul://${server}/pre/fix/`, folder, signal), [
      { key: `${below}/1/`, value: '{"name":"é"}' },
    ]);
    assert.deepEqual(asked, [`/v1/kv/${below}?recurse=true&consistent=1`]);
  });

  it("gives the value of a key itself", async () => {
    const server = await consul(item(`${folder}/`, "x"));
    assert.deepEqual(await storedValues(`consul://${server}`, folder, signal), [{ key: `${folder}/`, value: "x" }]);
  });

  it("has nothing where Consul knows networks and not the folder; one that knows none is another cluster's", async () => {
    assert.deepEqual(await storedValues(`consul://${await consul(item(`${networks}/n/`, "{}"))}`, folder, signal), []);
    const other = await consul(item("somebody/else", "1"));
    await assert.rejects(storedValues(`consul://${other}`, folder, signal), /another cluster's/);
  });

  it("is asked by a process that has no right of root's left", async function () {
    needs(this, "root", isRoot());
    const users: string[] = [];
    const server = await serving((_, response) => {
      const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
      const told = children.map((pid) => readFileSync(`/proc/${pid}/status`, "utf8"));
      const client = told.find((status) => status.startsWith("Name:\tnode\n"));
      users.push(...(client?.match(/^(?:Uid|Gid|Groups|CapEff):.*/gmu) ?? []));
      response.writeHead(500).end();
    });
    await assert.rejects(storedValues(`consul://${server}`, folder, signal), StoreError);
    const nobody = Array.from({ length: 4 }, () => "65534").join("\t");
    assert.deepEqual(
      users.map((line) => line.trim()),
      [`Uid:\t${nobody}`, `Gid:\t${nobody}`, "Groups:", `CapEff:\t${"0".repeat(16)}`],
    );
  });

  it("asks the next server where one has no leader, or is not there", async () => {
    const bad = [await saying("No cluster leader", 500, "text/plain"), "127.0.0.1:1"];
    const good = await consul(item(`${folder}/1/`, "x"));
    assert.equal((await storedValues(`consul://${[...bad, good].join(",")}`, folder, signal)).length, 1);
    await assert.rejects(
      storedValues(`consul://${bad.join(",")}`, folder, signal),
      (error) =>
        error instanceof StoreError && /No cluster leader/.test(error.message) && /ECONNREFUSED/.test(error.message),
    );
  });

  const odd: readonly (readonly [what: string, told: RegExp, body: string, status?: number, type?: string])[] = [
    ["a page", /answered 200, and no list/, "<html>", 200, "text/html"],
    ["no JSON", /JSON/, "{"],
    ["an object", /answered 200, and no list/, "{}"],
    ["an empty list", /answered 200, and no list/, "[]"],
    ["a list of nothing, which ends its client", /its client ended .*TypeError/, "[null]"],
    ["a list of numbers", /an item without key and value: 7/, "[7]"],
    ["items without a key", /an item without key and value/, '[{"Value":"eA=="}]'],
    ["another server's 404", /answered 404, and no list/, "404 page not found", 404, "text/plain"],
    ["no right to it", /Permission denied/, "Permission denied", 403, "text/plain"],
  ];
  for (const [what, told, ...answer] of odd)
    it(`${what} is no answer, and never an empty list`, async () => {
      const server = await saying(...answer);
      await assert.rejects(
        storedValues(`consul://${server}`, folder, signal),
        (error) => error instanceof StoreError && told.test(error.message),
      );
      assert.equal(asked.length, 1);
    });

  it("gives up one that is slow, after 3 s, and ends at once with its signal", async () => {
    const slow = await serving(() => undefined);
    const began = performance.now();
    await assert.rejects(storedValues(`consul://${slow}`, folder, signal), /not done after 3000 ms/);
    assert.ok(performance.now() - began < 4500);
    const ending = new AbortController();
    setTimeout(() => ending.abort(new Error("enough")), 50);
    await assert.rejects(storedValues(`consul://${slow},${slow}`, folder, ending.signal), /enough/);
  });
});
