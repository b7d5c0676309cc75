import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readInfo } from "../docker/info.ts";
import { networkTasks } from "../docker/tasks.ts";
import { NotAvailable, type OverlayView, type Procfs } from "../host.ts";
import { readFping } from "../fping.ts";
import { readValues } from "../kv/etcd.ts";
import { ProgramError } from "../iproute2/error.ts";
import { readSharedTables } from "../tables.ts";

/** What a program that a fixture knows printed, by its arguments. */
const outputs: Readonly<Record<string, string>> = {
  "ip -4 -j -d -s -batch -": "tables.out",
  "bridge -j fdb show": "fdb.json",
  "ip -j addr show": "addr.json",
  "ip -j -d link show": "link.json",
};

/**
 * Overlay namespaces in a folder: `netns/FILE/` with `key` (the namespace's), and what `ip` and `bridge` printed there:
 * `tables.out` (`link show` and `neigh show` by `ip -4 -j -d -s -batch`), `fdb.json`; `netns/FILE/refused` holds what nsenter says
 * instead. `info.json` is the engine's `GET /info`, `networks/ID.json` its `GET /networks/ID?verbose=true`, `store/FOLDER.json`
 * what etcd answers, `fping/PID.out` (or `FILE.out`, of a namespace; `PID.traceless.out`) what fping says from there, `sysctl/...` the
 * host's `/proc/sys`. Where a second reading saw something else it is in `fdb.2.json` and so on. `need` reads a file of the fixture and
 * refuses loudly where there is none.
 */
export function fixtureOverlays(folder: string, proc: Procfs, need: (path: string) => string): OverlayView {
  const reading = readingsOf(folder, need);
  const below = join(folder, "netns");
  const keyOf = (path: string): string | undefined => {
    const key = join("netns", path.slice(below.length + 1), "key");
    return existsSync(join(folder, key)) ? need(key).trim() : undefined;
  };
  const inodeOf = (path: string): number | undefined => {
    const key = keyOf(path);
    return key === undefined ? undefined : Number.parseInt(key, 10);
  };
  return {
    // Below the folder it is a namespace like the others.
    hostNetns: join(below, "host"),
    keyOf,
    inodeOf,
    namespaces: (wanted) => {
      if (!existsSync(below)) throw new NotAvailable(`${below} is not there`);
      return readdirSync(below)
        .filter(wanted)
        .toSorted()
        .map((name) => {
          const path = join(below, name);
          return { name, path, inode: inodeOf(path) ?? 0, key: need(join("netns", name, "key")).trim() };
        });
    },
    run: async (netns, argv) => {
      const here = join("netns", netns.slice(below.length + 1));
      if (existsSync(join(folder, here, "refused")))
        throw new ProgramError(netns, argv, { code: 1, signal: null, stderr: need(join(here, "refused")) });
      const output = outputs[argv.join(" ")] ?? argv.join("_");
      return Promise.resolve(reading(join(here, output)));
    },
    engine: async () => Promise.resolve(readInfo(JSON.parse(need("info.json")))),
    tasks: async (networkId, signal) => {
      const get = async (): Promise<unknown> => Promise.resolve(JSON.parse(reading(`networks/${networkId}.json`)));
      return networkTasks({ socketPath: folder, get }, networkId, signal);
    },
    stored: async (_store, at) => Promise.resolve(readValues(JSON.parse(reading(`store/${at}.json`)))),
    fping: async (from, addresses, _signal, how) => {
      const who = "pid" in from ? String(from.pid) : from.path.slice(below.length + 1);
      const all = [...readFping(reading(`fping/${who}${how === undefined ? "" : `.${how}`}.out`))];
      return Promise.resolve(new Map(all.filter(([ip]) => addresses.includes(ip))));
    },
    sharedTables: () => readSharedTables(proc.host(), (path) => need(join("sysctl", path))),
  };
}

/** Gives a file, or what is there for that very reading of it. */
function readingsOf(folder: string, need: (path: string) => string): (path: string) => string {
  const readings = new Map<string, number>();
  return (path) => {
    const count = (readings.get(path) ?? 0) + 1;
    readings.set(path, count);
    const later = path.replace(/(\.\w+)$/, `.${count}$1`);
    return need(existsSync(join(folder, later)) ? later : path);
  };
}
