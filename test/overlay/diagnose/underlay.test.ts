import assert from "node:assert/strict";
import { mtuFindings, sourceFindings, type Underlay, vtepsOfNetwork } from "../../../overlay/diagnose/underlay.ts";
import type { NamespaceInput } from "../../../overlay/diagnose/input.ts";
import { readCase } from "./case.ts";

const input = readCase("test/overlay/diagnose/cases/swarm-28.5-healthy");
const one = input.namespaces.find(({ network }) => network?.name === "testnet") ?? assert.fail("no testnet");
const [own, other] = ["172.31.240.1", "172.31.240.2"];
const place = (ip: string, vtep: string) => ({ ip, vtep, mac: "02:42:0a:00:00:09", name: ip, endpoint: ip });

/** Of the network's containers some are here, and some there. */
function told(vtep = own): NamespaceInput {
  const [here, there] = [place("10.0.1.2", vtep), place("10.0.1.9", other)];
  const [elsewhere, mine] = [new Map([[there.mac, there]]), new Map([["02:42:0a:00:01:02", here]])];
  const truth = {
    elsewhere,
    here: mine,
    disputed: new Map(),
    twice: new Map(),
    addresses: new Set<string>(),
    complete: false,
  };
  return { ...one, truth };
}

function around(more: Partial<Underlay> = {}): Underlay {
  const routes = [{ to: other, device: "eth0", source: own, mtu: 1500 }];
  const ownAddresses = [own, "172.31.240.101"];
  return { namespaces: [told()], ownVteps: ownAddresses, ownAddresses, engine: undefined, routes, ...more };
}

const routeBy = (more: object) => around({ routes: [{ to: other, device: "eth0", source: own, mtu: 1500, ...more }] });
const strayed = routeBy({ source: "172.31.240.101" });

describe("overlay/diagnose: the way to other hosts", () => {
  it("says nothing of a healthy one", () => {
    assert.deepEqual([...sourceFindings(around()), ...mtuFindings(around())], []);
  });

  it("names both addresses where it sends from another than the others know, and the command that shows it", () => {
    const [found, ...more] = sourceFindings(strayed);
    assert.ok(found !== undefined && more.length === 0);
    const { class: of, state, automatic, ip, device } = found;
    assert.deepEqual([of, state, automatic, ip, device], ["source-address", "latent", false, "172.31.240.101", "eth0"]);
    assert.match(found.evidence, /172\.31\.240\.101, .* as 172\.31\.240\.1 \(ip route get 172\.31\.240\.2\)/);
  });

  it("is active where nobody there answers, and only there", () => {
    const states = [other, "172.31.240.3"].map((silent) => {
      return sourceFindings({ ...strayed, silent: new Set([silent]) }).map(({ state }) => state);
    });
    assert.deepEqual(states, [["active"], ["latent"]]);
  });

  it("goes by where the others are told that this host is: a swarm's data path has an address of its own", () => {
    const apart = { ...strayed, namespaces: [told("172.31.240.101")] };
    assert.deepEqual(sourceFindings(apart), []);
    assert.deepEqual(sourceFindings({ ...strayed, namespaces: [one] }), [], "nothing tells");
    const engine = { clusterStore: "etcd://10.9.9.9:2379", clusterAdvertise: `${own}:2376` };
    assert.equal(sourceFindings({ ...strayed, namespaces: [one], engine }).length, 1, "a classic engine tells");
  });

  it("does not judge an address that is put in on the way", () => {
    const translated = { ...strayed, namespaces: [told("203.0.113.7")], ownVteps: ["203.0.113.7", own] };
    assert.deepEqual(sourceFindings(translated), []);
  });

  it("asks no route where the device has an address of its own to send from", () => {
    const links = one.tables.links.map((link) =>
      link.vxlan === undefined ? link : { ...link, vxlan: { ...link.vxlan, local: own } },
    );
    const fixed = { ...told(), tables: { ...one.tables, links } };
    assert.deepEqual(sourceFindings({ ...strayed, namespaces: [fixed] }), []);
    assert.equal(sourceFindings({ ...strayed, namespaces: [fixed, told()] }).length, 1);
  });

  it("tells of many hosts behind one wrong address once", () => {
    const vteps = Array.from({ length: 200 }, (_, n) => `172.31.241.${n}`);
    const there = new Map(vteps.map((vtep, n) => [`02:42:0a:00:02:${n.toString(16)}`, place(`10.0.2.${n}`, vtep)]));
    const base = told();
    const truth = { ...(base.truth ?? assert.fail("no truth")), elsewhere: there };
    const routes = vteps.map((to) => ({ to, device: "eth0", source: "172.31.240.101", mtu: 1500 }));
    const all = sourceFindings(around({ namespaces: [{ ...base, truth }], routes }));
    assert.equal(all.length, 1);
    assert.match(all[0]?.evidence ?? "", /172\.31\.241\.0, 172\.31\.241\.1, 172\.31\.241\.2 and 197 more/);
  });

  it("lets a packet of the containers and its header just fit", () => {
    assert.deepEqual(mtuFindings(routeBy({ mtu: 1500 })), []);
    const [found, ...more] = mtuFindings(routeBy({ mtu: 1499 }));
    assert.ok(found !== undefined && more.length === 0);
    assert.deepEqual([found.class, found.state, found.automatic, found.device], ["mtu", "latent", false, "eth0"]);
    assert.match(
      found.evidence,
      /testnet send up to 1450, and with 50 of headers .* 1499 of the way to 172\.31\.240\.2/,
    );
    assert.match(found.remedy, /driver\.mtu=1499/);
  });

  it("has more headers around an encrypted network", () => {
    const encrypted = { ...told(), encrypted: true };
    const state = (mtu: number) => mtuFindings({ ...routeBy({ mtu }), namespaces: [encrypted] }).length;
    assert.deepEqual([state(1526), state(1525)], [0, 1]);
  });

  it("judges nothing by an MTU that is not known", () => {
    const { mtu: _mtu, ...route } = around().routes[0] ?? assert.fail("no route");
    assert.deepEqual(mtuFindings(around({ routes: [route] })), []);
    const links = one.tables.links.map(({ mtu: _own, ...link }) => link);
    const blind = { ...told(), tables: { ...one.tables, links } };
    assert.deepEqual(mtuFindings({ ...routeBy({ mtu: 600 }), namespaces: [blind] }), []);
  });

  it("finds the other hosts in rows and in what is told", () => {
    assert.deepEqual(vtepsOfNetwork(one, new Set([own])), [other], "by rows");
    const { tables } = one;
    const bare = { ...told(), tables: { ...tables, fdb: [] } };
    assert.deepEqual(vtepsOfNetwork(bare, new Set([own])), [other], "by what is told");
  });
});
