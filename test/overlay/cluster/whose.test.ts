import assert from "node:assert/strict";
import { diagnoseCluster } from "../../../overlay/cluster/cluster.ts";
import type { ClusterDiagnosis } from "../../../overlay/cluster/finding.ts";
import type { Asked } from "../../../overlay/cluster/machines.ts";
import {
  changed,
  cluster,
  gone,
  ipOf,
  led,
  listing,
  macOf,
  networkId,
  selfRow,
  silenced,
  vtepOf,
  withNetwork,
  withSpace,
} from "./made.ts";

import { blind, briefly, doubled, far, farIp, findingsOf, three, twice } from "./said.ts";

const dataPath = (host: number): string => `192.168.7.${host}`;
const strip = (all: readonly Asked[], host: number) =>
  withSpace(all, host, ({ fdb, neighbours }) => ({
    fdb: fdb.filter(({ dst }) => dst !== vtepOf(3)),
    neighbours: neighbours.filter(({ ip }) => !ip.startsWith("10.0.3.")),
  }));
const without = <A extends Asked>(all: readonly A[]) =>
  withNetwork(all, 2, ({ members }) => ({ members: members.filter(({ mac }) => mac !== far) }));
const moves = (diagnosis: ClusterDiagnosis) => briefly(diagnosis).filter(([, of]) => of === "wrong-vtep");
const rowless = (all: readonly Asked[]) =>
  withSpace(all, 1, ({ fdb }) => ({ fdb: fdb.filter(({ dst }) => dst === undefined) }));
const elsewhere = <A extends Asked>(all: readonly A[]): readonly A[] =>
  all.map((one) => ({ ...one, host: `far-${one.host}` }));

