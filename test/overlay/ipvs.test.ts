import assert from "node:assert/strict";
import * as fc from "fast-check";
import { staleBackendFindings, staleInBoth, withStaleServers } from "../../overlay/diagnose/ipvs.ts";
import { parseIpvs } from "../../overlay/ipvs.ts";

/** In the form of ip_vs_info_seq_show: no kernel with IPVS was at hand. */
const table = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
FWM  00000101 rr
  -> 0A000105:0000      Masq    1      0          0         
  -> 0A000106:0000      Masq    0      3          12        
TCP  0A0000FE:0050 rr persistent 360 FFFFFFFF
  -> 0A000107:1F90      Masq    65535  0          0         
TCP  [fd00:0000:0000:0000:0000:0000:0000:0001]:0050 rr 
  -> [fd00:0000:0000:0000:0000:0000:0000:0002]:0050      Masq    1      0          0         
`;

const hex = (n: number, width: number) => n.toString(16).toUpperCase().padStart(width, "0");
const net = "b1c4ofgbir";
const balancers = [{ where: "lb_b1c4ofgbi", networks: [net], servers: parseIpvs(table) }];
const tasks = (...ips: readonly string[]) => new Map([[net, new Set(ips)]]);
const ipsOf = (all: ReturnType<typeof withStaleServers>) => all.flatMap(({ servers }) => servers.map(({ ip }) => ip));

describe("overlay/ipvs", () => {
  it("reads services by mark and by address, with their real servers, IPv4 only", () => {
    assert.deepEqual(parseIpvs(table), [
      { service: "FWM 257", ip: "10.0.1.5", port: 0, weight: 1 },
      { service: "FWM 257", ip: "10.0.1.6", port: 0, weight: 0 },
      { service: "TCP 10.0.0.254:80", ip: "10.0.1.7", port: 8080, weight: 65535 },
    ]);
    assert.deepEqual(parseIpvs(table.split("\n").slice(0, 3).join("\n")), []);
  });

  it("gives back every address and port that the kernel can print", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.array(byte, { minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 65535 }), (ip, port) => {
        const to = `${ip.map((n) => hex(n, 2)).join("")}:${hex(port, 4)}`;
        const [found] = parseIpvs(`FWM  00000101 rr\n  -> ${to}      Masq    1      0          0         \n`);
        assert.deepEqual(found, { service: "FWM 257", ip: ip.join("."), port, weight: 1 });
      }),
    );
  });

  it("makes nothing of any other text", () => {
    fc.assert(fc.property(fc.string(), (text) => assert.deepEqual(parseIpvs(`FWM  00000101 rr\n${text}`), [])));
  });

  it("finds real servers that are no task's address, and nothing where all are", () => {
    assert.deepEqual(withStaleServers(balancers, tasks("10.0.1.5", "10.0.1.6", "10.0.1.7")), []);
    const stale = withStaleServers(balancers, tasks("10.0.1.5"));
    assert.deepEqual(ipsOf(stale), ["10.0.1.6", "10.0.1.7"]);
    const [found, ...more] = staleBackendFindings(stale);
    assert.ok(found !== undefined && more.length === 0);
    assert.deepEqual([found.class, found.state, found.automatic], ["ipvs-stale-backend", "latent", false]);
    assert.match(found.evidence, /lb_b1c4ofgbi .*10\.0\.1\.6:0 for FWM 257, weight 0, 10\.0\.1\.7:8080 for TCP/);
  });

  it("judges nothing by half of a balancer's networks", () => {
    const both = balancers.map((one) => ({ ...one, networks: [net, "another"] }));
    assert.deepEqual(withStaleServers(both, tasks()), []);
    assert.deepEqual(
      ipsOf(withStaleServers(both, new Map([...tasks("10.0.1.5"), ["another", new Set(["10.0.1.7"])]]))),
      ["10.0.1.6"],
    );
  });

  it("believes what is stale in both of two looks", () => {
    const [first, second] = [tasks("10.0.1.5"), tasks("10.0.1.5", "10.0.1.7")].map((one) =>
      withStaleServers(balancers, one),
    );
    assert.deepEqual(ipsOf(staleInBoth(first ?? [], second ?? [])), ["10.0.1.6"]);
    assert.deepEqual(staleInBoth([], first ?? []), []);
  });
});
