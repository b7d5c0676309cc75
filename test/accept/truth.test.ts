import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { z } from "zod";
import { endpointOf } from "../../lab/cluster.ts";
import { tools } from "../../lab/engines.ts";
import type { LabHost } from "../../lab/host.ts";
import { must, run } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { needs } from "../needs.ts";
import { grows } from "./compare.ts";
import { Delivered } from "./delivered.ts";
import { type Counters, inside, kernelCounters, lifeOf, same } from "./kernel.ts";
import { figure, sized } from "./length.ts";
import { endAll, onHost, type Program } from "./program.ts";

const megabytes = sized(20, 3);

describe("accept: truth", function () {
  this.timeout(120_000);
  const lab = useLab();
  let delivered: Delivered;
  let agent: Program;
  const one = () => lab().host(1);

  before("agent", async () => {
    delivered = await Delivered.open(lab());
    agent = onHost(one(), ["run", "interfaces"], delivered.settings);
    await delivered.next(1);
  });
  after("agent", async () => {
    assert.equal((await agent.stop()).code, 0, agent.err());
    endAll();
    await delivered.close();
  });

  it(`check --raw is what ip -s -j link says, and ${megabytes} MB to a local and from a remote container are delivered, off by 0`, async () => {
    const grown = await grows(one(), ["A1", "B1"], delivered, async () => {
      await send(one(), "A1", one(), "B1", megabytes);
      await send(lab().host(2), "A2", one(), "A1", megabytes);
      await must([...inside(await lifeOf(one(), "B1")), tools.busybox, "ping", "-c", "3", "-i", "0.2", "127.0.0.1"]);
    });
    const value = (container: string, key: string) => grown.get(container)?.get(key) ?? 0;
    for (const [container, key] of [
      ["A1", "eth0|testnet|net.bytes_sent"],
      ["B1", "eth0|testnet|net.bytes_rcvd"],
      ["A1", "eth0|testnet|net.bytes_rcvd"],
    ] as const) {
      assert.ok(value(container, key) > megabytes * 2 ** 20, `${container} ${key}: ${value(container, key)}`);
      figure(`${container} ${key}: kernel ${value(container, key)}, delivered the same`);
    }
    assert.equal(value("B1", "lo|loopback|net.packets_rcvd"), 6);
    const compared = await rawIsKernel(one());
    figure(`check --raw: ${compared} counters equal to ip -s -j link`);
  });

  it("drops that really happened show, off by 0", async function () {
    needs(this, "python3", existsSync("/usr/bin/python3"));
    const { IPAddress, MacAddress, NetworkID } = await endpointOf(one(), "B1");
    const overlay = one().overlayNamespace(NetworkID)!;
    const peer = await peerOf(one(), "A1");
    const inOverlay = ["/usr/bin/nsenter", `--net=${overlay}`, "ip", "link", "set", peer, "mtu"] as const;
    const burst = async () => run([...inside(await lifeOf(one(), "A1")), tools.busybox, "ping", ...flood, IPAddress]);

    const sent = await grows(one(), ["A1", "B1"], delivered, async () => {
      await must([...inOverlay, "500"]);
      await burst();
      await must([...inOverlay, "1450"]);
    });
    assert.equal(sent.get("A1")?.get("eth0|testnet|net.drops_sent"), 50);

    const received = await grows(one(), ["A1", "B1"], delivered, async () => {
      await must([...inside(await lifeOf(one(), "B1")), "ip", "link", "set", "eth0", "mtu", "500"]);
      await burst();
      await must([...inside(await lifeOf(one(), "B1")), "ip", "link", "set", "eth0", "mtu", "1450"]);
    });
    assert.equal(received.get("B1")?.get("eth0|testnet|net.drops_rcvd"), 50);

    const strange = await grows(one(), ["A1", "B1"], delivered, async () => {
      await must([...inside(await lifeOf(one(), "A1")), "/usr/bin/python3", "-c", frames, MacAddress]);
    });
    assert.equal(strange.get("B1")?.get("eth0|testnet|net.drops_rcvd"), 100);
    figure("tx drops by a veth peer's MTU +50, rx drops by the own MTU +50, rx drops by ethertype 0x88b5 +100: exact");
  });

  it("an interface that loses its IPv4 for a while is not counted twice", async () => {
    await grows(one(), ["A1", "B1"], delivered, async () => {
      const within = inside(await lifeOf(one(), "B1"));
      const ping = async () => run([...within, tools.busybox, "ping", ...flood, "127.0.0.1"]);
      await ping();
      await delivered.next(2);
      // Below 68 the kernel takes IPv4 off a device, and with it its line in /proc/net/igmp, where its index stands.
      await must([...within, "ip", "link", "set", "lo", "mtu", "60"]);
      await delivered.next(3);
      await must([...within, "ip", "link", "set", "lo", "mtu", "65536"]);
      await must([...within, "ip", "address", "replace", "127.0.0.1/8", "dev", "lo"]);
      await delivered.next(3);
      await ping();
    });
  });
});

