import assert from "node:assert/strict";
import { diagnoseCluster } from "../../../overlay/cluster/cluster.ts";
import type { Asked } from "../../../overlay/cluster/machines.ts";
import {
  changed,
  cluster,
  gone,
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

import { blind, briefly, far, farIp, findingsOf, three, twice } from "./said.ts";

const answering = (all: readonly Asked[], mac: string) =>
  withSpace(all, 1, ({ neighbours }) => ({
    neighbours: neighbours.map((row) => (row.ip === farIp ? { ...row, mac } : row)),
  }));

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
        /^web-1(?:, web-2)?: rows of testnet for (?:02:42:0a:00:03:01, 02:42:0a:00:03:02, )?02:42:0a:00:63:01, which no host/mu,
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

  it("does not believe a row to be wrong that may have led to a silent host the first time", () => {
    const [now, before] = ["127.0.0.1", vtepOf(3)].map((dst) => silenced(led(three, 1, far, dst), 3));
    assert.ok(now !== undefined && before !== undefined);
    assert.deepEqual(
      [briefly(twice(now)).length, briefly(twice(now, before)), twice(now, before).verdict],
      [1, [], "unknown"],
    );
  });

  it("names what a device answers for, where no other row of it is there and its host is silent", () => {
    const alone = cluster({ hosts: 3, containers: 1 });
    const said = blind(twice(silenced(led(led(alone, 1, far), 3, far), 2)));
    assert.match(said.join("\n"), /^web-1, web-3: rows of testnet for 02:42:0a:00:02:01, which no host/mu);
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

  it("looks away from what a device only learned, and not from a row back to its own host while another is silent", () => {
    const learned = { ...selfRow(gone.mac, "172.31.240.77"), state: "" };
    const all = withSpace(three, 1, ({ fdb }) => ({ fdb: [...fdb, learned] }));
    assert.deepEqual([twice(all).unjudged, twice(all).verdict], [[], "healthy"]);
    for (const dst of ["127.0.0.1", vtepOf(1)]) {
      const looped = twice(silenced(led(three, 1, far, dst), 3));
      assert.deepEqual(briefly(looped), [["web-1", "wrong-vtep", "active", far, "c2-1"]], dst);
    }
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

  it("says how many rows a host could not read", () => {
    const { unjudged, verdict } = twice(withSpace(three, 1, () => ({ unreadable: 3 })));
    assert.deepEqual([unjudged.map(({ what }) => what), verdict], [["web-1: 3 rows in 1-8fcc19e5f0"], "healthy"]);
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
