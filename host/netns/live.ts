import { join } from "node:path";
import type { DockerClient } from "../docker/client.ts";
import { engineInfo } from "../docker/info.ts";
import { networkTasks } from "../docker/tasks.ts";
import type { OverlayView, Procfs } from "../host.ts";
import { fping, fpingTraceless } from "../fping.ts";
import { runIn } from "../iproute2/run.ts";
import { storedValues } from "../kv/stores.ts";
import { readingFile } from "../procfs.ts";
import { dumpedTables } from "../rtnetlink/tables.ts";
import type { LiveSockets } from "../sockets/live.ts";
import { echo } from "../sockets/echo.ts";
import { readSharedTables } from "../tables.ts";
import { listNamespaces, namespaceInode, namespaceKey } from "./list.ts";

/** Into a namespace of this machine, by the path of its file. */
export const liveEntry: Pick<OverlayView, "run" | "keyOf" | "inodeOf"> = {
  run: runIn,
  keyOf: namespaceKey,
  inodeOf: namespaceInode,
};

interface LiveOverlayOptions {
  /** Docker's folder of namespaces. */
  readonly netnsDir: string;
  readonly hostRoot: string;
  readonly client: DockerClient;
  readonly proc: Procfs;
  /** The thread that may enter namespaces; without it all is read by processes. */
  readonly sockets?: Pick<LiveSockets, "dump">;
  /**
   * The file of a container's namespace in Docker's folder, by its process. To open `/proc/PID/ns/net` of a container takes the
   * right to trace it (ptrace(2), PTRACE_MODE_READ_FSCREDS): a process with fewer capabilities than the container has not got it.
   */
  readonly sandboxOf?: (pid: number) => string | undefined;
}

export function liveOverlays({
  netnsDir,
  hostRoot,
  client,
  proc,
  sockets,
  sandboxOf,
}: LiveOverlayOptions): OverlayView {
  const pathOf = (pid: number): string => {
    const sandbox = sandboxOf?.(pid);
    return sandbox === undefined ? join(hostRoot, `proc/${pid}/ns/net`) : join(netnsDir, sandbox);
  };
  const sysctl = (path: string): string => readingFile(join(hostRoot, "proc/sys", path));
  return {
    namespaces: (wanted) => listNamespaces(netnsDir, wanted),
    ...liveEntry,
    namespaceOf: pathOf,
    hostNetns: hostRoot === "/" ? "/proc/self/ns/net" : pathOf(1),
    ...(sockets === undefined ? {} : { dump: dumpBy(sockets) }),
    engine: (signal) => engineInfo(client, signal),
    tasks: (networkId, signal) => networkTasks(client, networkId, signal),
    stored: storedValues,
    ipvs: async (path, signal) => runIn(path, ["cat", "/proc/net/ip_vs"], { signal }),
    fping: async (from, addresses, signal, how) =>
      (how === "traceless" ? fpingTraceless : fping)("pid" in from ? pathOf(from.pid) : from.path, addresses, signal),
    reach: async (targets, signal) =>
      echo(
        targets.map(({ pid, ip }) => ({ netns: pathOf(pid), ip })),
        { signal, count: 5, gapMs: 50, waitMs: 500 },
      ),
    sharedTables: () => {
      const own = proc.host();
      try {
        return readSharedTables(own, sysctl);
      } finally {
        own.close();
      }
    },
  };
}

const dumpBy =
  (sockets: Pick<LiveSockets, "dump">): NonNullable<OverlayView["dump"]> =>
  async (asked, signal) => {
    const dumps = await sockets.dump(asked, signal);
    return dumps === undefined ? undefined : dumpedTables(asked.kinds, dumps);
  };
