import { join } from "node:path";
import type { DockerClient } from "../docker/client.ts";
import { engineInfo } from "../docker/info.ts";
import type { OverlayView, Procfs } from "../host.ts";
import { runIn } from "../iproute2/run.ts";
import { readingFile } from "../procfs.ts";
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
}

export function liveOverlays({ netnsDir, hostRoot, client, proc }: LiveOverlayOptions): OverlayView {
  const sysctl = (path: string): string => readingFile(join(hostRoot, "proc/sys", path));
  return {
    namespaces: (wanted) => listNamespaces(netnsDir, wanted),
    ...liveEntry,
    engine: (signal) => engineInfo(client, signal),
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
