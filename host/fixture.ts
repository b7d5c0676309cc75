import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readContainer } from "./docker/container.ts";
import { emptyInventory, type Inventory } from "./docker/inventory.ts";
import { readNetworks } from "./docker/network.ts";
import { fixtureOverlays } from "./netns/fixture.ts";
import {
  type Clock,
  type DockerView,
  type Host,
  type NamespaceProcess,
  NotAvailable,
  type ProcessHandle,
  type Procfs,
  type SocketView,
  type TcpReading,
} from "./host.ts";
import { byState, newTally } from "./sockets/states.ts";
import { tallyText } from "./sockets/text.ts";

/** The fixture was asked for something that it does not have: the test, not the machine, is wrong. */
class FixtureError extends Error {
  override readonly name = "FixtureError";
}

/**
 * A machine in a folder: `docker.json` as `{containers: [inspect answers], networks: [...]}`, `proc/PID/...` as the
 * kernel has it, `proc/host/...` for the host's own namespace, `proc/PID/net/dev.inode` for an inode number, sockets from `proc/PID/net/tcp` and `tcp6`. A folder
 * `proc/PID.gone` is a process that is no more. Overlay namespaces are folders in `netns` (see `fixtureOverlays`). What is missing otherwise is refused loudly, never taken for absent.
 */
export function fixtureHost(folder: string, clock: Clock): Host {
  const proc = fixtureProcfs(folder);
  const overlays = fixtureOverlays(folder, proc, (path) => need(folder, join(folder, path)));
  return { proc, docker: fixtureDocker(folder), sockets: fixtureSockets, overlays, clock };
}

function fixtureProcfs(folder: string): Procfs {
  const open = (name: string, pid: number): ProcessHandle => {
    const below = join(folder, "proc", name);
    if (existsSync(`${below}.gone`)) throw new NotAvailable(`process ${name} is gone`);
    if (!existsSync(below)) throw new FixtureError(`the fixture ${folder} has no process ${name}`);
    return {
      pid,
      folder: below,
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

const fixtureSockets: SocketView = {
  tcpStates: async (wanted) => new Map(wanted.map((one) => [one.key, readStates(one)])),
};

/** `net/tcp6.gone` is a machine without IPv6. What is not the kernel's form is that namespace's error, as on a live host. */
function readStates({ process }: NamespaceProcess): TcpReading | Error {
  try {
    const tally = tallyText(process.text("net/tcp"), newTally());
    return { states: byState(tallyText(textIfThere(process, "net/tcp6"), tally)), how: "text", interrupted: false };
  } catch (error) {
    if (error instanceof FixtureError) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
}

function textIfThere(process: ProcessHandle, path: string): string {
  try {
    return process.text(path);
  } catch (error) {
    if (error instanceof NotAvailable) return "";
    throw error;
  }
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
