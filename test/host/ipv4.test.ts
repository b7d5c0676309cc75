import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { contains, parseConnectedRoutes, parseIpv4, parseSubnet } from "../../host/ipv4.ts";

const route = (device: string, text: string) => {
  const subnet = parseSubnet(text);
  assert.ok(subnet);
  return { device, ...subnet };
};

const routeRow = (flags: string, mask = "00FFFFFF") =>
  `eth0\t0000000A\t00000000\t${flags}\t0\t0\t0\t${mask}\t0\t0\t0\n`;

describe("host/ipv4", () => {
  it("reads the connected routes of a real file: no default route, none by a gateway", () => {
    const text = readFileSync("test/collectors/interfaces/cases/swarm-ingress/2/proc/19563/net/route", "utf8");
    assert.deepEqual(parseConnectedRoutes(text), [
      route("eth2", "10.0.0.0/24"),
      route("eth0", "10.255.0.0/24"),
      route("eth1", "172.18.0.0/16"),
    ]);
  });

  it("passes over rejects, routes that are down, gateways and lines that are none", () => {
    const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
    const routesOf = (text: string) => parseConnectedRoutes(head + text);
    assert.deepEqual(routesOf(routeRow("0001")), [route("eth0", "10.0.0.0/24")]);
    assert.deepEqual(routesOf(routeRow("0001", "FFFFFFFF")), [route("eth0", "10.0.0.0/32")]);
    for (const flags of ["0000", "0003", "0201", "0200", "x", ""])
      assert.deepEqual(routesOf(routeRow(flags)), [], flags);
    for (const text of ["", "\n", "eth0\n", "eth0\t0000000A\n", routeRow("0001", "0"), routeRow("0001", "00000000")])
      assert.deepEqual(routesOf(text), []);
    assert.deepEqual(parseConnectedRoutes(""), []);
  });

  it("reads addresses and subnets, and nothing else", () => {
    assert.equal(parseIpv4("255.255.255.255"), 2 ** 32 - 1);
    for (const text of ["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", " 1.2.3.4", "::1"])
      assert.equal(parseIpv4(text), undefined, text);
    for (const text of ["1.2.3.4", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/x", "fd00::/64", "/24"])
      assert.equal(parseSubnet(text), undefined, text);
    const all = parseSubnet("0.0.0.0/0");
    assert.ok(all && contains(all, 2 ** 32 - 1));
    const high = parseSubnet("192.168.255.0/24");
    assert.ok(high && contains(high, 0xc0a8ff07) && !contains(high, 0xc0a80007));
  });
});
