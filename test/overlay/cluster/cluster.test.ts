import assert from "node:assert/strict";
import { diagnoseCluster } from "../../../overlay/cluster/cluster.ts";
import type { ClusterDiagnosis, ClusterFinding } from "../../../overlay/cluster/finding.ts";
import type { Asked } from "../../../overlay/cluster/machines.ts";
import { knownVteps } from "../../../overlay/cluster/telling.ts";
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
  withoutSpace,
  withSpace,
} from "./made.ts";

const twice = (all: readonly Asked[], before: readonly Asked[] = all) => diagnoseCluster({ now: all, before });
const findingsOf = ({ networks }: ClusterDiagnosis): readonly ClusterFinding[] =>
  networks.flatMap(({ findings }) => findings);
const briefly = (diagnosis: ClusterDiagnosis) =>
  findingsOf(diagnosis).map(({ host, class: of, state, mac, container }) => [host, of, state, mac, container]);
const doubled = (diagnosis: ClusterDiagnosis) =>
  briefly(diagnosis).filter(([, of]) => of === "duplicate-ip" || of === "duplicate-mac");
const blind = ({ unjudged }: ClusterDiagnosis) =>
  unjudged.filter((one) => one.blind).map(({ what, why }) => `${what}: ${why}`);

const dataPath = (host: number): string => `192.168.7.${host}`;

const three = cluster({ hosts: 3, containers: 2 });
const [far, farIp] = [macOf(2, 1), ipOf(2, 1)];

