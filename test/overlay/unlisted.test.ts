import assert from "node:assert/strict";
import type { Inventory, Network } from "../../host/docker/inventory.ts";
import { unlistedNetworks } from "../../overlay/unlisted.ts";

const network = (id: string): Network => ({ id, name: id, driver: "overlay", scope: "global", subnets: [], vnis: [] });
const attached = (name: string, networkId: string) => ({ name, networkId, ipv4: "10.0.0.2", ipv6: "", mac: "" });

function inventory(networks: readonly Network[], ...ids: readonly string[]): Inventory {
  const container = { name: "A1", image: "", pid: 1, startedAt: 0, networkMode: "testnet", labels: {}, env: {} };
  const containers = ids.map((id) => ({ ...container, id, attachments: [attached("testnet", id)] }));
  return { state: "live", asOf: 0, revision: 1, containers, networks };
}

describe("overlay/unlisted", () => {
  it("knows a network by the containers attached to it, once, and only where Docker does not list it", () => {
    const found = unlistedNetworks(inventory([network("a")], "a", "b", "b", ""));
    assert.deepEqual(
      found.map(({ id, name, driver }) => [id, name, driver]),
      [["b", "testnet", "overlay"]],
    );
    assert.deepEqual(unlistedNetworks(inventory([network("a")], "a")), []);
  });
});