describe("overlay/cluster: whose word is believed of what", () => {
  it("names both hosts of an address that two containers have, and has no cure for it", () => {
    const ip = twice(listing(three, 3, { name: "twin", ip: farIp, mac: far }));
    assert.deepEqual(doubled(ip), [
      ["web-2", "duplicate-ip", "active", null, "c2-1"],
      ["web-3", "duplicate-ip", "active", null, "twin"],
    ]);
    assert.match(
      findingsOf(ip)[0]?.evidence ?? "",
      /c2-1 on web-2 \(172\.31\.240\.2\), twin on web-3 \(172\.31\.240\.3\)$/u,
    );
    const mac = twice(listing(three, 3, { name: "twin", ip: ipOf(3, 9), mac: far }));
    assert.deepEqual(doubled(mac), [
      ["web-2", "duplicate-mac", "active", far, "c2-1"],
      ["web-3", "duplicate-mac", "active", far, "twin"],
    ]);
    const once = diagnoseCluster({ now: listing(three, 3, { ip: farIp, mac: far }) });
    assert.deepEqual([doubled(once), once.again, once.verdict], [[], true, "unknown"]);
  });

  it("names the first of two that one host gives an address", () => {
    const found = doubled(twice(listing(three, 2, { name: "twin", ip: farIp, mac: far })));
    assert.deepEqual(found, [["web-2", "duplicate-ip", "active", null, "c2-1"]]);
  });

  it("sees an address twice also where a host does not tell by which address it is reached, and names that host", () => {
    const bare = strip(
      strip(
        changed(three, 3, () => ({ advertised: "" })),
        1,
      ),
      2,
    );
    const alone = twice(bare);
    assert.deepEqual([briefly(alone), alone.verdict], [[], "unknown"]);
    assert.deepEqual(blind(alone), [
      "web-3: rows of other hosts for its containers: it does not tell by which of its addresses others reach it",
    ]);
    const twin = twice(listing(bare, 3, { name: "twin", ip: farIp, mac: far }));
    assert.deepEqual(doubled(twin), [
      ["web-2", "duplicate-ip", "active", null, "c2-1"],
      ["web-3", "duplicate-ip", "active", null, "twin"],
    ]);
    assert.match(findingsOf(twin)[0]?.evidence ?? "", /c2-1 on web-2 \(172\.31\.240\.2\), twin on web-3$/u);
  });

  it("calls nobody a liar for two load balancers with one address", () => {
    const all = [1, 2].reduce(
      (some: readonly Asked[], host) =>
        withNetwork(some, host, ({ members }) => ({
          members: members.map((one) =>
            one.kind === "load-balancer" ? { ...one, ip: "10.0.1.200", mac: macOf(1, 200) } : one,
          ),
        })),
      cluster({ hosts: 3, containers: 1, driver: "swarm" }),
    );
    const found = findingsOf(twice(all)).filter(({ class: of }) => of === "duplicate-ip");
    assert.deepEqual(
      found.map(({ host }) => host),
      ["web-1", "web-2"],
    );
    for (const { evidence, remedy } of found) {
      assert.doesNotMatch(evidence, /believed/u);
      assert.match(remedy, /make it anew/u);
    }
  });

  it("makes no cure of one host's word against another's", () => {
    const wrong = led(three, 1, far, vtepOf(3));
    const id = "02".repeat(32);
    const liars: readonly (readonly Asked[])[] = [
      // Says that it runs another's container: with its id, or as one of its own.
      listing(wrong, 3, { name: "c2-1", id, ip: farIp, mac: far }),
      listing(wrong, 3, { ip: farIp, mac: far }),
      listing(wrong, 3, { ip: ipOf(3, 9), mac: far }),
      // Says that it is another, and does not have its containers, or has more.
      changed(wrong, 3, () => ({ advertised: vtepOf(2), ownVteps: [vtepOf(2)] })),
      changed(listing(three, 3, { ...gone }), 3, () => ({ advertised: vtepOf(2), ownVteps: [vtepOf(2), vtepOf(3)] })),
    ];
    for (const [at, all] of liars.entries()) {
      const diagnosis = twice(all);
      assert.notEqual(diagnosis.verdict, "healthy", `liar ${at}`);
      const cures = findingsOf(diagnosis).filter(({ command }) => command !== null);
      assert.deepEqual(cures, [], `liar ${at}`);
      assert.deepEqual(
        findingsOf(diagnosis).filter(({ class: of }) => of === "orphan-row"),
        [],
        `liar ${at}`,
      );
    }
    assert.match(
      findingsOf(twice(listing(three, 3, { name: "c2-1", id: "0201".repeat(16), ip: farIp, mac: far })))[0]?.evidence ??
        "",
      /one and the same container: not all of these hosts are to be believed/u,
    );
  });

  it("judges a host that lists some thousand containers of one MAC in no time, and names few of them", () => {
    const member = { kind: "container", name: "x", ip: farIp, mac: far } as const;
    const all = withNetwork(three, 3, ({ members }) => ({
      members: [...members, ...Array.from({ length: 5000 }, (_, at) => ({ ...member, id: `x${at}`, pid: at }))],
    }));
    const changing = withNetwork(all, 3, ({ members }) => ({ members: members.map((one) => ({ ...one, pid: 1 })) }));
    const began = performance.now();
    for (const before of [all, changing]) {
      const diagnosis = twice(all, before);
      const longest = [...findingsOf(diagnosis).map(({ evidence, why }) => `${evidence}${why}`), ...blind(diagnosis)];
      assert.ok(
        longest.every((text) => text.length < 600),
        longest.find((text) => text.length >= 600)?.slice(0, 900),
      );
    }
    const ms = performance.now() - began;
    assert.ok(ms < 3000, `${Math.round(ms)} ms`);
  });

  it("makes no cure of where a container is that two answers of one address do not tell the same of, either time", () => {
    const [, second] = three;
    assert.ok(second !== undefined);
    const twin = listing(three, 3, { name: "c2-1", id: "0201".repeat(16), ip: farIp, mac: far });
    const [, less] = without(three);
    assert.ok(less !== undefined);
    const alias = { host: "alias", tables: less.tables };
    const [contested, settled] = [
      [...twin, alias],
      [...without(twin), alias],
    ];
    assert.deepEqual(moves(twice(settled)), [["web-1", "wrong-vtep", "active", far, "c2-1"]]);
    for (const [now, before] of [
      [contested, contested],
      [settled, contested],
      [contested, settled],
    ] as const)
      assert.deepEqual([moves(twice(now, before)), twice(now, before).verdict === "healthy"], [[], false]);
  });

  it("says of which containers two that claim one address do not tell the same", () => {
    const claimed = changed(three, 3, () => ({ advertised: vtepOf(2), ownVteps: [vtepOf(2)] }));
    const said = blind(twice(claimed)).join("\n");
    assert.match(said, /^where 02:42:0a:00:02:01 is: web-2 and web-3 all say that they are 172\.31\.240\.2, and/mu);
    assert.match(said, /^where 02:42:0a:00:03:02 is: /mu);
  });

  it("does not believe that a host is known by an address that is none of its own", () => {
    const diagnosis = twice(changed(three, 3, () => ({ advertised: vtepOf(9) })));
    assert.deepEqual([briefly(diagnosis), diagnosis.verdict], [[], "unknown"]);
  });

  it("makes no cure to the address of a silent host that another one claims", () => {
    const claimed = changed(listing(three, 3, { ip: farIp, mac: far }), 3, ({ ownVteps }) => ({
      ownVteps: [...ownVteps, vtepOf(2)],
    }));
    const diagnosis = twice(silenced(claimed, 2));
    // Of itself it may say what it likes.
    const others = briefly(diagnosis).filter(([at]) => at !== "web-3");
    assert.deepEqual([others, diagnosis.verdict], [[], "unknown"]);
  });

  it("takes a host that answers under two names as one", () => {
    const [, second] = three;
    assert.ok(second !== undefined);
    const alias = { host: "alias", tables: second.tables };
    const wrong = led(three, 2, macOf(1, 1), vtepOf(3));
    const found = ["wrong-vtep", "active", macOf(1, 1), "c1-1"] as const;
    // The first of its answers does not have the row, and may lie.
    assert.deepEqual(briefly(twice([...wrong, alias])), [["web-2", ...found]]);
    const [, same] = wrong;
    assert.ok(same !== undefined);
    assert.deepEqual(briefly(twice([...wrong, { host: "alias", tables: same.tables }])), [["alias", ...found]]);
    const healthy = twice([...three, alias]);
    assert.deepEqual([briefly(healthy), healthy.verdict], [[], "healthy"]);
    assert.match(healthy.unjudged.map(({ what }) => what).join(), /^alias and web-2$/u);
    assert.equal(twice([...three, ...three]).hosts.length, 3);
  });

  it("knows a swarm's hosts by their data path, and sees a row that leaves it", () => {
    const all = cluster({ hosts: 3, containers: 2, driver: "swarm", dataPath });
    assert.deepEqual([briefly(twice(all)), twice(all).verdict], [[], "healthy"]);
    const [finding] = findingsOf(twice(led(all, 1, far, dataPath(3))));
    assert.deepEqual([finding?.class, finding?.command?.includes(`dst ${dataPath(2)} `)], ["wrong-vtep", true]);
  });

  it("knows the data path by the rows of other networks, and gives no command where no row shows it", () => {
    const swarm = cluster({ hosts: 2, containers: 1, driver: "swarm", dataPath });
    const [alone] = findingsOf(twice(rowless(swarm)));
    assert.deepEqual([alone?.class, alone?.command], ["missing-fdb", null]);
    assert.match(alone?.why ?? "", /no row shows that 172\.31\.240\.2 is the address of its data path/u);
    const other = "b".repeat(64);
    const both = rowless(swarm).map((one) => {
      const [whole] = swarm.filter(({ host }) => host === one.host);
      if (!("tables" in one) || whole === undefined) return one;
      const second = whole.tables.networks.map((network) => ({ ...network, id: other, name: "second" }));
      return { ...one, tables: { ...one.tables, networks: [...one.tables.networks, ...second] } };
    });
    const found = findingsOf(twice(both));
    assert.deepEqual([...new Set(found.map(({ class: of }) => of))], ["missing-fdb"]);
    assert.ok(
      found.every(({ command }) => command?.includes(`dst ${dataPath(2)} `)),
      JSON.stringify(found),
    );
  });

  it("keeps two networks of one name and subnet apart, and looks only at those that are asked for", () => {
    const other = "a".repeat(64);
    const both = changed(three, 3, ({ networks }) => ({ networks: networks.map((one) => ({ ...one, id: other })) }));
    const diagnosis = twice(both);
    assert.deepEqual(
      diagnosis.networks.map(({ name, id }) => [name, id]),
      [
        ["testnet", networkId],
        ["testnet", other],
      ],
    );
    assert.ok(
      findingsOf(diagnosis).every(({ class: of }) => of === "orphan-row"),
      JSON.stringify(briefly(diagnosis)),
    );
    const one = diagnoseCluster({ now: both, before: both, networks: new Set([other]) });
    assert.deepEqual(
      one.networks.map(({ id }) => id),
      [other],
    );
  });

  it("keeps two sites with the same private addresses apart", () => {
    const other = "b".repeat(64);
    const site = elsewhere(
      [1, 2, 3].reduce((all, host) => withNetwork(all, host, () => ({ id: other, name: "othernet" })), three),
    );
    const wrong = led(three, 1, far, vtepOf(3));
    const alone = twice(wrong);
    const both = twice([...wrong, ...site]);
    assert.deepEqual([findingsOf(both), both.unjudged, both.verdict], [findingsOf(alone), alone.unjudged, "faulty"]);
    const healthy = twice([...three, ...site]);
    assert.deepEqual([briefly(healthy), healthy.unjudged, healthy.verdict], [[], [], "healthy"]);
    assert.deepEqual(
      healthy.networks.map(({ name }) => name),
      ["othernet", "testnet"],
    );
  });

  it("compares what two answers of one address tell only of networks that both have", () => {
    const [, second] = three;
    assert.ok(second !== undefined);
    const alone = second.tables.networks.map((network) => ({ ...network, id: "c".repeat(64), name: "alone" }));
    const all = changed(three, 2, ({ networks }) => ({ networks: [...networks, ...alone] }));
    const diagnosis = twice([...all, { host: "alias", tables: second.tables }]);
    assert.doesNotMatch(blind(diagnosis).join("\n"), /do not tell the same/u);
    // Of a network that the first of them does not have, the other's rows are looked at.
    const looped = withNetwork(all, 2, ({ id, space }) =>
      id === networkId || space === undefined ? {} : { space: { ...space, fdb: [selfRow(far, vtepOf(2))] } },
    );
    const loop = briefly(twice([...looped, { host: "alias", tables: second.tables }]));
    assert.ok(
      loop.some(([host, of]) => host === "web-2" && of === "self-loop"),
      JSON.stringify(loop),
    );
    assert.deepEqual(
      briefly(diagnosis).filter(([, of]) => of !== "orphan-row"),
      [],
    );
  });
});
