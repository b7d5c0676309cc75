import assert from "node:assert/strict";
import { explain, type Explained } from "../../../overlay/explain/explain.ts";
import { Refused } from "../../../overlay/explain/find.ts";
import type { HostTables, Space } from "../../../overlay/explain/tables.ts";
import { ipOf, macOf, networkId, pair, vtepOf, withMember, withNetwork, withSpace } from "./pair.ts";

const verdictOf = ({ verdict, hops }: Explained) => [verdict, hops.at(-1)?.hop, hops.at(-1)?.host];
const [h1, h2] = pair();
const asked = { a: "A1", b: "A2" };
const remote = (one: HostTables, two?: HostTables) => explain(two === undefined ? [one] : [one, two], asked);
const local = (one: HostTables) => explain([one], { a: "A1", b: "B1" });

type Row = Space["fdb"][number];
const rows = (change: (row: Row) => readonly Row[]) => (space: Space) => ({ fdb: space.fdb.flatMap(change) });
const without = (mac: string, ifname: string) => rows((row) => (row.mac === mac && row.ifname === ifname ? [] : [row]));
const leading = (mac: string, dst: string) =>
  rows((row) => [row.mac === mac && row.dst !== undefined ? { ...row, dst } : row]);
const moved = (mac: string, ifname: string) =>
  rows((row) => [row.mac === mac && row.master !== undefined ? { ...row, ifname } : row]);
const down =
  (name: string) =>
  ({ links }: Space) => ({ links: links.map((link) => (link.name === name ? { ...link, up: false } : link)) });
const knows =
  (ip: string, mac: string | undefined, state: string) =>
  (member: { readonly inside?: HostTables["networks"][0]["members"][0]["inside"] }) => ({
    inside: {
      devices: member.inside?.devices ?? [],
      neighbours: [{ ip, dev: "eth0", ...(mac === undefined ? {} : { mac }), state: [state] }],
    },
  });

const refused = (hosts: readonly HostTables[], a: string, b: string, network?: string) => {
  try {
    return explain(hosts, { a, b, ...(network === undefined ? {} : { network }) }).verdict;
  } catch (error) {
    assert.ok(error instanceof Refused);
    return error.message;
  }
};

const sampled = (onVxlan: number) => (space: Space) => ({
  ...moved(macOf(3), "vxlan0")(space),
  sampled: [{ mac: macOf(3), reads: 10, onVxlan }],
});

const twice = (tables: HostTables): HostTables => ({
  ...tables,
  networks: [
    ...tables.networks,
    ...tables.networks.map((one) => ({ ...one, id: `a${networkId.slice(1)}`, name: "second" })),
  ],
});

const told = (n: number, name: string) =>
  withSpace(withMember(h1, name, knows(ipOf(n), macOf(9), "REACHABLE")), ({ neighbours }) => ({
    neighbours: [
      ...neighbours.filter(({ ip }) => ip !== ipOf(n)),
      { ip: ipOf(n), dev: "vxlan0", mac: macOf(9), state: ["PERMANENT"] },
    ],
  }));

