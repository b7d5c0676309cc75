import { spawn } from "node:child_process";
import { once } from "node:events";
import { liveClock } from "../../../host/clock.ts";
import type { Container, Inventory, Network } from "../../../host/docker/inventory.ts";
import { procfs } from "../../../host/procfs.ts";
import type { JournalEntry } from "../../../host/journald/entry-text.ts";
import { watchOverlays } from "../../../overlay/watch.ts";
import { type Entry, readEntry } from "../../../pipelines/entry.ts";
import { type RecorderOptions, startRecorder } from "../../../pipelines/record/recorder.ts";
import { namespaceFolder } from "../../host/netns/stage.ts";

export const netns = "1-abcdef0123";
const networkId = "abcdef0123456789".repeat(4);

export const network: Network = {
  id: networkId,
  name: "net1",
  driver: "overlay",
  scope: "global",
  subnets: [],
  vnis: [],
};

/** A running container of this very process, so that it lives. */
export function container(name: string, mac: string): Container {
  const attachment = { name: "net1", networkId, ipv4: "", ipv6: "", mac };
  return {
    id: name.padEnd(64, "0"),
    name,
    image: "busybox",
    pid: process.pid,
    startedAt: 0,
    networkMode: "net1",
    labels: {},
    env: {},
    attachments: [attachment],
  };
}

/** A folder of namespaces with overlays made by `ip`, a Docker of our own making, and a journal in memory. */
export function recordStage() {
  const folder = namespaceFolder();
  const listeners = new Set<(inventory: Inventory) => void>();
  let inventory: Inventory = { state: "live", asOf: 0, revision: 1, containers: [], networks: [network] };
  const entries: Entry[] = [];
  const log: string[] = [];
  const journal = {
    takes: true,
    write: ({ message, fields }: JournalEntry): boolean => {
      if (journal.takes) entries.push(readEntry((name) => (name === "MESSAGE" ? message : fields[name])));
      return journal.takes;
    },
  };
  const docker = {
    inventory: () => inventory,
    onChange: (listener: (inventory: Inventory) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const say = (level: string, message: string): void => void log.push(`${level} ${message}`);
  const ends: (() => Promise<void>)[] = [];
  return {
    folder,
    entries,
    log,
    journal,
    docker: {
      get: () => inventory,
      set: (change: Partial<Inventory>): void => {
        inventory = { ...inventory, ...change, revision: inventory.revision + 1 };
        for (const listener of listeners) listener(inventory);
      },
    },
    /** br0, vxlan0 and veth0, veth1 whose other ends are in the namespace too. */
    overlay: (name = netns): void => {
      folder.make(name);
      const commands = [
        "link add br0 type bridge",
        "link add vxlan0 type vxlan id 256 dstport 4789 proxy l2miss l3miss learning",
        "link add veth0 type veth peer name peer0",
        "link add veth1 type veth peer name peer1",
        ...["vxlan0", "veth0", "veth1"].map((port) => `link set ${port} master br0`),
        ...["br0", "vxlan0", "veth0", "veth1", "peer0", "peer1"].map((link) => `link set ${link} up`),
        "addr add 10.0.0.1/24 dev br0",
      ];
      folder.run(name, ["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
      folder.run(name, ["ip", "-batch", "-"], `${commands.join("\n")}\n`);
    },
    bridge: (commands: readonly string[], name = netns): void =>
      void folder.run(name, ["bridge", "-batch", "-"], `${commands.join("\n")}\n`),
    /** As fast as the kernel takes them, while this process goes on. */
    storm: async (commands: readonly string[]): Promise<void> => {
      const child = spawn("nsenter", [`--net=${folder.path(netns)}`, "--", "bridge", "-batch", "-"], {
        stdio: ["pipe", "ignore", "inherit"],
      });
      child.stdin.end(`${commands.join("\n")}\n`);
      await once(child, "exit");
    },
    start: (options: Partial<RecorderOptions> = {}) => {
      const overlays = watchOverlays({ netnsDir: folder.dir, docker, log: say });
      const recorder = startRecorder({
        overlays,
        docker,
        proc: procfs(),
        journal,
        clock: liveClock,
        host: "host1",
        previous: async () => undefined,
        log: say,
        ...options,
      });
      ends.push(async () => {
        await recorder.close();
        overlays.close();
      });
      return recorder;
    },
    clear: async (): Promise<void> => {
      await Promise.all(ends.map(async (end) => end()));
      folder.clear();
    },
  };
}
