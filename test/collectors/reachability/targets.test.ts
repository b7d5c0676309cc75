import assert from "node:assert/strict";
import * as fc from "fast-check";
import { isFound, isThere, type Source, sourcesIn } from "../../../collectors/reachability/sources.ts";
import {
  type Around,
  isInLoop,
  isStill,
  sampleOf,
  type Target,
  targetsIn,
} from "../../../collectors/reachability/targets.ts";
import { liveClock } from "../../../host/clock.ts";
import { emptyInventory } from "../../../host/docker/inventory.ts";
import { fixtureHost } from "../../../host/fixture.ts";
import { viewOf } from "../../../overlay/diagnose/view.ts";
import type { FdbRow } from "../../../overlay/fdb.ts";
import { macOfIp, type Place } from "../../../overlay/truth/place.ts";
import { readCase } from "../../overlay/diagnose/case.ts";

const [input = assert.fail("no namespace")] = readCase("test/overlay/diagnose/cases/healthy-classic-20.10").namespaces;
const networkId = input.network?.id ?? "";
const [own, there] = ["172.31.240.1", "172.31.240.2"] as const;
const host = fixtureHost("test/collectors/overlay/cases/outage-then-mended/1", liveClock);
const [any = assert.fail("no container")] = host.docker.inventory().containers;

const macOf = (n: number): string => macOfIp(`10.0.0.${n}`) ?? "";
const place = (n: number, vtep: string, name = `c${n}`): Place => {
  return { ip: `10.0.0.${n}`, mac: macOf(n), vtep, name, endpoint: `e${n}` };
};
const attached = (ipv4: string, pid: number, startedAt = pid) => ({
  ...any,
  pid,
  startedAt,
  attachments: [{ name: "testnet", networkId, ipv4, ipv6: "", mac: "" }],
});
const neighbour = (n: number, state: readonly string[] = ["PERMANENT"], dev = "vxlan0") => ({
  ip: `10.0.0.${n}`,
  dev,
  mac: macOf(n),
  state: [...state],
});
const bridgeRow = (n: number, ifname: string, flags: readonly string[] = []): FdbRow => ({
  mac: macOf(n),
  ifname,
  master: "br0",
  flags: [...flags],
  state: "",
});
const selfRow = (n: number, dst: string): FdbRow => {
  const { master: _bridge, ...row } = bridgeRow(n, "vxlan0", ["self"]);
  return { ...row, dst };
};
const viewWith = (...fdb: readonly FdbRow[]) =>
  viewOf({
    ...input,
    tables: {
      ...input.tables,
      fdb,
      neighbours: [
        neighbour(3),
        neighbour(4),
        neighbour(5),
        neighbour(6, ["STALE"]),
        neighbour(7, ["PERMANENT"], "br0"),
      ],
    },
  });
const around: Around = {
  networkId,
  driver: "classic",
  containers: [attached("", 8), attached("10.0.0.9", 9, 1), attached("10.0.0.2", 7)],
  telling: {
    places: [place(2, own), place(3, own), place(4, own), place(5, there), place(6, there), place(7, there)],
    doubts: 0,
    complete: true,
  },
  view: viewWith(bridgeRow(2, "veth0", ["sticky"]), bridgeRow(3, "veth1", ["sticky"]), bridgeRow(4, "veth2")),
  ownVteps: new Set([own]),
};
const names = (targets: readonly Target[]) => targets.map(({ name, placement }) => `${name} ${placement}`);
const ips = (sources: readonly Source[]) => sources.map(({ ip }) => ip);
const target = (n: number, vtep: string): Target => ({
  ...place(n, vtep),
  placement: vtep === own ? "local" : "remote",
});

const still = (one: Target, places: readonly Place[], containers = around.containers) =>
  isStill(one, networkId, { ...around.telling, places }, { ...emptyInventory, containers });

