import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readInfo } from "../../host/docker/info.ts";
import { readSharedTables } from "../../host/tables.ts";
import { NotAvailable } from "../../host/host.ts";
import { driverOfHost, vtepsOf } from "../../overlay/engine-facts.ts";

const info = (answer: object) => readInfo({ ServerVersion: "20.10.24", ...answer });
const network = (scope: string) => ({ id: "n", name: "n", driver: "overlay", scope, subnets: [], vnis: [] });
const trie = readFileSync("test/collectors/overlay/cases/outage-then-mended/1/proc/host/net/fib_trie", "utf8");

describe("overlay/engine-facts", () => {
  it("reads what an engine says of itself, whatever it leaves out", () => {
    assert.deepEqual(info({ Name: "h", Swarm: { LocalNodeState: "active", NodeAddr: "10.1.1.1" } }), {
      name: "h",
      version: "20.10.24",
      clusterStore: "",
      clusterAdvertise: "",
      swarmState: "active",
      swarmAddress: "10.1.1.1",
    });
    assert.throws(() => info({ Name: 7 }), /Name/);
  });

  it("tells classic from swarm by the engine, and by its networks where it says nothing", () => {
    assert.equal(driverOfHost(info({ ClusterStore: "etcd://x" }), []), "classic");
    assert.equal(driverOfHost(info({ Swarm: { LocalNodeState: "active" } }), []), "swarm");
    assert.equal(driverOfHost(info({ Swarm: { LocalNodeState: "inactive" } }), [network("swarm")]), "classic");
    assert.equal(driverOfHost(undefined, [network("swarm")]), "swarm");
    assert.equal(driverOfHost(undefined, [network("global")]), "classic");
  });

  it("takes for own what the engine advertises and every address of the host, never loopback or a broadcast", () => {
    const told = vtepsOf(info({ ClusterAdvertise: "192.0.2.9:2375", Swarm: { NodeAddr: "192.0.2.10" } }), trie);
    assert.deepEqual(told.slice(0, 2), ["192.0.2.9", "192.0.2.10"]);
    assert.ok(told.includes("172.31.240.1"));
    assert.ok(!told.some((ip) => ip.startsWith("127.") || ip.endsWith(".255") || ip.endsWith(".0")), told.join(" "));
    assert.deepEqual(vtepsOf(undefined, ""), []);
    assert.deepEqual(vtepsOf(info({ ClusterAdvertise: "eth0:2375" }), ""), []);
  });
});

const own = (files: Readonly<Record<string, string>>) => ({
  pid: 1,
  folder: "/nowhere",
  text: (path: string) => files[path] ?? missing(),
  inode: missing,
  close: () => undefined,
});

describe("host/tables", () => {
  const stat = "entries  allocs\n000000ff 00000001\n000000ff 00000001\n";

  it("reads how full a table is and its limit; what is not there is not told", () => {
    const limits: Readonly<Record<string, string>> = { "net/netfilter/nf_conntrack_max": "1000\n" };
    const files = { "net/stat/arp_cache": stat, "net/stat/nf_conntrack": stat };
    const read = (path: string) => limits[path] ?? missing();
    assert.deepEqual(readSharedTables(own(files), read), { conntrack: { used: 255, limit: 1000 } });
    assert.deepEqual(
      readSharedTables(own({}), () => "5\n"),
      {},
    );
  });

  it("sums over the CPUs how often the table of neighbours had no place", () => {
    const arp = "entries  allocs table_fulls\n000000ff 00000001 0000000a\n000000ff 00000001 00000001\n";
    const { neighbours } = readSharedTables(own({ "net/stat/arp_cache": arp }), () => "300\n");
    assert.deepEqual(neighbours, { used: 255, limit: 300, refused: 11 });
  });

  it("tells nothing by a file that has not the kernel's form", () => {
    assert.deepEqual(
      readSharedTables(own({ "net/stat/arp_cache": "entries  allocs\nzz" }), () => "5\n"),
      {},
    );
    assert.deepEqual(
      readSharedTables(own({ "net/stat/arp_cache": stat }), () => "many\n"),
      {},
    );
  });
});

function missing(): never {
  throw new NotAvailable("not there");
}
