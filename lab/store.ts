import { existsSync, readdirSync, readFileSync } from "node:fs";
import { logTail } from "./engine.ts";
import { type Log, provide, sourceOf, tools } from "./engines.ts";
import { labRoot } from "./folder.ts";
import type { LabContext } from "./host.ts";
import { entering, joining, listens } from "./namespaces.ts";
import { type Argv, identify, isAlive, launch, must, type ProcessId, until } from "./process.ts";
import { underlayAddress } from "./shape.ts";

/**
 * A store that can be started in a lab. The engines keep their cluster in etcd, as these can in nothing else: Debian builds
 * 20.10 without Consul; and over ZooKeeper libnetwork finds no endpoint count of a network (libkv gives it a node's name for
 * its key) and panics at the first container. The other two are for what reads a store.
 */
export type StoreName = "etcd" | "zookeeper" | "consul";

const ports: Readonly<Record<StoreName, number>> = { etcd: 2379, zookeeper: 2181, consul: 8500 };

/** `HOST:PORT`, on the network between a lab's hosts. */
export const storeServer = (store: StoreName): string => `${underlayAddress}:${ports[store]}`;

const placeOf = (store: StoreName): string => `${labRoot}/stores/${store}`;

/** Brings a store; at once where it is there. etcd is among the tools of every lab. */
export async function provideStore(store: StoreName, log: Log): Promise<void> {
  const filled = { zookeeper: fillZookeeper, consul: fillConsul };
  if (store === "etcd" || existsSync(placeOf(store))) return;
  await provide(placeOf(store), log, async (target, downloads) => filled[store](target, downloads, log));
}

async function fillZookeeper(target: string, downloads: string, log: Log): Promise<void> {
  const source = await sourceOf("bookworm", `${downloads}.apt`, log);
  await source.unpack(["openjdk-17-jre-headless", ...jars.map(({ from }) => from)], downloads, target);
  // Java's own files lead to /etc, where an installed one has them.
  const relink =
    'find usr/lib/jvm -lname "/etc/*" | while read -r link; do ln -sfrn ".$(readlink "$link")" "$link"; done';
  await must(["/bin/sh", "-euc", `cd "$1"; ${relink}`, "relink", target]);
  log((await must([...java(target), "--version"])).trim());
}

/** The last one that Debian had. */
async function fillConsul(target: string, downloads: string, log: Log): Promise<void> {
  const source = await sourceOf("bullseye", `${downloads}.apt`, log);
  await source.unpack(["consul"], downloads, target);
  log((await must([`${target}/usr/bin/consul`, "version"])).trim());
}

/** Of what ZooKeeper's packages depend on, what its server loads. */
const jars = [
  { from: "libzookeeper-java", names: ["zookeeper", "zookeeper-jute"] },
  { from: "libslf4j-java", names: ["slf4j-api", "slf4j-simple"] },
  { from: "libdropwizard-metrics-java", names: ["metrics-core"] },
  { from: "libsnappy-java", names: ["snappy-java"] },
] as const;

function java(place: string): Argv {
  const [folder = ""] = readdirSync(`${place}/usr/lib/jvm`).filter((name) => name.startsWith("java-17-"));
  return [`${place}/usr/lib/jvm/${folder}/bin/java`, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
}

/** Of the lab's processes. */
const groupOf = (store: StoreName): string => `store-${store}`;

/** Ends it at once; what it holds is there when it is started again. */
export function stopStore({ cgroup }: LabContext, store: StoreName): void {
  cgroup.kill(groupOf(store));
}

interface StoreProgram {
  readonly argv: () => Argv;
  /** What its log says when it may be asked; it listens before that. */
  readonly says?: RegExp;
}

const programs: Readonly<Record<StoreName, StoreProgram>> = {
  // Version 2 of etcd's API, which these engines speak.
  etcd: {
    argv: () => {
      const clients = `http://${storeServer("etcd")}`;
      const options = ["--enable-v2", "--data-dir", "/run/etcd", "--listen-peer-urls", "http://127.0.0.1:2380"];
      return [tools.etcd, ...options, "--listen-client-urls", clients, "--advertise-client-urls", clients];
    },
  },
  zookeeper: {
    argv: () => {
      const place = placeOf("zookeeper");
      const path = jars.flatMap(({ names }) => names.map((name) => `${place}/usr/share/java/${name}.jar`)).join(":");
      const server = ["-Dzookeeper.admin.enableServer=false", "org.apache.zookeeper.server.ZooKeeperServerMain"];
      return [...java(place), "-cp", path, ...server, String(ports.zookeeper), "/run/zookeeper"];
    },
    says: /PrepRequestProcessor \(.*\) started/u,
  },
  consul: {
    argv: () => {
      const addresses = ["-bind", underlayAddress, "-client", underlayAddress];
      return [
        `${placeOf("consul")}/usr/bin/consul`,
        "agent",
        "-server",
        "-bootstrap",
        "-data-dir",
        "/run/consul",
        ...addresses,
      ];
    },
    says: /cluster leadership acquired/u,
  },
};

/** Starts a store in the namespace between a lab's hosts, and waits until it may be asked. */
export async function startStore(
  { cgroup, folder }: LabContext,
  underlay: ProcessId,
  store: StoreName,
  signal?: AbortSignal,
): Promise<void> {
  const { argv, says } = programs[store];
  const log = folder.log(store);
  const child = launch(joining(cgroup.join(groupOf(store)), entering(underlay.pid, argv())), log);
  const started = child.pid === undefined ? undefined : identify(child.pid);
  const failed = (what: string) => new Error(`${store} ${what}; the end of ${log}:\n${logTail(log)}`);
  await until(
    () => {
      if (!started || !isAlive(started)) throw failed("ended at once");
      const isReady = listens(underlay.pid, ports[store]) && says?.test(readFileSync(log, "utf8")) !== false;
      return isReady || undefined;
    },
    15_000,
    () => failed("may not be asked after 15 s"),
    signal,
  );
}
