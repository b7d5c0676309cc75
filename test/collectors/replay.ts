import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type CycleResult, runner } from "../../agent/collect.ts";
import { containerTags } from "../../collectors/container-tags.ts";
import type { Collector } from "../../collectors/collector.ts";
import { trackNamespaces } from "../../collectors/namespaces.ts";
import { fixtureHost } from "../../host/fixture.ts";
import type { Host, ProcessHandle } from "../../host/host.ts";

/**
 * Runs a collector over the cycles of a case: `1/ 2/ ...`, each a machine in a folder (host/fixture.ts) and `now`, the time
 * that it was captured at, in milliseconds since the epoch. `config.yaml` is the collector's section.
 */
export async function replay(collector: Collector, folder: string): Promise<readonly CycleResult[]> {
  const config = join(folder, "config.yaml");
  const section: unknown = existsSync(config) ? parse(readFileSync(config, "utf8")) : {};
  const machine = playback();
  const run = runner(collector, section, {
    host: machine.host,
    namespaces: trackNamespaces(machine.host, () => true),
    tagsOf: (container) => containerTags(container, { containerId: false, labels: {} }),
    deadline: 5000,
  });
  const results: CycleResult[] = [];
  for (const cycle of cyclesOf(folder)) {
    machine.turnTo(join(folder, cycle));
    results.push(await run(new AbortController().signal));
  }
  return results;
}

/** What a case must give: one line a sample that is not 0, in order; the text that `expected.out` holds. */
export function transcript(results: readonly CycleResult[]): string {
  return results.map((result, i) => `${headOf(result, i + 1)}\n${linesOf(result)}`).join("\n");
}

const cyclesOf = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .toSorted((a, b) => Number(a) - Number(b));

/** One host whose state is now this folder's and then that one's; handles stay with their process, as on a real host. */
function playback(): { readonly host: Host; readonly turnTo: (folder: string) => void } {
  let now = 0;
  const clock = { now: () => now, monotonic: () => 0 };
  let state: Host | undefined;
  const current = (): Host => {
    if (state === undefined) throw new Error("turn to a folder first");
    return state;
  };
  const host: Host = {
    clock,
    docker: { inventory: () => current().docker.inventory() },
    sockets: { tcpStates: (wanted, signal) => current().sockets.tcpStates(wanted, signal) },
    overlays: {
      hostNetns: "",
      namespaces: (wanted) => current().overlays.namespaces(wanted),
      keyOf: (path) => current().overlays.keyOf(path),
      inodeOf: (path) => current().overlays.inodeOf(path),
      run: async (...args) => current().overlays.run(...args),
      engine: async (signal) => current().overlays.engine(signal),
      sharedTables: () => current().overlays.sharedTables(),
      tasks: async (...args) => current().overlays.tasks(...args),
      stored: async (...args) => current().overlays.stored(...args),
      fping: async (...args) => {
        const { fping } = current().overlays;
        if (fping === undefined) throw new Error("nothing can be sent in a fixture");
        return fping(...args);
      },
    },
    proc: {
      open: (pid) => follow(pid, () => current().proc.open(pid)),
      host: () => follow(0, () => current().proc.host()),
    },
  };
  return {
    host,
    turnTo: (folder) => {
      now = Number(readFileSync(join(folder, "now"), "utf8"));
      state = fixtureHost(folder, clock);
    },
  };
}

function follow(pid: number, open: () => ProcessHandle): ProcessHandle {
  open();
  return {
    pid,
    folder: open().folder,
    text: (path) => open().text(path),
    inode: (path) => open().inode(path),
    close: () => undefined,
  };
}

function headOf({ outcome, skipped, resets, errors }: CycleResult, cycle: number): string {
  const left = Object.entries(skipped).map(([reason, count]) => `, left out ${count} ${reason}`);
  const head = `# cycle ${cycle}: ${outcome}${left.join("")}${resets > 0 ? `, ${resets} resets` : ""}`;
  return [head, ...errors.map((error) => `! ${error.message}`)].join("\n");
}

function linesOf({ samples }: CycleResult): string {
  const moved = samples.filter(({ value }) => value !== 0);
  const lines = moved.map(
    ({ name, value, tags }) =>
      `${Object.entries(tags)
        .map(([key, text]) => `${key}:${text}`)
        .join(" ")} | ${name} ${value}`,
  );
  return [...lines.toSorted(), `${samples.length - moved.length} at 0`, ""].join("\n");
}