const flood = ["-q", "-c", "50", "-i", "0.01", "-W", "1", "-s", "1000"] as const;

/** 100 frames of an ethertype that nobody takes. */
const frames = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
to = bytes.fromhex(sys.argv[1].replace(":", ""))
for i in range(100):
    s.send(to + s.getsockname()[4] + b"\\x88\\xb5" + bytes(100))
`;

/** Name of the other end of the container's eth0, inside the overlay's namespace. */
async function peerOf(host: LabHost, container: string): Promise<string> {
  const { NetworkID } = await endpointOf(host, container);
  const link = z.array(z.object({ link_index: z.number() }));
  const eth0 = await must([...inside(await lifeOf(host, container)), "ip", "-j", "link", "show", "eth0"]);
  const [{ link_index: index } = { link_index: 0 }] = link.parse(JSON.parse(eth0));
  const all = await must(["/usr/bin/nsenter", `--net=${host.overlayNamespace(NetworkID)!}`, "ip", "-j", "link"]);
  const named = z.array(z.object({ ifindex: z.number(), ifname: z.string() })).parse(JSON.parse(all));
  return named.find(({ ifindex }) => ifindex === index)!.ifname;
}

/** Megabytes over the overlay, by the containers' own busybox; returns when all have arrived. */
async function send(from: LabHost, sender: string, to: LabHost, receiver: string, mb: number): Promise<void> {
  const { IPAddress } = await endpointOf(to, receiver);
  const listening = to.inContainer(receiver, ["sh", "-c", "nc -l -p 5000 | wc -c"], { timeout: 60_000 });
  const script = `until nc ${IPAddress} 5000 -e dd if=/dev/zero bs=65536 count=${mb * 16}; do sleep 0.1; done`;
  await from.inContainer(sender, ["sh", "-c", script], { timeout: 60_000 });
  assert.equal((await listening).stdout.trim(), String(mb * 2 ** 20));
}

const printed = z.array(
  z.object({
    metric: z.string(),
    type: z.literal("count"),
    value: z.number(),
    tags: z.object({ container_name: z.string(), interface: z.string(), docker_network: z.string() }),
  }),
);

/** Number of counters compared; read again where one of them moved meanwhile. */
async function rawIsKernel(host: LabHost): Promise<number> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = await allCounters(host);
    const program = onHost(host, ["check", "interfaces", "--raw", "--json"]);
    assert.equal(await program.ended, 0, program.err());
    if (!same(before, await allCounters(host))) continue;
    const raw = printed.parse(JSON.parse(program.out()));
    const told = raw.map(({ metric, value, tags }): [string, number] => [
      `${tags.container_name} ${tags.interface}|${tags.docker_network}|${metric.replace("overlaywatch.", "")}`,
      value,
    ]);
    assert.deepEqual(Object.fromEntries(told), Object.fromEntries(before));
    assert.equal(told.length, before.size);
    return before.size;
  }
  throw new Error("the counters do not come to rest");
}

async function allCounters(host: LabHost): Promise<Counters> {
  const all = new Map<string, number>();
  for (const container of ["A1", "B1"]) {
    for (const [key, value] of await kernelCounters(host, container)) all.set(`${container} ${key}`, value);
  }
  return all;
}
