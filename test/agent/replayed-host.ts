import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type ScriptedDocker, scriptedDocker } from "../host/docker/scripted.ts";

const captured = z.object({
  containers: z.array(z.looseObject({ Id: z.string() })),
  networks: z.array(z.unknown()),
});

export interface ReplayedHost {
  readonly docker: ScriptedDocker;
  /** What makes the program watch this host. */
  readonly args: readonly string[];
  /** Lets the counters be those of another cycle of the case. */
  readonly turnTo: (cycle: number) => void;
  readonly remove: () => Promise<void>;
}

/** A host out of a golden case (`test/collectors/interfaces/cases`): its files below a folder, its engine on a real socket. */
export async function replayedHost(name: string, folder: string): Promise<ReplayedHost> {
  const cycles = join("test/collectors/interfaces/cases", name);
  const docker = await scriptedDocker();
  const { containers, networks } = captured.parse(JSON.parse(readFileSync(join(cycles, "1/docker.json"), "utf8")));
  for (const container of containers) docker.containers.set(container.Id, container);
  docker.networks.push(...networks);
  const root = join(folder, "root");
  const turnTo = (cycle: number) => overwrite(join(cycles, String(cycle), "proc"), join(root, "proc"));
  turnTo(1);
  mkdirSync(join(root, "proc/1/net"), { recursive: true });
  writeFileSync(join(root, "proc/1/net/dev"), "");
  const config = join(folder, "empty.yaml");
  writeFileSync(config, "");
  const here = ["--state-dir", join(folder, "state"), "--netns-dir", join(folder, "netns")];
  const args = ["--docker-socket", docker.socketPath, "--host-root", root, "--config", config, ...here];
  return { docker, args, turnTo, remove: docker.remove };
}

/** Files stay what they are: the inode of `net/dev` is what a namespace is known by. */
function overwrite(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const target = join(to, path.slice(from.length));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, readFileSync(path));
  }
}
