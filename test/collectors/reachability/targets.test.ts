import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type Around, sampleOf, sourceIn, type Target, targetsIn } from "../../../collectors/reachability/targets.ts";
import { liveClock } from "../../../host/clock.ts";
import { fixtureHost } from "../../../host/fixture.ts";
import { macOfIp, type Place } from "../../../overlay/truth/place.ts";
import { readCase } from "../../overlay/diagnose/case.ts";

const [{ tables, network } = assert.fail("no namespace")] = readCase(
  "test/overlay/diagnose/cases/healthy-classic-20.10",
).namespaces;
const networkId = network?.id ?? "";
const [own, there] = ["172.31.240.1", "172.31.240.2"] as const;
const [any = assert.fail("no container")] = fixtureHost(
  "test/collectors/overlay/cases/outage-then-mended/1",
  liveClock,
).docker.inventory().containers;

const place = (n: number, vtep: string, name = `c${n}`): Place => {
  const ip = `10.0.0.${n}`;
  return { ip, mac: macOfIp(ip) ?? "", vtep, name, endpoint: `e${n}` };
};
const attached = (ipv4: string, pid: number) => ({
  ...any,
  pid,
  attachments: [{ name: "testnet", networkId, ipv4, ipv6: "", mac: "" }],
});
const row = (n: number, state: readonly string[] = ["PERMANENT"], dev = "vxlan0") => ({
  ip: `10.0.0.${n}`,
  dev,
  mac: macOfIp(`10.0.0.${n}`) ?? "",
  state: [...state],
});
const pinned = { mac: macOfIp("10.0.0.3") ?? "", ifname: "veth1", master: "br0", flags: ["sticky"], state: "static" };
const links = [{ ...(tables.links.find(({ kind }) => kind === "vxlan") ?? assert.fail("no vxlan")), name: "vxlan0" }];
const places = [place(2, own), place(3, own), place(4, own), place(5, there), place(6, there), place(7, there)];
const around: Around = {
  networkId,
  driver: "classic",
  containers: [attached("", 8), attached("10.0.0.9", 0), attached("10.0.0.2", 7)],
  namespaces: [],
  telling: { places, doubts: 0, complete: true },
  tables: {
    links,
    fdb: [pinned, { ...pinned, mac: macOfIp("10.0.0.4") ?? "", flags: [] }],
    neighbours: [row(5), row(6, ["STALE"]), row(7, ["PERMANENT"], "br0"), row(4)],
    unreadable: 0,
  },
  ownVteps: new Set([own]),
};
const names = (targets: readonly Target[]) => targets.map(({ name, placement }) => `${name} ${placement}`);
const source = { pid: 7, ip: "10.0.0.2" };

describe("collectors/reachability: from where, and to whom", () => {
  it("from a running container with an address; in swarm mode from the load balancer; never from the bridge", () => {
    assert.deepEqual(sourceIn(around), source);
    const space = { file: "lb_x", path: "/lb", inode: 1, key: "1@1", network: { id: networkId, name: "testnet" } };
    const overlay = { ...space, kind: "overlay", path: "/overlay" } as const;
    const balancer = { ...space, kind: "load-balancer" } as const;
    assert.deepEqual(sourceIn({ ...around, namespaces: [overlay, balancer] }), { path: "/lb" });
    const other = { ...balancer, network: { id: "other", name: "other" } };
    assert.deepEqual(sourceIn({ ...around, namespaces: [overlay, other] }), source);
    assert.equal(sourceIn({ ...around, containers: [] }), undefined);
  });

  it("on a classic engine to pinned ones here, and to those elsewhere that the proxy answers for already", () => {
    assert.deepEqual(names(targetsIn(around, source)), ["c3 local", "c5 remote"]);
  });

  it("in swarm mode to everybody but itself", () => {
    const swarm = { ...around, driver: "swarm" } as const;
    assert.equal(targetsIn(swarm, source).length, 5);
    assert.equal(targetsIn(swarm, { path: "/lb" }).length, 6);
  });

  it("a task's id is in no name, and an address is pinged once", () => {
    const task = place(8, there, `shop_web.2.${"k".repeat(25)}`);
    const telling = { places: [task, { ...task, endpoint: "twice" }], doubts: 0, complete: false };
    assert.deepEqual(names(targetsIn({ ...around, driver: "swarm", telling }, source)), ["shop_web.2 remote"]);
  });

  it("asks all in turn, never more than it may in one cycle, and none twice in it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 30 }),
        fc.nat(50),
        (count, most, from) => {
          const all = Array.from({ length: count }, (_, n): Target => ({
            ip: String(n),
            name: `c${n}`,
            placement: "local",
          }));
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
