import { readFileSync } from "node:fs";
import { z } from "zod";
import { tools, type Log } from "./engines.ts";
import type { LabHost } from "./host.ts";
import { pause } from "./process.ts";
import { containerName, type Shape } from "./shape.ts";

export const networkName = "testnet";
const subnet = "10.0.0.0/24";

/** Image, overlay network and containers on engines that answer; returns when every host reaches every other one. */
export async function populate(hosts: readonly LabHost[], shape: Shape, log: Log, signal: AbortSignal): Promise<void> {
  const first = hosts[0];
  if (!first) return;
  await Promise.all(hosts.map(async (host) => importImage(host)));
  if (shape.driver === "swarm") await formSwarm(first, hosts.slice(1));
  log(`network ${networkName} ${subnet}, ${shape.containers * hosts.length} containers`);
  await createNetwork(first, shape);
  for (const host of hosts) {
    await networkSeen(host, signal);
    // One after the other: addresses are given in the order of the starts, and so are always the same.
    for (let index = 0; index < shape.containers; index++) {
      signal.throwIfAborted();
      await host.run(containerName(index, host.number), { network: networkName, restart: "always" });
    }
  }
  if (shape.containers > 0) await allReached(hosts, signal);
}

/** Percent of lost pings from one container to an address, with the machine's own probe: 0 to 100. */
export async function loss(host: LabHost, from: string, to: string, count = 10): Promise<number> {
  const ping = [tools.busybox, "ping", "-q", "-c", String(count), "-i", "0.1", "-W", "1", to];
  const { stdout, stderr } = await host.inNetworkOf(from, ping);
  const [, percent] = /(\d+)% packet loss/.exec(stdout) ?? [];
  if (percent === undefined) throw new Error(`ping from ${from} to ${to} said no loss: ${stdout}${stderr}`);
  return Number(percent);
}

/** The container's IPv4 address in the lab's network. */
export async function addressOf(host: LabHost, container: string): Promise<string> {
  return (await endpointOf(host, container)).IPAddress;
}

/** Address, MAC and network id of a container in the lab's network. */
export async function endpointOf(host: LabHost, container: string) {
  const endpoint = (await host.inspect(container)).NetworkSettings.Networks[networkName];
  if (!endpoint) throw new Error(`container ${container} on ${host.name} is not in the network ${networkName}`);
  return endpoint;
}

async function importImage(host: LabHost): Promise<void> {
  const path = "/images/create?fromSrc=-&repo=lab&tag=1";
  const { status, text } = await host.api("POST", path, { body: readFileSync(tools.image) });
  // Failures come inside a stream that began with 200.
  if (status !== 200 || text.includes('"error"')) throw new Error(`import of the image on ${host.name}: ${text}`);
}

const swarmSchema = z.object({ JoinTokens: z.object({ Worker: z.string() }) });

async function formSwarm(manager: LabHost, workers: readonly LabHost[]): Promise<void> {
  // Its default pool, 10.0.0.0/8, gives the lab's own subnet to the ingress network.
  const pool = { DefaultAddrPool: ["10.255.0.0/16"], SubnetSize: 24 };
  await manager.demand("POST", "/swarm/init", { body: { ...swarmAddress(manager), ...pool } });
  const { JoinTokens } = swarmSchema.parse(await manager.demand("GET", "/swarm"));
  const join = { RemoteAddrs: [`${manager.vtep}:2377`], JoinToken: JoinTokens.Worker };
  await Promise.all(
    workers.map(async (host) =>
      host.demand("POST", "/swarm/join", { body: { ...swarmAddress(host), ...join }, timeout: 60_000 }),
    ),
  );
}

const swarmAddress = (host: LabHost) => ({ ListenAddr: "0.0.0.0:2377", AdvertiseAddr: host.vtep });

async function createNetwork(host: LabHost, shape: Shape): Promise<void> {
  const ipam = { Driver: "default", Config: [{ Subnet: subnet }] };
  const body = { Name: networkName, Driver: "overlay", Attachable: shape.driver === "swarm", IPAM: ipam };
  await host.demand("POST", "/networks/create", { body });
}

/** A swarm worker is told of a network only when a container asks for it; a classic engine hears of it from the store. */
async function networkSeen(host: LabHost, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    signal.throwIfAborted();
    if ((await host.api("GET", `/networks/${networkName}`)).status === 200) return;
    const info = z.object({ Swarm: z.object({ LocalNodeState: z.string() }) }).parse(await host.demand("GET", "/info"));
    if (info.Swarm.LocalNodeState === "active") return;
    await pause(50);
  }
  throw new Error(`${host.name} does not see the network ${networkName} after 5 s`);
}

/** Gossip between the engines takes a moment: the first answer may be late, then there must be one. */
async function allReached(hosts: readonly LabHost[], signal: AbortSignal): Promise<void> {
  for (const [index, host] of hosts.entries()) {
    const other = hosts[(index + 1) % hosts.length] ?? host;
    if (other === host) continue;
    const [from, to] = [containerName(0, host.number), containerName(0, other.number)];
    const address = await addressOf(other, to);
    for (let attempt = 0; (await loss(host, from, address, 1)) > 0; attempt++) {
      signal.throwIfAborted();
      if (attempt >= 30) throw new Error(`${from} on ${host.name} does not reach ${to} (${address}) on ${other.name}`);
      await pause(100);
    }
  }
}
