import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readInfo } from "../docker/info.ts";
import { readNetworkTasks } from "../docker/tasks.ts";
import { NotAvailable, type OverlayView, type Procfs } from "../host.ts";
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
 * `tables.out` (`link show` and `neigh show` by `ip -4 -j -d -s -batch`), `fdb.json`, and `fdb.2.json` and so on where a later
 * reading saw something else. `netns/FILE/refused` holds what nsenter says instead. `info.json` is the engine's `GET /info`,
 * `networks/ID.json` its `GET /networks/ID?verbose=true`, `store/FOLDER.json` what etcd answers, `sysctl/...` the host's `/proc/sys`. `need` reads a file of the fixture and refuses loudly where there is none.
 */
export function fixtureOverlays(folder: string, proc: Procfs, need: (path: string) => string): OverlayView {
  const readings = new Map<string, number>();
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
      const path = join(here, output);
      const reading = (readings.get(path) ?? 0) + 1;
      readings.set(path, reading);
      const later = path.replace(/(\.\w+)$/, `.${reading}$1`);
      return Promise.resolve(need(existsSync(join(folder, later)) ? later : path));
    },
    engine: async () => Promise.resolve(readInfo(JSON.parse(need("info.json")))),
    tasks: async (networkId) => Promise.resolve(readNetworkTasks(JSON.parse(need(`networks/${networkId}.json`)))),
    stored: async (_store, at) => Promise.resolve(readValues(JSON.parse(need(`store/${at}.json`)))),
    sharedTables: () => readSharedTables(proc.host(), (path) => need(join("sysctl", path))),
  };
}