describe("overlay/cluster", () => {
  for (const driver of ["classic", "swarm"] as const)
    it(`finds nothing in a healthy ${driver} cluster, asked once`, () => {
      const healthy = diagnoseCluster({ now: cluster({ hosts: 4, containers: 3, driver }) });
      assert.deepEqual(
        [briefly(healthy), healthy.unjudged, healthy.verdict, healthy.again],
        [[], [], "healthy", false],
      );
      assert.deepEqual(healthy.hosts[3], { host: "web-4", answered: true });
      assert.deepEqual(healthy.networks, [{ id: networkId, name: "testnet", findings: [] }]);
    });

  it("believes what is told twice: until then it is not judged", () => {
    const wrong = led(three, 1, far, vtepOf(3));
    const once = diagnoseCluster({ now: wrong });
    assert.deepEqual([briefly(once), once.verdict, once.again], [[], "unknown", true]);
    assert.match(blind(once).join(), /^web-1: wrong-vtep of c2-1: .*it was told once$/u);
    const sure = twice(wrong);
    assert.deepEqual(briefly(sure), [["web-1", "wrong-vtep", "active", far, "c2-1"]]);
    assert.deepEqual([sure.verdict, sure.again, blind(sure)], ["faulty", false, []]);
    assert.equal(
      findingsOf(sure)[0]?.command,
      `nsenter --net=/var/run/docker/netns/1-8fcc19e5f0 bridge fdb replace ${far} dev vxlan0 dst ${vtepOf(2)} self permanent`,
    );
    assert.equal(findingsOf(sure)[0]?.automatic, false);
  });

  it("finds a row that is missing, one that loops, and one that leads nowhere, in both modes", () => {
    for (const driver of ["classic", "swarm"] as const) {
      const all = cluster({ hosts: 3, containers: 2, driver });
      assert.deepEqual(briefly(twice(led(all, 1, far))), [["web-1", "missing-fdb", "active", far, "c2-1"]], driver);
      assert.deepEqual(briefly(twice(led(all, 1, far, vtepOf(1)))), [["web-1", "wrong-vtep", "active", far, "c2-1"]]);
      const nowhere = twice(led(all, 1, far, "172.31.240.77"));
      assert.deepEqual(briefly(nowhere), [["web-1", "wrong-vtep", "active", far, "c2-1"]]);
    }
  });

  it("finds a neighbour row that answers with another MAC, and never calls it an orphan", () => {
    const answering = (all: readonly Asked[], mac: string) =>
      withSpace(all, 1, ({ neighbours }) => ({
        neighbours: neighbours.map((row) => (row.ip === farIp ? { ...row, mac } : row)),
      }));
    for (const driver of ["classic", "swarm"] as const)
      for (const mac of [gone.mac, macOf(3, 1)]) {
        const all = cluster({ hosts: 3, containers: 2, driver });
        const wrong = answering(all, mac);
        const diagnosis = twice(wrong);
        assert.deepEqual(
          [briefly(diagnosis), diagnosis.verdict],
          [[["web-1", "wrong-neighbour", "active", far, "c2-1"]], "faulty"],
        );
        assert.equal(
          findingsOf(diagnosis)[0]?.command,
          `nsenter --net=/var/run/docker/netns/1-8fcc19e5f0 ip neigh replace ${farIp} lladdr ${far} dev vxlan0 nud permanent`,
        );
        assert.match(
          findingsOf(diagnosis)[0]?.evidence ?? "",
          new RegExp(`lladdr ${mac} PERMANENT; c2-1 has ${far}$`, "u"),
        );
        // Of one telling, and of what changed in between, nothing is said: nor that it harms nobody.
        for (const unsure of [diagnoseCluster({ now: wrong }), twice(wrong, all), twice(silenced(wrong, 2))])
          assert.deepEqual([briefly(unsure), unsure.verdict], [[], "unknown"], `${driver} ${mac}`);
      }
  });

  it("calls a row an orphan only where every host that may have its container answered, with all that it has", () => {
    const orphan = withSpace(three, 1, ({ fdb, neighbours }) => ({
      fdb: [...fdb, selfRow(gone.mac, vtepOf(2))],
      neighbours: [...neighbours, { ip: gone.ip, dev: "vxlan0", mac: gone.mac, state: ["PERMANENT"] }],
    }));
    const known = twice(orphan);
    assert.deepEqual(briefly(known), [["web-1", "orphan-row", "latent", gone.mac, null]]);
    assert.equal(known.verdict, "healthy");
    const port = { ifindex: 90, name: "veth9", kind: "veth" as const, master: { name: "br0" }, up: true };
    const incomplete: readonly (readonly [string, readonly Asked[], RegExp])[] = [
      ["silent", silenced(orphan, 3), /web-3 did not answer/u],
      ["half a list", withSpace(orphan, 3, ({ links }) => ({ links: [...links, port] })), /web-3 has 1 ports/u],
      ["no address", listing(orphan, 3, { name: "bare" }), /where bare can be reached/u],
      ["no VTEP", changed(orphan, 3, () => ({ advertised: "" })), /web-3 does not tell where c3-1 and 1 more/u],
      [
        "a host that nobody asked",
        led(orphan, 2, gone.mac, vtepOf(9)),
        /172\.31\.240\.9, which is no host that answered/u,
      ],
    ];
    for (const [name, all, why] of incomplete) {
      const unsure = twice(all);
      assert.deepEqual([name, briefly(unsure)], [name, []]);
      assert.equal(unsure.verdict, "unknown", name);
      assert.match(blind(unsure).join("\n"), why, name);
      assert.match(
        blind(unsure).join("\n"),
        /web-1: rows of testnet for 02:42:0a:00:(?:63:01|03:01 and 2 more), which no host/u,
        name,
      );
    }
  });

  it("does not call a missing row a fault while it may be a silent host's", () => {
    for (const driver of ["classic", "swarm"] as const) {
      const all = silenced(led(cluster({ hosts: 3, containers: 2, driver }), 1, far), 2);
      assert.deepEqual([briefly(twice(all)), twice(all).verdict], [[], "unknown"], driver);
    }
  });

  it("does not say that a row is wrong which leads to what may be a silent host", () => {
    const all = silenced(led(three, 1, far, vtepOf(3)), 3);
    assert.deepEqual([briefly(twice(all)), twice(all).verdict], [[], "unknown"]);
  });

  it("does not judge what changed in between", () => {
    const wrong = led(three, 1, far, vtepOf(3));
    const restarted = withNetwork(wrong, 2, ({ members }) => ({ members: members.map((one) => ({ ...one, pid: 9 })) }));
    assert.deepEqual([briefly(twice(restarted, wrong)), twice(restarted, wrong).verdict], [[], "unknown"]);
    // The row became wrong only now: it may be about to be right.
    assert.deepEqual([briefly(twice(wrong, three)), twice(wrong, three).verdict], [[], "unknown"]);
    // And is right again.
    assert.deepEqual([briefly(twice(three, wrong)), twice(three, wrong).verdict], [[], "healthy"]);
    const half = twice(wrong, silenced(wrong, 2));
    assert.deepEqual([briefly(half), half.verdict], [[], "unknown"]);
    assert.match(blind(half).join(), /web-2: .*it answered only the second time: no answer/u);
  });

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

  it("sees an address twice also where a host does not tell by which address it is reached, and names that host", () => {
    const strip = (all: readonly Asked[], host: number) =>
      withSpace(all, host, ({ fdb, neighbours }) => ({
        fdb: fdb.filter(({ dst }) => dst !== vtepOf(3)),
        neighbours: neighbours.filter(({ ip }) => !ip.startsWith("10.0.3.")),
      }));
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
    const without = <A extends Asked>(all: readonly A[]) =>
      withNetwork(all, 2, ({ members }) => ({ members: members.filter(({ mac }) => mac !== far) }));
    const [, less] = without(three);
    assert.ok(less !== undefined);
    const alias = { host: "alias", tables: less.tables };
    const [contested, settled] = [
      [...twin, alias],
      [...without(twin), alias],
    ];
    const moves = (diagnosis: ClusterDiagnosis) => briefly(diagnosis).filter(([, of]) => of === "wrong-vtep");
    assert.deepEqual(moves(twice(settled)), [["web-1", "wrong-vtep", "active", far, "c2-1"]]);
    for (const [now, before] of [
      [contested, contested],
      [settled, contested],
      [contested, settled],
    ] as const)
      assert.deepEqual([moves(twice(now, before)), twice(now, before).verdict === "healthy"], [[], false]);
  });

  it("looks away from what a device only learned, and not from a row back to its own host while another is silent", () => {
    const learned = { ...selfRow(gone.mac, "172.31.240.77"), state: "" };
    const all = withSpace(three, 1, ({ fdb }) => ({ fdb: [...fdb, learned] }));
    assert.deepEqual([twice(all).unjudged, twice(all).verdict], [[], "healthy"]);
    for (const dst of ["127.0.0.1", vtepOf(1)]) {
      const looped = twice(silenced(led(three, 1, far, dst), 3));
      assert.deepEqual(briefly(looped), [["web-1", "wrong-vtep", "active", far, "c2-1"]], dst);
    }
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
    const bare = (all: readonly Asked[]) =>
      withSpace(all, 1, ({ fdb }) => ({ fdb: fdb.filter(({ dst }) => dst === undefined) }));
    const [alone] = findingsOf(twice(bare(swarm)));
    assert.deepEqual([alone?.class, alone?.command], ["missing-fdb", null]);
    assert.match(alone?.why ?? "", /no row shows that 172\.31\.240\.2 is the address of its data path/u);
    const other = "b".repeat(64);
    const both = bare(swarm).map((one) => {
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

  it("gives each host one voice about another's data path, and the address that it tells the last word", () => {
    const all = cluster({ hosts: 4, containers: 2, driver: "swarm", dataPath });
    // It has more rows than all others together, and leads them to the bridge that every engine has.
    const liar = withSpace(all, 1, ({ fdb }) => ({
      fdb: fdb.flatMap((row) =>
        row.dst === undefined ? [row] : Array.from({ length: 9 }, () => ({ ...row, dst: "172.17.0.1" })),
      ),
    }));
    const { known } = knownVteps(
      liar.map((one) => ({
        ...one,
        tables: {
          ...one.tables,
          ownVteps: one.tables.ownVteps.filter((own) => one.host !== "web-1" || own !== "172.17.0.1"),
        },
      })),
    );
    assert.deepEqual([known.get(vtepOf(2)), known.get(vtepOf(3))], [dataPath(2), dataPath(3)]);
    // One leads to the data path, one to what it tells.
    const two = withSpace(cluster({ hosts: 3, containers: 1, driver: "swarm", dataPath }), 1, ({ fdb }) => ({
      fdb: fdb.map((row) => (row.dst === dataPath(2) ? { ...row, dst: vtepOf(2) } : row)),
    }));
    assert.equal(knownVteps(two).known.get(vtepOf(2)), vtepOf(2));
    // What leads back to who has it is no word about another.
    const own = changed(two, 3, ({ ownVteps }) => ({ ownVteps: [...ownVteps, dataPath(2)] }));
    const only = withSpace(own, 1, ({ fdb }) => ({ fdb: fdb.filter(({ dst }) => dst !== vtepOf(2)) }));
    assert.deepEqual([...knownVteps(only).assumed].includes(vtepOf(2)), true);
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
    const named = <A extends Asked>(all: readonly A[]): readonly A[] =>
      all.map((one) => ({ ...one, host: `far-${one.host}` }));
    const site = named(
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

  it("gives no command for an encrypted network", () => {
    const all = withNetwork(led(three, 1, far, vtepOf(3)), 1, () => ({ encrypted: true }));
    const [finding] = findingsOf(twice(all));
    assert.deepEqual(
      [finding?.class, finding?.command, finding?.why],
      ["wrong-vtep", null, "the network is encrypted"],
    );
  });

  it("believes any host that a network is encrypted, and says where none can know", () => {
    const wrong = withNetwork(led(three, 1, far, vtepOf(3)), 1, () => ({ unlisted: true }));
    const [one] = findingsOf(twice(withNetwork(wrong, 2, () => ({ encrypted: true }))));
    assert.deepEqual([one?.command, one?.why], [null, "the network is encrypted"]);
    const [plain] = findingsOf(twice(wrong));
    assert.doesNotMatch(plain?.why ?? "", /encrypted/u);
    const all = [2, 3].reduce((some, host) => withNetwork(some, host, () => ({ unlisted: true })), wrong);
    const [nobody] = findingsOf(twice(all));
    assert.notEqual(nobody?.command, null);
    assert.match(nobody?.why ?? "", /none tells whether it is encrypted: a person decides$/u);
  });

  it("says why a row is open where there was a reason the first time only", () => {
    const orphan = withSpace(three, 1, ({ fdb }) => ({ fdb: [...fdb, selfRow(gone.mac, vtepOf(2))] }));
    const port = { ifindex: 90, name: "veth9", kind: "veth" as const, master: { name: "br0" }, up: true };
    const before = withSpace(orphan, 3, ({ links }) => ({ links: [...links, port] }));
    assert.match(blind(twice(orphan, before)).join("\n"), /no host that answered runs: web-3 has 1 ports/u);
  });

  it("tells of a container that is cut off on its own host, by the readings of its bridge", () => {
    const mac = macOf(1, 1);
    const all = withSpace(three, 1, ({ fdb }) => ({
      fdb: fdb.map((row) => (row.mac === mac ? { ...row, ifname: "vxlan0" } : row)),
      sampled: [{ mac, reads: 10, onVxlan: 10 }],
    }));
    const diagnosis = diagnoseCluster({ now: all });
    assert.deepEqual(briefly(diagnosis), [["web-1", "local-mac-on-vxlan-port", "active", mac, "c1-1"]]);
    assert.equal(findingsOf(diagnosis)[0]?.command, "overlaywatch cleanup --network 8fcc19e5f020");
    assert.equal(findingsOf(diagnosis)[0]?.why, undefined, "its own host knows whether it is healed");
    const unsure = diagnoseCluster({ now: withSpace(all, 1, () => ({ sampled: [] })) });
    assert.deepEqual([unsure.verdict, blind(unsure).length], ["unknown", 1]);
  });

  it("can not judge a host whose namespace could not be read, nor a fleet of nobody", () => {
    const without = twice(withoutSpace(three, 2));
    assert.deepEqual([without.verdict, blind(without).length], ["unknown", 1]);
    assert.match(blind(without)[0] ?? "", /^web-2: the rows of testnet/u);
    assert.equal(diagnoseCluster({ now: [] }).verdict, "unknown");
    assert.deepEqual(diagnoseCluster({ now: silenced(three, 1, 2, 3) }).networks, []);
  });
});