describe("overlay/explain", () => {
  it("finds nothing wrong on healthy hosts, of both kinds, with and without the other host's tables", () => {
    for (const driver of ["classic", "swarm"] as const) {
      const [one, two] = pair(driver);
      assert.deepEqual(verdictOf(explain([one], { a: "A1", b: "B1" })), ["healthy", "back-bridge", "dockerhost1"]);
      assert.deepEqual(verdictOf(remote(one, two)), ["healthy", "back-source-address", "dockerhost2"]);
      const alone = remote(one);
      assert.deepEqual([alone.verdict, alone.hops.at(-1)?.hop, alone.notes.length], ["healthy", "mtu", 1]);
      assert.equal(explain([one, two], { a: "A2", b: "B1" }).verdict, "healthy");
    }
  });

  const wrongs: readonly (readonly [string, string, () => Explained])[] = [
    ["bridge", "dockerhost1", () => local(withSpace(h1, moved(macOf(3), "vxlan0")))],
    ["bridge", "dockerhost1", () => local(withSpace(h1, moved(macOf(3), "veth0")))],
    ["back-bridge", "dockerhost1", () => local(withSpace(h1, moved(macOf(2), "vxlan0")))],
    ["peer-veth", "dockerhost1", () => local(withSpace(h1, down("veth1")))],
    ["veth", "dockerhost1", () => local(withSpace(h1, down("br0")))],
    [
      "peer-interface",
      "dockerhost1",
      () =>
        local(
          withMember(h1, "B1", ({ inside }) => ({
            inside: { neighbours: [], devices: inside?.devices.map((one) => ({ ...one, addresses: [] })) ?? [] },
          })),
        ),
    ],
    ["arp", "dockerhost1", () => remote(withMember(h1, "A1", knows(ipOf(4), macOf(9), "PERMANENT")), h2)],
    [
      "bridge",
      "dockerhost1",
      () =>
        remote(
          withSpace(h1, (space) => ({
            fdb: [...space.fdb, { mac: macOf(4), ifname: "veth1", flags: ["sticky"], master: "br0", state: "static" }],
          })),
          h2,
        ),
    ],
    ["vxlan", "dockerhost1", () => remote(withSpace(h1, down("vxlan0")), h2)],
    ["self-row", "dockerhost1", () => remote(withSpace(h1, without(macOf(4), "vxlan0")), h2)],
    ["self-row", "dockerhost1", () => remote(withSpace(h1, leading(macOf(4), vtepOf(1))))],
    ["self-row", "dockerhost1", () => remote(withSpace(h1, leading(macOf(4), "127.0.0.1")))],
    ["self-row", "dockerhost1", () => remote(withSpace(h1, leading(macOf(4), vtepOf(9))))],
    ["neighbour", "dockerhost1", () => remote(withSpace(pair("swarm")[0], () => ({ neighbours: [] })))],
    ["route", "dockerhost1", () => remote({ ...h1, routes: [{ to: vtepOf(2), problem: "Network is unreachable" }] })],
    [
      "source-address",
      "dockerhost1",
      () => remote({ ...h1, routes: [{ to: vtepOf(2), device: "eth0", source: vtepOf(7), mtu: 1500 }] }),
    ],
    [
      "mtu",
      "dockerhost1",
      () => remote({ ...h1, routes: [{ to: vtepOf(2), device: "eth0", source: vtepOf(1), mtu: 1499 }] }),
    ],
    ["mtu", "dockerhost1", () => remote(withNetwork(h1, () => ({ encrypted: true })))],
    [
      "place",
      "dockerhost2",
      () =>
        remote(
          h1,
          withNetwork(h2, () => ({ members: [] })),
        ),
    ],
    [
      "peer-vxlan",
      "dockerhost2",
      () =>
        remote(
          h1,
          withSpace(h2, ({ links }) => ({
            links: links.map((link) =>
              link.vxlan === undefined ? link : { ...link, vxlan: { ...link.vxlan, vni: 257 } },
            ),
          })),
        ),
    ],
    ["back-self-row", "dockerhost2", () => remote(h1, withSpace(h2, leading(macOf(2), vtepOf(9))))],
    ["peer-bridge", "dockerhost2", () => remote(h1, withSpace(h2, moved(macOf(4), "vxlan0")))],
    [
      "back-neighbour",
      "dockerhost2",
      () =>
        remote(
          h1,
          withSpace(h2, ({ neighbours }) => ({ neighbours: neighbours.map((one) => ({ ...one, mac: macOf(9) })) })),
        ),
    ],
    [
      "back-route",
      "dockerhost2",
      () => remote(h1, { ...h2, routes: [{ to: vtepOf(1), problem: "No route to host" }] }),
    ],
  ];
  for (const [index, [hop, host, make]] of wrongs.entries())
    it(`ends at the wrong hop, ${index + 1}: ${hop} on ${host}`, () => {
      const explained = make();
      assert.deepEqual(verdictOf(explained), ["faulty", hop, host]);
      assert.equal(explained.hops.filter(({ ok }) => ok === false).length, 1);
    });

  it("goes by most of several readings of the bridge's table, where there were several", () => {
    assert.equal(local(withSpace(h1, sampled(1))).verdict, "healthy");
    assert.deepEqual(verdictOf(local(withSpace(h1, sampled(9)))), ["faulty", "bridge", "dockerhost1"]);
  });

  it("blames the row of the vxlan device for the wrong MAC that a container has from it", () => {
    assert.deepEqual(verdictOf(remote(told(4, "A1"))), ["faulty", "neighbour", "dockerhost1"]);
    assert.deepEqual(verdictOf(local(told(3, "A1"))), ["faulty", "proxy", "dockerhost1"]);
  });

  it("calls rows that answer for a local container latent, and not wrong", () => {
    const poisoned = withSpace(h1, ({ neighbours }) => ({
      neighbours: [...neighbours, { ip: ipOf(3), dev: "vxlan0", mac: macOf(3), state: ["PERMANENT"] }],
    }));
    const { verdict, hops } = local(poisoned);
    assert.equal(verdict, "healthy");
    assert.match(hops.find(({ hop }) => hop === "proxy")?.why ?? "", /latent/);
  });

  it("takes an unanswered question for a symptom, and for the fault only where nothing else is found", () => {
    const failed = withMember(h1, "A1", knows(ipOf(4), undefined, "FAILED"));
    assert.deepEqual(verdictOf(remote(failed, h2)), ["faulty", "arp", "dockerhost1"]);
    assert.deepEqual(verdictOf(remote(failed, withSpace(h2, down("veth0")))), ["faulty", "peer-veth", "dockerhost2"]);
    const missed = withSpace(failed, () => ({ neighbours: [] }));
    assert.deepEqual(verdictOf(remote(missed, h2)), ["faulty", "neighbour", "dockerhost1"]);
  });

  it("is not sure where nothing tells of the other host, and says so", () => {
    const silent = withNetwork(h1, () => ({ told: null }));
    assert.deepEqual(verdictOf(remote(silent)), ["unknown", "place", "dockerhost1"]);
    const byAddress = explain([silent], { a: "A1", b: ipOf(4) });
    assert.deepEqual([byAddress.verdict, byAddress.to.mac], ["unknown", macOf(4)]);
  });

  it("refuses a name that exists twice, with both listed", () => {
    const twins = withMember(h2, "A2", () => ({ name: "B1" }));
    assert.match(
      refused([h1, twins], "A1", "B1"),
      /B1 is more than one: .*10\.0\.0\.3.*dockerhost1; .*10\.0\.0\.4.*dockerhost2/,
    );
    assert.equal(refused([h1, twins], "A1", ipOf(4)), "healthy");
    assert.equal(refused([h1, twins], "A1", "3".repeat(12)), "healthy");
  });

  it("never mixes two networks with the same name and subnet", () => {
    const other = withNetwork(h2, () => ({ id: `9${networkId.slice(1)}` }));
    const apart = withNetwork(h1, () => ({ told: [] }));
    assert.match(
      refused([apart, other], "A1", "A2"),
      /share no overlay network: A1 is in testnet \(id 8fcc.*A2.*id 9fcc/,
    );
  });

  it("asks for --network where two are shared, and takes it", () => {
    assert.match(refused([twice(h1), twice(h2)], "A1", "A2"), /share several networks: testnet.*second.*--network/);
    assert.equal(refused([twice(h1), twice(h2)], "A1", "A2", "second"), "healthy");
    assert.match(refused([h1, h2], "A1", "A2", "third"), /--network third: A1 is in testnet/);
  });

  it("refuses what is not there, and a container with itself", () => {
    assert.match(refused([h1], "nobody", "A2"), /nobody.*there are A1, B1/);
    assert.match(refused([h1], "A1", "nobody"), /nothing tells of such a container/);
    assert.match(refused([h1], "A1", "A1"), /same container/);
  });

  it("quotes what goes to a shell, and lets no name break a line", () => {
    const evil = withSpace(
      withMember(h1, "A1", () => ({ veth: "v$(reboot)'\u001b" })),
      (space) => ({
        links: space.links.map((link) =>
          link.name === "veth0" ? { ...link, name: "v$(reboot)'\u001b", up: false } : link,
        ),
      }),
    );
    const last = local(evil).hops.at(-1);
    assert.deepEqual(
      [last?.hop, last?.command],
      ["veth", "nsenter --net=/var/run/docker/netns/1-8fcc19e5f0 ip link show dev 'v$(reboot)'\\'' '"],
    );
    assert.doesNotMatch(JSON.stringify(last), /u001b/);
  });
});
