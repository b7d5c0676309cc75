import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readContainer } from "./docker/container.ts";
import { emptyInventory, type Inventory } from "./docker/inventory.ts";
import { readNetworks } from "./docker/network.ts";
import { type Clock, type DockerView, type Host, NotAvailable, type ProcessHandle, type Procfs } from "./host.ts";

/** The fixture was asked for something that it does not have: the test, not the machine, is wrong. */
class FixtureError extends Error {
  override readonly name = "FixtureError";
}

/**
 * A machine in a folder: `docker.json` as `{containers: [inspect answers], networks: [...]}`, `proc/PID/...` as the
 * kernel has it, `proc/host/...` for the host's own namespace, `proc/PID/net/dev.inode` for an inode number. A folder
 * `proc/PID.gone` is a process that is no more. What is missing otherwise is refused loudly, never taken for absent.
 */
export function fixtureHost(folder: string, clock: Clock): Host {
  return { proc: fixtureProcfs(folder), docker: fixtureDocker(folder), clock };
}

function fixtureProcfs(folder: string): Procfs {
  const open = (name: string, pid: number): ProcessHandle => {
    const below = join(folder, "proc", name);
    if (existsSync(`${below}.gone`)) throw new NotAvailable(`process ${name} is gone`);
    if (!existsSync(below)) throw new FixtureError(`the fixture ${folder} has no process ${name}`);
    return {
      pid,
      text: (path) => need(folder, join(below, path)),
      inode: (path) => Number(need(folder, join(below, `${path}.inode`)).trim()),
      close: () => undefined,
    };
  };
  return { open: (pid) => open(String(pid), pid), host: () => open("host", 0) };
}

function need(folder: string, path: string): string {
  if (existsSync(`${path}.gone`)) throw new NotAvailable(`${path} is gone`);
  if (!existsSync(path)) throw new FixtureError(`the fixture ${folder} has no ${path.slice(folder.length + 1)}`);
  return readFileSync(path, "utf8");
}

function fixtureDocker(folder: string): DockerView {
  const path = join(folder, "docker.json");
  if (existsSync(`${path}.gone`)) return { inventory: () => ({ ...emptyInventory, error: "Docker is not there" }) };
  const answer: unknown = JSON.parse(need(folder, path));
  if (
    typeof answer !== "object" ||
    answer === null ||
    !("containers" in answer) ||
    !("networks" in answer) ||
    !Array.isArray(answer.containers)
  ) {
    throw new FixtureError(`${path}: expected {containers: [...], networks: [...]}`);
  }
  const inventory: Inventory = {
    state: "live",
    asOf: 0,
    revision: 1,
    containers: answer.containers.map(readContainer).filter((c) => c !== undefined),
    networks: readNetworks(answer.networks),
  };
  return { inventory: () => inventory };
}
