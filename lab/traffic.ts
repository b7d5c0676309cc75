import { addressOf, networkName } from "./cluster.ts";
import { tools } from "./engines.ts";
import type { LabContext, LabHost } from "./host.ts";
import { entering, joining } from "./namespaces.ts";
import { launch } from "./process.ts";
import { containerName } from "./shape.ts";

/** What one container's interface in one network should show, in each direction, a second. */
export interface ExpectedRate {
  readonly host: string;
  readonly container: string;
  readonly network: string;
  readonly packets: number;
  readonly bytes: number;
}

const payload = 1000;
const pingsPerSecond = 2;
/** Payload + ICMP + IPv4 + Ethernet headers: interface counters include the last. */
const frame = payload + 8 + 20 + 14;

interface Flow {
  readonly from: string;
  readonly to: string;
  readonly target: string;
  readonly network: string;
}

/**
 * Steady pings: every container to its next neighbour on the host, to its like on the next host and to its gateway.
 * Begins anew where it runs already, so that restarted containers are in it again.
 */
export async function startTraffic(lab: LabContext, hosts: readonly LabHost[]): Promise<ExpectedRate[]> {
  stopTraffic(lab);
  const flows = await Promise.all(hosts.map(async (host, index) => flowsOf(lab, hosts, host, index)));
  for (const [index, host] of hosts.entries()) {
    for (const flow of flows[index] ?? []) await startFlow(lab, host, flow);
  }
  return expectedRates(hosts, flows);
}

/** As steady, between these containers alone; begins anew as well. */
export async function startPings(
  lab: LabContext,
  hosts: readonly LabHost[],
  pairs: readonly (readonly [from: string, to: string])[],
): Promise<void> {
  stopTraffic(lab);
  const owner = (container: string): LabHost => {
    const host = hosts[Number(container.slice(1)) - 1];
    if (host === undefined) throw new Error(`no host of the lab has a container ${container}`);
    return host;
  };
  for (const [from, to] of pairs) await startFlow(lab, owner(from), await overlayFlow(from, owner(to), to));
}

export function stopTraffic(lab: LabContext): void {
  lab.cgroup.kill("traffic");
}

/** Each ping is one frame out and its answer one in; a container answers as many as are sent to it. */
function expectedRates(hosts: readonly LabHost[], flows: readonly (readonly Flow[])[]): ExpectedRate[] {
  const all = flows.flat();
  return hosts.flatMap((host, index) => {
    const names = [...new Set((flows[index] ?? []).map((flow) => flow.from))];
    return names.flatMap((container) =>
      [networkName, "docker_gwbridge"].map((network) => {
        const mine = all.filter((flow) => flow.network === network);
        const ends =
          mine.filter((flow) => flow.from === container).length + mine.filter((f) => f.to === container).length;
        const packets = ends * pingsPerSecond;
        return { host: host.name, container, network, packets, bytes: packets * frame };
      }),
    );
  });
}

async function flowsOf(lab: LabContext, hosts: readonly LabHost[], host: LabHost, index: number): Promise<Flow[]> {
  const count = lab.shape.containers;
  const next = hosts[(index + 1) % hosts.length] ?? host;
  const flows: Flow[] = [];
  for (let i = 0; i < count; i++) {
    const from = containerName(i, host.number);
    const neighbour = containerName((i + 1) % count, host.number);
    const like = containerName(i, next.number);
    if (neighbour !== from) flows.push(await overlayFlow(from, host, neighbour));
    if (next !== host) flows.push(await overlayFlow(from, next, like));
    const target = await gatewayOf(host, from);
    if (target !== undefined) flows.push({ from, to: "gateway", target, network: "docker_gwbridge" });
  }
  return flows;
}

async function overlayFlow(from: string, host: LabHost, to: string): Promise<Flow> {
  return { from, to, target: await addressOf(host, to), network: networkName };
}

async function gatewayOf(host: LabHost, container: string): Promise<string | undefined> {
  const { stdout } = await host.inNetworkOf(container, ["ip", "-o", "route", "show", "default"]);
  return /^default via (\S+)/.exec(stdout)?.[1];
}

/** In the container's pid namespace too: it ends with the container and does not keep its network namespace alive. */
async function startFlow(lab: LabContext, host: LabHost, flow: Flow): Promise<void> {
  const { State } = await host.inspect(flow.from);
  const inside = ["nsenter", "-t", String(State.Pid), "-n", "-p", "--"];
  const ping = [tools.busybox, "ping", "-q", "-s", String(payload), "-i", String(1 / pingsPerSecond), flow.target];
  const argv = joining(lab.cgroup.join("traffic"), entering(host.pid, [...inside, ...ping]));
  launch(argv, lab.folder.log("traffic"));
}
