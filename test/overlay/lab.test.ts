import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { liveClock } from "../../host/clock.ts";
import { dockerClient } from "../../host/docker/client.ts";
import { type DockerWatch, watchDocker } from "../../host/docker/watch.ts";
import { NotAvailable } from "../../host/host.ts";
import { procfs } from "../../host/procfs.ts";
import type { LabHost } from "../../lab/host.ts";
import type { Endpoint } from "../../overlay/endpoints.ts";
import { readEndpoints } from "../../overlay/local.ts";
import { readTables } from "../../overlay/tables.ts";
import { type OverlayWatch, watchOverlays } from "../../overlay/watch.ts";
import { until } from "../host/until.ts";
import { useLab } from "../lab/fixture.ts";

const { signal } = new AbortController();

const log = (): void => undefined;

interface Seen {
  readonly docker: DockerWatch;
  readonly overlays: OverlayWatch;
  readonly close: () => Promise<void>;
}

async function see(host: LabHost): Promise<Seen> {
  const docker = watchDocker({ client: dockerClient({ socketPath: host.socket }), clock: liveClock, log });
  const overlays = watchOverlays({ netnsDir: host.netnsDir, docker, log });
  await docker.synced();
  const close = async (): Promise<void> => {
    overlays.close();
    await docker.close();
  };
  return { docker, overlays, close };
}

const names = ({ overlays }: Seen) =>
  overlays
    .namespaces()
    .map(({ kind, network }) => `${kind} ${network?.name ?? "?"}`)
    .toSorted();

async function endpointsOf(
  { docker, overlays }: Seen,
  network = "testnet",
  proc = procfs(),
): Promise<readonly Endpoint[]> {
  const namespace = overlays.namespaces().find((one) => one.kind === "overlay" && one.network?.name === network);
  assert.ok(namespace, `no namespace of ${network}`);
  const { links } = await readTables(namespace, signal);
  const sources = { inventory: docker.inventory(), namespaces: overlays.namespaces(), proc };
  return readEndpoints(namespace, links, sources, signal);
}

/** Index of the other end of the container's eth0, as the container itself has it: `6: eth0@if7: ...`. */
async function peerOf(host: LabHost, container: string): Promise<number> {
  const { stdout } = await host.inNetworkOf(container, ["ip", "-o", "link", "show", "eth0"]);
  return Number(/^\d+: eth0@if(\d+): /.exec(stdout)?.[1]);
}

async function untilAsync(what: string, holds: () => Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) assert.ok(performance.now() < deadline, `not within ${withinMs} ms: ${what}`);
}

const inodesHeld = () =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)].filter((target) => target.startsWith("net:"));
    } catch {
      return [];
    }
  });

function refuse(): never {
  throw new NotAvailable("not readable here");
}

function brief(all: readonly Endpoint[]): string[] {
  return all.map(({ owner, veth }) => [owner.kind, owner.name, veth?.kind].join(" ")).toSorted();
}

