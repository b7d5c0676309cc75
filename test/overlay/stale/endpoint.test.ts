import assert from "node:assert/strict";
import { readEndpoints } from "../../../overlay/stale/endpoint.ts";

const network = "ae664ceb9e12";
const id = "d".repeat(64);

const stored = (over: object = {}, iface: object = {}) => ({
  key: "k",
  value: JSON.stringify({
    id,
    name: "A2",
    locator: "172.31.240.2",
    sandbox: "s",
    ep_iface: { addr: "10.0.0.4/24", mac: "02:42:0A:00:00:04", v4PoolID: "GlobalDefault/10.0.0.0/24", ...iface },
    ...over,
  }),
});

describe("overlay/stale/endpoint", () => {
  it("reads what libnetwork keeps, also of a container that never joined", () => {
    const [joined, only] = readEndpoints(network, [stored(), stored({ sandbox: "" })]).endpoints;
    assert.deepEqual(joined, {
      networkId: network,
      id,
      name: "A2",
      ip: "10.0.0.4",
      mac: "02:42:0a:00:00:04",
      locator: "172.31.240.2",
      pool: "GlobalDefault/10.0.0.0/24",
    });
    assert.deepEqual(only, joined);
  });

  it("believes nothing else, least of all a name that no container can have", () => {
    const strange = [
      ...["x\u001b[31m", "a\nb", "", "../../info", "a/b", "a b", "-a", "ä"].map((name) => stored({ name })),
      stored({ id: "short" }),
      stored({ locator: "" }),
      stored({ locator: "host2" }),
      stored({}, { addr: "10.0.0.400/24" }),
      stored({}, { addr: "" }),
      stored({}, { mac: "02:42" }),
      stored({ ep_iface: [] }),
      { key: "k", value: "{" },
      { key: "k", value: "null" },
      { key: "k", value: '"text"' },
    ];
    assert.deepEqual(readEndpoints(network, strange), { endpoints: [], doubts: strange.length });
  });
});