describe("collectors/reachability: from where, and to whom", () => {
  it("from the load balancer, else from who has an address and runs longest", () => {
    assert.deepEqual(ips(sourcesIn(around, [])), ["10.0.0.9", "10.0.0.2"]);
    const balancer = { from: { path: "/lb", key: "1@1" }, ip: "10.0.0.3", mac: macOf(3) };
    assert.deepEqual(ips(sourcesIn(around, [balancer])), ["10.0.0.3", "10.0.0.9", "10.0.0.2"]);
    assert.deepEqual(sourcesIn({ ...around, networkId: "other" }, []), []);
  });

  it("from nobody whose MAC is on the vxlan port, told by Docker or made of its address", () => {
    const view = viewWith(bridgeRow(9, "vxlan0"), bridgeRow(2, "veth0"), selfRow(2, there));
    assert.deepEqual(
      sourcesIn(around, []).map((one) => isFound(one, { ...around, view })),
      [false, true],
    );
  });

  it("on a classic engine to whom the proxy answers for already, of this host to who is pinned as well", () => {
    assert.deepEqual(names(targetsIn(around)), ["c3 local", "c5 remote"]);
  });

  it("in swarm mode to everybody", () => {
    assert.equal(targetsIn({ ...around, driver: "swarm" }).length, 6);
  });

  it("never into a loop: what is sent would draw its sender's MAC to the vxlan port", () => {
    const loops = (n: number, ...rows: readonly FdbRow[]) =>
      isInLoop(target(n, there), { ...around, view: viewWith(...rows) });
    assert.ok(loops(5, selfRow(5, own)));
    assert.ok(loops(5, selfRow(5, own), bridgeRow(5, "vxlan0")));
    assert.ok(!loops(5, selfRow(5, there), bridgeRow(5, "vxlan0")));
    // As on every classic host whose containers talk: the bridge knows better.
    assert.ok(!loops(3, selfRow(3, own), bridgeRow(3, "veth1")));
  });

  it("a task's id is in no name, and an address is pinged once", () => {
    const task = place(8, there, `shop_web.2.${"k".repeat(25)}`);
    const telling = { places: [task, { ...task, endpoint: "twice" }], doubts: 0, complete: false };
    const targets = targetsIn({ ...around, driver: "swarm", telling });
    assert.deepEqual(names(targets), ["shop_web.2 remote"]);
    assert.equal(targets[0]?.service, "shop_web");
  });

  it("is still there who is told by the same endpoint at the same host; one of this host, if Docker has it too", () => {
    const remote = target(5, there);
    assert.ok(still(remote, [place(5, there)]));
    assert.ok(!still(remote, []));
    assert.ok(!still(remote, [place(5, "172.31.240.3")]));
    assert.ok(!still(remote, [{ ...place(5, there), endpoint: "started again" }]));
    assert.ok(still(target(9, own), [place(9, own)]));
    assert.ok(!still(target(9, own), [place(9, own)], []));
  });

  it("a source is still there while its process and its container are, and a namespace while it is the same", () => {
    const [{ pid, attachments } = assert.fail("no container")] = host.docker.inventory().containers;
    const [{ ipv4, networkId: id } = assert.fail("no network")] = attachments;
    const of = (from: Source["from"]): Source => ({ from, ip: ipv4, mac: "" });
    assert.ok(isThere(of({ pid }), id, host));
    assert.ok(!isThere({ ...of({ pid }), ip: "10.0.0.77" }, id, host));
    const gone = fixtureHost("test/collectors/reachability/cases/source-gone/1", liveClock);
    const [source = assert.fail("no source")] = sourcesIn(
      { ...around, containers: gone.docker.inventory().containers },
      [],
    );
    assert.ok(!isThere(source, networkId, gone));
    const [{ path, key } = assert.fail("no namespace")] = host.overlays.namespaces(() => true);
    assert.ok(isThere(of({ path, key }), id, host));
    assert.ok(!isThere(of({ path, key: "another life" }), id, host));
  });

  it("asks all in turn, never more than it may in one cycle, and none twice in it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 30 }),
        fc.nat(50),
        (count, most, from) => {
          const all = Array.from({ length: count }, (_, n): Target => ({ ...target(n, own), name: `c${n}` }));
          const rounds = Math.ceil(count / most) + 1;
          const seen = new Set<string>();
          for (let turn = from; turn < from + rounds; turn++) {
            const sample = sampleOf(all, turn, most);
            assert.equal(sample.length, Math.min(count, most));
            assert.equal(new Set(sample).size, sample.length);
            for (const { ip } of sample) seen.add(ip);
          }
          assert.equal(seen.size, count);
        },
      ),
    );
  });
});
