import assert from "node:assert/strict";
import { storeAddress } from "../../../host/kv/address.ts";
import { storedValues } from "../../../host/kv/stores.ts";

const { signal } = new AbortController();

describe("host/kv: addresses of stores", () => {
  it("have one server or several, with and without a port and a prefix; each kind has a port of its own", () => {
    assert.deepEqual(storeAddress("etcd://a,b:1234/x"), {
      kind: "etcd",
      servers: [
        { host: "a", port: 2379 },
        { host: "b", port: 1234 },
      ],
      prefix: "x",
    });
    assert.deepEqual(storeAddress("zk://10.0.0.1/pre/fix/"), {
      kind: "zk",
      servers: [{ host: "10.0.0.1", port: 2181 }],
      prefix: "pre/fix",
    });
    assert.equal(storeAddress("consul://h")?.servers[0]?.port, 8500);
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ["", /names no cluster store/],
    ["redis://h:1", /no store that is read: "redis:\/\/h:1" \(these are: etcd, consul, zk\)/],
    ["constructor://h:1", /no store that is read/],
    ["etcd://", /no store that is read/],
    ["zk://a b", /no store that is read/],
    ["zk://a,,b", /no store that is read/],
    ["consul://h:999999", /no store that is read/],
  ];
  for (const [address, reason] of refused)
    it(`${JSON.stringify(address)} is refused`, async () =>
      assert.rejects(storedValues(address, "docker/nodes", signal), reason));
});
