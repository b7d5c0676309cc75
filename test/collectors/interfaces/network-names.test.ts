import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parseConnectedRoutes, parseSubnet } from "../../../host/ipv4.ts";
import { nameNetworks, parseIpv6Devices } from "../../../collectors/interfaces/network-names.ts";
import type { Attachment, Network } from "../../../host/docker/inventory.ts";

const attached = (name: string, ipv4: string, ipv6 = ""): Attachment => ({
  name,
  networkId: `id-${name}`,
  ipv4,
  ipv6,
  mac: "",
});
const network = (name: string, ...subnets: string[]): Network => ({
  id: `id-${name}`,
  name,
  driver: "bridge",
  scope: "local",
  subnets,
  vnis: [],
});
const route = (device: string, text: string) => {
  const subnet = parseSubnet(text);
  assert.ok(subnet);
  return { device, ...subnet };
};
const none: ReadonlyMap<string, string> = new Map();
/** Without the loopback, which every namespace has. */
const named = (...args: Parameters<typeof nameNetworks>) => Object.fromEntries([...nameNetworks(...args)].slice(1));

const hexRow = (hex: string) => `${hex} 02 40 00 80     eth0\n`;

describe("collectors/interfaces/network-names", () => {
  it("names the loopback, and nothing else where there is nothing", () => {
    assert.deepEqual([...nameNetworks([], none, [attached("none", "")], [])], [["lo", "loopback"]]);
  });

  it("finds an overlay, the gateway bridge and the ingress, whatever the order of eth0 and eth1", () => {
    const networks = [
      network("testnet", "10.0.0.0/24"),
      network("docker_gwbridge", "172.18.0.0/16"),
      network("ingress", "10.255.0.0/24"),
    ];
    const routes = [route("eth2", "10.0.0.0/24"), route("eth0", "10.255.0.0/24"), route("eth1", "172.18.0.0/16")];
    const expected = { eth2: "testnet", eth0: "ingress", eth1: "docker_gwbridge" };
    assert.deepEqual(named(routes, none, [attached("testnet", "10.0.0.6")], networks), expected);
    assert.deepEqual(
      named(routes, none, [attached("ingress", "10.255.0.4"), attached("testnet", "10.0.0.6")], networks),
      expected,
    );
  });

  it("tells a network from one that is nested in it", () => {
    const routes = [route("eth0", "10.0.0.0/16"), route("eth1", "10.0.1.0/24")];
    const attachments = [attached("wide", "10.0.1.9"), attached("narrow", "10.0.1.10")];
    const networks = [network("wide", "10.0.0.0/16"), network("narrow", "10.0.1.0/24")];
    assert.deepEqual(named(routes, none, attachments, networks), { eth0: "wide", eth1: "narrow" });
    assert.deepEqual(named(routes, none, attachments.toReversed(), networks), { eth0: "wide", eth1: "narrow" });
  });

  it("names neither of two devices on the same subnet", () => {
    const routes = [route("eth0", "10.0.0.0/24"), route("eth1", "10.0.0.0/24")];
    const networks = [network("a", "10.0.0.0/24"), network("b", "10.0.0.0/24")];
    assert.deepEqual(named(routes, none, [attached("a", "10.0.0.2"), attached("b", "10.0.0.3")], networks), {});
    assert.deepEqual(named(routes, none, [attached("a", "10.0.0.2")], []), {});
  });

  it("takes the narrowest route where Docker does not tell the subnet", () => {
    const routes = [route("eth0", "10.0.0.0/8"), route("eth1", "10.0.1.0/24"), route("eth2", "10.0.1.7/32")];
    assert.deepEqual(named(routes, none, [attached("a", "10.0.1.9")], []), { eth1: "a" });
    assert.deepEqual(named(routes, none, [attached("a", "10.0.1.7")], []), { eth2: "a" });
    assert.deepEqual(named(routes, none, [attached("a", "192.168.0.1")], []), {});
  });

  it("gives a device one name, and an implicit network only what is left", () => {
    const routes = [route("eth0", "172.18.0.0/24"), route("eth1", "172.18.4.0/24")];
    const networks = [
      network("docker_gwbridge", "172.18.0.0/16", "fd00::/64"),
      network("mine", "172.18.0.0/24"),
      network("other", "172.18.4.0/24"),
    ];
    assert.deepEqual(named(routes, none, [attached("mine", "172.18.0.2")], networks), {
      eth0: "mine",
      eth1: "docker_gwbridge",
    });
  });

  it("finds an IPv6 network by the address of its device", () => {
    const folder = "test/collectors/interfaces/cases/ipv6-only/2/proc/19954/net";
    const devices = parseIpv6Devices(readFileSync(`${folder}/if_inet6`, "utf8"));
    assert.equal(devices.get("fd00:6::2"), "eth0");
    const routes = parseConnectedRoutes(readFileSync(`${folder}/route`, "utf8"));
    assert.deepEqual(named(routes, devices, [attached("only6", "", "fd00:6::2")], []), { eth0: "only6" });
    assert.deepEqual(named(routes, devices, [attached("other", "", "fd00:6::3")], []), {});
  });

  it("writes IPv6 addresses as Docker does, and passes over what is none", () => {
    const devices = parseIpv6Devices(
      ["20010db8000000000000000000000002", "20010db8000000010000000000000000", "00010002000300040005000600070008"]
        .map(hexRow)
        .join("") + "garbage\nzz 1 2 3 4 eth1\n\n",
    );
    assert.deepEqual([...devices.keys()], ["2001:db8::2", "2001:db8:0:1::", "1:2:3:4:5:6:7:8"]);
  });
});
