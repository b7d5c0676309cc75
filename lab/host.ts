import { existsSync, readFileSync, readdirSync } from "node:fs";
import { z } from "zod";
import { ask, demand, type ApiAnswer, type ApiOptions } from "./engine-api.ts";
import type { Engine } from "./engines.ts";
import type { LabCgroup } from "./cgroup.ts";
import type { LabFolder } from "./folder.ts";
import { startEngine, stopEngine, type StopOptions } from "./engine.ts";
import { entering, joining } from "./namespaces.ts";
import { pause, pinnedEnv, run, type Argv, type Finished, type ProcessId, type RunOptions } from "./process.ts";
import { hostName, vtepOf, type Shape } from "./shape.ts";

/** What all hosts of one lab have in common. */
export interface LabContext {
  readonly name: string;
  readonly shape: Shape;
  readonly engine: Engine;
  readonly cgroup: LabCgroup;
  readonly folder: LabFolder;
}

export interface ContainerOptions {
  /** A network's name; the engine's default bridge unless told. */
  readonly network?: string;
  /** What runs in it; unless told, a sleep without end. */
  readonly args?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** `host`, `none` or `container:NAME`, instead of a network. */
  readonly networkMode?: string;
  /** A fixed IPv4 address in `network`. */
  readonly ip?: string;
  readonly restart?: "no" | "always" | "unless-stopped";
}

const created = z.object({ Id: z.string() });
const inspected = z.object({
  Id: z.string(),
  State: z.object({ Pid: z.number(), Running: z.boolean() }),
  NetworkSettings: z.object({
    Networks: z.record(z.string(), z.object({ NetworkID: z.string(), IPAddress: z.string(), MacAddress: z.string() })),
  }),
});
export type Inspected = z.output<typeof inspected>;

/** A Docker host of the lab. `socket` and `netnsDir` are for use from the machine; on the host they are in /run. */
export class LabHost {
  readonly number: number;
  readonly name: string;
  readonly vtep: string;
  /** Its namespaces' holder: `nsenter -t PID -n -u -m` is "on that host". */
  readonly pid: number;
  readonly socket: string;
  readonly netnsDir: string;
  readonly #lab: LabContext;

  constructor(lab: LabContext, number: number, holder: ProcessId) {
    this.#lab = lab;
    this.number = number;
    this.name = hostName(number);
    this.vtep = vtepOf(number);
    this.pid = holder.pid;
    // /var/run is an absolute link, which would lead to the machine's own /run.
    this.socket = `/proc/${holder.pid}/root/run/docker.sock`;
    this.netnsDir = `/proc/${holder.pid}/root/run/docker/netns`;
  }