describe("overlay in a classic lab", function () {
  this.timeout(60_000);
  const lab = useLab();
  const open: Seen[] = [];
  const on = async (number: number): Promise<Seen> => {
    const seen = await see(lab().host(number));
    open.push(seen);
    return seen;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map(async (seen) => seen.close()));
  });

  it("finds the one overlay of each host, and never the other's", async () => {
    const [one, two] = [await on(1), await on(2)];
    assert.deepEqual([names(one), names(two)], [["overlay testnet"], ["overlay testnet"]]);
    const inodes = [one, two].map(({ overlays }) => overlays.namespaces()[0]?.inode);
    assert.notEqual(inodes[0], inodes[1]);
    assert.deepEqual(inodesHeld(), []);
  });

  it("reads its tables, and on which port each container is", async () => {
    for (const host of lab().hosts) {
      const seen = await on(host.number);
      const [namespace] = seen.overlays.namespaces();
      assert.ok(namespace);
      const { links, fdb, unreadable } = await readTables(namespace, signal);
      assert.equal(unreadable, 0);
      const kinds = links.map(({ kind }) => kind).toSorted();
      assert.deepEqual(kinds, ["bridge", "other", "veth", "veth", "vxlan"]);
      assert.ok(fdb.some(({ ifname, flags }) => ifname.startsWith("vxlan") && flags.includes("self")));
      const endpoints = await endpointsOf(seen);
      assert.deepEqual(endpoints.map(({ owner }) => owner.name).toSorted(), [`A${host.number}`, `B${host.number}`]);
      for (const { owner, ip, mac, veth } of endpoints) {
        assert.equal(veth?.ifindex, await peerOf(host, owner.name), owner.name);
        const { stdout } = await host.inNetworkOf(owner.name, ["ip", "-o", "address", "show", "eth0"]);
        assert.match(stdout, new RegExp(`inet ${ip.replaceAll(".", "\\.")}/`));
        assert.match((await host.inNetworkOf(owner.name, ["ip", "link", "show", "eth0"])).stdout, new RegExp(mac));
      }
    }
  });

  it("asks a container's own `ip` where /proc does not tell its devices", async () => {
    const endpoints = await endpointsOf(await on(1), "testnet", { open: refuse, host: refuse });
    for (const { owner, veth } of endpoints)
      assert.equal(veth?.ifindex, await peerOf(lab().host(1), owner.name), owner.name);
    assert.equal(endpoints.length, 2);
  });

  it("follows a network and a container while they come and go", async () => {
    const host = lab().host(1);
    const seen = await on(1);
    const body = { Name: "passing", Driver: "overlay", IPAM: { Config: [{ Subnet: "10.7.0.0/24" }] } };
    await host.demand("POST", "/networks/create", { body });
    try {
      await host.run("guest", { network: "passing" });
      await until("its network", () => names(seen).includes("overlay passing"), 2000);
      await untilAsync("its port", async () => (await endpointsOf(seen, "passing"))[0]?.veth !== undefined, 2000);
      const [guest] = await endpointsOf(seen, "passing");
      assert.equal(guest?.veth?.ifindex, await peerOf(host, "guest"));
      await host.demand("POST", "/networks/testnet/connect", { body: { Container: "guest" } });
      await untilAsync(
        "its second port",
        async () => (await endpointsOf(seen)).some(({ owner, veth }) => owner.name === "guest" && veth !== undefined),
        2000,
      );
      const ports = (await endpointsOf(seen)).map(({ veth }) => veth?.ifindex);
      assert.equal(new Set(ports).size, 3);
      await host.stop("guest");
      await until("its end", () => !names(seen).some((name) => name.endsWith("passing")), 2000);
      await untilAsync("it is no endpoint", async () => (await endpointsOf(seen)).length === 2, 2000);
    } finally {
      await host.rm("guest");
      await host.demand("DELETE", "/networks/passing");
    }
  });

  it("takes the namespaces of an engine that was started again for new ones", async () => {
    const host = lab().host(2);
    const seen = await on(2);
    const before = seen.overlays.namespaces()[0]?.key;
    assert.ok(before !== undefined);
    await host.stopEngine();
    await until("they are gone", () => seen.overlays.namespaces().every(({ key }) => key !== before), 2000);
    await host.startEngine();
    await until("the new one", () => names(seen).includes("overlay testnet"), 20_000);
    await untilAsync(
      "both containers' ports",
      async () => (await endpointsOf(seen)).filter(({ veth }) => veth !== undefined).length === 2,
      20_000,
    );
    for (const { owner, veth } of await endpointsOf(seen)) assert.equal(veth?.ifindex, await peerOf(host, owner.name));
  });
});

describe("overlay in a swarm lab", function () {
  this.timeout(60_000);
  const lab = useLab({ driver: "swarm" });

  it("finds load balancer and gate beside the overlays, whose VNIs are those that Docker tells", async () => {
    const seen = await see(lab().host(1));
    try {
      await until("all of them", () => names(seen).length === 4, 3000);
      assert.deepEqual(names(seen), ["ingress ingress", "load-balancer testnet", "overlay ingress", "overlay testnet"]);
      for (const namespace of seen.overlays.namespaces().filter(({ kind }) => kind === "overlay")) {
        const { links } = await readTables(namespace, signal);
        const inside = links.flatMap(({ vxlan }) => (vxlan === undefined ? [] : [vxlan.vni]));
        const told = seen.docker.inventory().networks.find(({ id }) => id === namespace.network?.id);
        assert.deepEqual(inside, told?.vnis);
      }
      assert.deepEqual(brief(await endpointsOf(seen)), [
        "container A1 veth",
        "container B1 veth",
        "load-balancer lb-testnet veth",
      ]);
      assert.deepEqual(brief(await endpointsOf(seen, "ingress")), ["ingress ingress-endpoint veth"]);
    } finally {
      await seen.close();
    }
  });
});
