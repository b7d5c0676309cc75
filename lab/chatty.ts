import { networkName, addressOf } from "./cluster.ts";
import { tools } from "./engines.ts";
import type { LabContext, LabHost } from "./host.ts";
import { entering, joining } from "./namespaces.ts";
import { launch } from "./process.ts";
import { containerName, inRange } from "./shape.ts";

export interface ChattyOptions {
  /** 1 unless told. */
  readonly host?: string | number | undefined;
  /** Each pings the next, the last one the first; the cluster's on that host unless told. */
  readonly containers?: readonly string[] | undefined;
  /** Of each container, 1 to 50; 20 unless told. */
  readonly pingsPerSecond?: string | number | undefined;
}

/**
 * Three processes for each container and no more: `ip` takes a line for every answer of `ping`, so that the next ping
 * has to ask by ARP again. Not `neigh del`: where there is no row it ends `ip`, `-force` or not. $1 is ping, $2 its pause, $3 the neighbour.
 */
const chatter = `device=$(ip -o route get "$3" | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')
"$1" ping -i "$2" -W 1 "$3" | while read -r answer; do echo "neigh flush to $3 dev $device"; done | ip -force -batch -`;

/**
 * The everyday life of a classic host: every container pings its next neighbour, and forgets its address before each
 * ping. Gives the containers.
 */
export async function startChatty(lab: LabContext, host: LabHost, options: ChattyOptions): Promise<readonly string[]> {
  const rate = inRange("rate", options.pingsPerSecond ?? 20, 1, 50);
  const ofCluster = Array.from({ length: lab.shape.containers }, (_, index) => containerName(index, host.number));
  const names = options.containers ?? ofCluster;
  if (names.length < 2) throw new Error(`chatter on ${host.name} needs two containers, there are ${names.length}`);
  const targets = await Promise.all(names.map(async (name) => addressOf(host, name)));
  for (const [index, name] of names.entries()) {
    await startOne(lab, host, name, [String(1 / rate), targets[(index + 1) % names.length] ?? ""]);
  }
  return names;
}

/** In the container's pid namespace too, as all traffic: it ends with the container. */
async function startOne(lab: LabContext, host: LabHost, name: string, args: readonly string[]): Promise<void> {
  const { State, NetworkSettings } = await host.inspect(name);
  if (!State.Running || NetworkSettings.Networks[networkName] === undefined)
    throw new Error(`container ${name} on ${host.name} does not run in ${networkName}`);
  const inside = ["nsenter", "-t", String(State.Pid), "-n", "-p", "--"];
  const shell = ["/bin/sh", "-c", chatter, "chatter", tools.busybox, ...args];
  launch(joining(lab.cgroup.join("traffic"), entering(host.pid, [...inside, ...shell])), lab.folder.log("traffic"));
}
