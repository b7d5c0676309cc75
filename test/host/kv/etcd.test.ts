import assert from "node:assert/strict";
import { readValues } from "../../../host/kv/etcd.ts";
import { StoreError } from "../../../host/kv/store.ts";
import { storedValues } from "../../../host/kv/stores.ts";
import { useServers } from "./serving.ts";

const { signal } = new AbortController();
const folder = "docker/network/v1.0/endpoint/n";

describe("host/kv: an etcd v2 store", () => {
  const { asked, serving } = useServers();
  const saying = async (body: unknown, status = 200): Promise<string> =>
    serving((_, response) => response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body)));

  const node = {
    node: {
      key: "/a",
      dir: true,
      nodes: [
        { key: "/a/1", value: "x" },
        { key: "/a/b", dir: true, nodes: [{ key: "/a/b/2", value: "y" }] },
        { key: "/a/c", dir: true },
      ],
    },
  };

  it("gives all values below a folder, and asks for what the majority agrees on, below the prefix of the address", async () => {
    const values = await storedValues(`etcd://${await saying(node)}/pre/fix/`, folder, signal);
    assert.deepEqual(values, [
      { key: "/a/1", value: "x" },
      { key: "/a/b/2", value: "y" },
    ]);
    assert.deepEqual(asked, [`/v2/keys/pre/fix/${folder}?recursive=true&quorum=true`]);
  });

  it("has nothing where etcd says that there is no such folder, and only then", async () => {
    const none = await serving((request, response) =>
      request.url?.includes("/docker/network/v1.0/network?") === true
        ? response.end(JSON.stringify(node))
        : response.writeHead(404).end(JSON.stringify({ errorCode: 100, message: "Key not found" })),
    );
    assert.deepEqual(await storedValues(`etcd://${none}`, folder, signal), []);
    await assert.rejects(storedValues(`etcd://${await saying("not found", 404)}`, folder, signal), StoreError);
    await assert.rejects(storedValues(`etcd://${await saying({}, 404)}`, folder, signal), /it answered 404/);
  });

  it("tells nothing of this cluster where it knows no network at all", async () => {
    const other = await saying({ errorCode: 100, message: "Key not found" }, 404);
    await assert.rejects(storedValues(`etcd://${other}`, folder, signal), /another cluster's/);
    const emptied = await serving((request, response) =>
      request.url?.includes("/docker/network/v1.0/network?") === true
        ? response.end(JSON.stringify({ node: { key: "/a", dir: true } }))
        : response.writeHead(404).end(JSON.stringify({ errorCode: 100 })),
    );
    await assert.rejects(storedValues(`etcd://${emptied}`, folder, signal), /another cluster's/);
  });

  it("asks the next server where one does not answer as it should", async () => {
    const bad = [await saying("<html>"), await saying({ message: "no leader" }, 500), "127.0.0.1:1"];
    const good = await saying(node);
    assert.equal((await storedValues(`etcd://${[...bad, good].join(",")}`, folder, signal)).length, 2);
    await assert.rejects(
      storedValues(`etcd://${bad.join(",")}`, folder, signal),
      (error: Error) =>
        /no JSON/.test(error.message) && /it answered 500/.test(error.message) && /ECONNREFUSED/.test(error.message),
    );
  });

  it("gives up one that is slow, after 3 s, and ends at once with its signal", async () => {
    const slow = await serving(() => undefined);
    const began = performance.now();
    await assert.rejects(storedValues(`etcd://${slow}`, folder, signal), /not done after 3000 ms/);
    assert.ok(performance.now() - began < 4500);
    const ending = new AbortController();
    setTimeout(() => ending.abort(new Error("enough")), 50);
    await assert.rejects(storedValues(`etcd://${slow},${slow}`, folder, ending.signal), /enough/);
  }).timeout(10_000);

  it("refuses a node that is neither a folder nor a value", () => {
    for (const odd of [{}, { node: null }, { node: { key: "/a" } }, { node: { nodes: [{ value: 7 }] } }, null, 7])
      assert.throws(() => readValues(odd), StoreError);
  });
});
