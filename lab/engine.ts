import { existsSync, readdirSync, readFileSync } from "node:fs";
import { kill } from "node:process";
import { ask } from "./engine-api.ts";
import type { LabContext } from "./host.ts";
import { entering, joining } from "./namespaces.ts";
import { identify, isListed, launch, pinnedEnv, until, type ProcessId } from "./process.ts";
import { underlayAddress } from "./shape.ts";

export interface StopOptions {
  /** SIGTERM unless told; after SIGKILL the containers stay until dockerd is started again. */
  readonly signal?: "SIGTERM" | "SIGKILL";
  /** Milliseconds until the call fails; 30 000 unless told. */
  readonly timeout?: number;
}

interface EngineHost {
  readonly name: string;
  readonly vtep: string;
  readonly pid: number;
  readonly socket: string;
}

/** Starts dockerd on the host and waits until it answers. Throws with the end of its log where it does not. */
export async function startEngine(lab: LabContext, host: EngineHost, signal?: AbortSignal): Promise<void> {
  if (engineProcess(host)) throw new Error(`dockerd runs on ${host.name} already`);
  const log = lab.folder.log(`${host.name}-dockerd`);
  const env = { ...pinnedEnv, PATH: `${lab.engine.path}:${pinnedEnv["PATH"]}` };
  // Below the group of the lab's other processes: version 2 allows no processes beside child groups with controllers.
  const argv = joining(lab.cgroup.join("engines"), entering(host.pid, ["dockerd", ...engineOptions(lab, host)]));
  const child = launch(argv, log, env);
  let ended = false;
  child.once("error", () => (ended = true));
  child.once("exit", () => (ended = true));
  const failed = (what: string) => new Error(`dockerd on ${host.name} ${what}; the end of ${log}:\n${logTail(log)}`);
  await until(
    async () => {
      if (ended) throw failed("ended at once");
      return (await answers(host.socket)) || undefined;
    },
    30_000,
    () => failed("does not answer after 30 s"),
    signal,
  );
}

/** Ends dockerd and waits until it is gone. */
export async function stopEngine(lab: LabContext, host: EngineHost, options: StopOptions): Promise<void> {
  const engine = engineProcess(host);
  if (!engine) throw new Error(`no dockerd runs on ${host.name}`);
  if (!lab.cgroup.pids("engines").includes(engine.pid)) {
    throw new Error(`process ${engine.pid}, dockerd of ${host.name} by its pid file, is not one of lab ${lab.name}`);
  }
  // Its containerd dies with it. A new dockerd refuses to start while the number in either pid file is in /proc.
  const family = [engine, ...childrenOf(engine.pid)];
  kill(engine.pid, options.signal ?? "SIGTERM");
  const { timeout = 30_000 } = options;
  const left = () => family.filter(isListed).map((one) => one.pid);
  await until(
    () => left().length === 0 || undefined,
    timeout,
    () => new Error(`dockerd of ${host.name}: processes ${left().join(" ")} have not ended after ${timeout} ms`),
  );
}

/** True where the engine answers a ping now. */
export async function answers(socket: string): Promise<boolean> {
  try {
    return (await ask(socket, "GET", "/_ping", { timeout: 2_000 })).status === 200;
  } catch {
    return false;
  }
}

/** What of a log explains a failure: its last errors, or simply its end. */
export function logTail(file: string, lines = 12): string {
  const all = readLines(file);
  const errors = all.filter((line) => /level=(fatal|error)|^failed |panic:/.test(line));
  return [...errors.slice(-4), "...", ...all.slice(-lines)].join("\n");
}

function engineProcess(host: EngineHost): ProcessId | undefined {
  const text = readLines(`/proc/${host.pid}/root/run/docker.pid`)[0] ?? "";
  const pid = Number(text);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return readLines(`/proc/${pid}/comm`)[0] === "dockerd" ? identify(pid) : undefined;
}

/** Of all its threads: each is the parent of what it has started (proc(5), /proc/pid/task/tid/children). */
function childrenOf(pid: number): ProcessId[] {
  const threads = existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : [];
  const lists = threads.map((thread) => readLines(`/proc/${pid}/task/${thread}/children`)[0] ?? "");
  const pids = lists.flatMap((list) => list.split(" ").filter(Boolean));
  return pids.flatMap((child) => identify(Number(child)) ?? []);
}

function engineOptions(lab: LabContext, host: EngineHost): string[] {
  const common = [
    "--cgroup-parent",
    lab.cgroup.containers,
    "--exec-opt",
    "native.cgroupdriver=cgroupfs",
    "--storage-driver",
    "overlay2",
  ];
  if (lab.shape.driver === "swarm") return common;
  const store = ["--cluster-store", `etcd://${underlayAddress}:2379`, "--cluster-advertise", `${host.vtep}:2376`];
  return [...common, ...store];
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}