  /** How to run a program on this host, in the lab's cgroup; in `cwd` where the host has that folder. */
  argv(command: readonly string[], cwd = "/"): Argv {
    const inFolder = ["/bin/sh", "-c", 'cd "$1" 2>/dev/null || cd /; shift; exec "$@"', "sh", cwd, ...command];
    return joining(this.#lab.cgroup.join("exec"), entering(this.pid, inFolder));
  }

  /** `env` for programs on this host: its own engine's client is first on the PATH, and talks to its own engine. */
  environment(env: NodeJS.ProcessEnv = { ...pinnedEnv, PATH: `/usr/local/sbin:/usr/local/bin:${pinnedEnv["PATH"]}` }) {
    const { DOCKER_HOST: _host, DOCKER_CONTEXT: _context, ...rest } = env;
    return { ...rest, PATH: `${this.#lab.engine.path}:${env["PATH"] ?? pinnedEnv["PATH"]}` };
  }

  /** Runs a program on this host to its end. Throws where it can not start or is too slow, not for its exit code. */
  async exec(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const { env, cwd, ...rest } = options;
    return run(this.argv(command, cwd), { ...rest, env: this.environment(env) });
  }

  /** One request to this host's engine, whatever it answers. */
  async api(method: string, path: string, options: ApiOptions = {}): Promise<ApiAnswer> {
    return ask(this.socket, method, path, options);
  }

  /** As `api`, but an error status throws. Gives the parsed JSON. */
  async demand(method: string, path: string, options: ApiOptions = {}): Promise<unknown> {
    return demand(this.socket, method, path, options);
  }

  /**
   * Makes and starts a container of the lab's busybox image; gives its id. One that does not start is removed again. An
   * engine over a store now and then does not find a network of its own in it ("failed to get network from store"), and
   * does a moment later: it is asked three times.
   */
  async run(name: string, options: ContainerOptions = {}): Promise<string> {
    for (let tries = 1; ; tries++) {
      const body = containerBody(options);
      const answer = await this.demand("POST", `/containers/create?name=${encodeURIComponent(name)}`, { body });
      try {
        await this.start(name);
        return created.parse(answer).Id;
      } catch (error) {
        // A container that could not start would stand in the way of the next one of that name.
        await this.rm(name).catch(() => undefined);
        if (tries === 3 || !String(error).includes("network from store")) throw error;
        await pause(1000);
      }
    }
  }

  async start(name: string): Promise<void> {
    await this.demand("POST", `/containers/${encodeURIComponent(name)}/start`);
  }

  async stop(name: string): Promise<void> {
    await this.demand("POST", `/containers/${encodeURIComponent(name)}/stop`);
  }

  async restart(name: string): Promise<void> {
    await this.demand("POST", `/containers/${encodeURIComponent(name)}/restart`);
  }

  async rm(name: string): Promise<void> {
    await this.demand("DELETE", `/containers/${encodeURIComponent(name)}?force=true&v=true`);
  }

  async inspect(name: string): Promise<Inspected> {
    return inspected.parse(await this.demand("GET", `/containers/${encodeURIComponent(name)}/json`));
  }

  /** Runs a program inside a container's network namespace only, with the host's own files (so `ip` is there). */
  async inNetworkOf(container: string, command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const { State } = await this.inspect(container);
    if (!State.Running) throw new Error(`container ${container} on ${this.name} does not run`);
    return this.exec(["nsenter", `--net=/proc/${State.Pid}/ns/net`, "--", ...command], options);
  }

  /** Runs a program of the image inside a container, as `docker exec` does. */
  async inContainer(container: string, command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.exec(["docker", "exec", container, ...command], options);
  }

  /** The namespace of an overlay network on this host, as a path for use from the machine; undefined before first use. */
  overlayNamespace(networkId: string): string | undefined {
    if (!existsSync(this.netnsDir)) return undefined;
    const epochs = readdirSync(this.netnsDir).flatMap((file) => {
      const [, epoch, id] = /^(\d+)-([0-9a-z]+)$/.exec(file) ?? [];
      return epoch !== undefined && id !== undefined && networkId.startsWith(id)
        ? [{ file, epoch: Number(epoch) }]
        : [];
    });
    const newest = epochs.sort((a, b) => b.epoch - a.epoch)[0];
    return newest && `${this.netnsDir}/${newest.file}`;
  }

  /** Starts dockerd and waits until it answers. */
  async startEngine(signal?: AbortSignal): Promise<void> {
    await startEngine(this.#lab, this, signal);
  }

  /** Ends dockerd; its containers end with it, unless it is killed. */
  async stopEngine(options: StopOptions = {}): Promise<void> {
    await stopEngine(this.#lab, this, options);
  }

  /** An engine that was started within the last minute is let alone by what nobody watches: this one is older, by its file. */
  async settle(): Promise<void> {
    await this.exec(["touch", "-d", "10 minutes ago", "/run/docker.pid"]);
  }

  /** dockerd's own log so far. */
  engineLog(): string {
    return readFileSync(this.#lab.folder.log(`${this.name}-dockerd`), "utf8");
  }
}

function containerBody(options: ContainerOptions) {
  const { network, args, labels, env = {}, networkMode, ip, restart } = options;
  const endpoint = ip === undefined ? {} : { IPAMConfig: { IPv4Address: ip } };
  return {
    Image: "lab:1",
    Cmd: args ?? ["/bin/sleep", "1000000"],
    Labels: labels ?? {},
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    // A first process gets no signal that it does not handle: a polite stop would take 10 s.
    StopSignal: "SIGKILL",
    HostConfig: { NetworkMode: networkMode ?? network ?? "default", RestartPolicy: { Name: restart ?? "no" } },
    ...(network !== undefined && { NetworkingConfig: { EndpointsConfig: { [network]: endpoint } } }),
  };
}
