import { isDeepStrictEqual } from "node:util";
import { type Listeners, listeners } from "../host/docker/listeners.ts";
import type { DockerWatch } from "../host/docker/watch.ts";
import { NotAvailable } from "../host/host.ts";
import { listNamespaces, type NamespaceFile } from "../host/netns/list.ts";
import { watchFolder } from "../host/netns/watch.ts";
import { messageOf } from "../host/thrown.ts";
import { discover, isOverlayName, type OverlayNamespace } from "./discover.ts";
import { readLinksOf } from "./tables.ts";

export interface OverlayWatchOptions {
  /** Docker's folder of namespaces; it need not be there yet. */
  readonly netnsDir: string;
  readonly docker: Pick<DockerWatch, "inventory" | "onChange">;
  readonly log: (level: "info" | "warn", message: string) => void;
}

export interface OverlayWatch {
  /** At once: what was last seen; the same object until something changes. */
  readonly namespaces: () => readonly OverlayNamespace[];
  /**
   * Called after each change, with all of them. A namespace that was made anew under its old name has another key.
   * Returns how to end it.
   */
  readonly onChange: (listener: (namespaces: readonly OverlayNamespace[]) => void) => () => void;
  readonly close: () => void;
}

/** Follows the overlay namespaces of this host by Docker's folder and inventory. Opens none of them. */
export function watchOverlays({ netnsDir, docker, log }: OverlayWatchOptions): OverlayWatch {
  const changed = listeners<readonly OverlayNamespace[]>(log);
  const look = looker({ netnsDir, docker, log, changed });
  const endFolder = watchFolder(netnsDir, look.now);
  const endDocker = docker.onChange(look.now);
  look.now();
  return {
    namespaces: look.seen,
    onChange: changed.add,
    close: () => {
      endFolder();
      endDocker();
      look.end();
    },
  };
}

interface LookParts extends OverlayWatchOptions {
  readonly changed: Listeners<readonly OverlayNamespace[]>;
}

function looker({ netnsDir, docker, log, changed }: LookParts) {
  let seen: readonly OverlayNamespace[] = [];
  let trouble = "";
  const vnis = vniReader(() => now());
  const list = (): readonly NamespaceFile[] | undefined => {
    try {
      const files = listNamespaces(netnsDir, isOverlayName);
      trouble = "";
      return files;
    } catch (error) {
      if (error instanceof NotAvailable) return [];
      const message = messageOf(error);
      if (message !== trouble) log("warn", `${message}. The namespaces last seen are kept.`);
      trouble = message;
      return undefined;
    }
  };
  const now = (): void => {
    const files = list();
    if (files === undefined) return;
    const next = discover(files, docker.inventory().networks, vnis.known);
    vnis.ask(next);
    if (isDeepStrictEqual(next, seen)) return;
    seen = next;
    changed.tell(seen);
  };
  return { now, seen: () => seen, end: vnis.end };
}

/** Asks namespaces that two networks fit for their VNIs, once each, and tells when an answer is there. */
function vniReader(answered: () => void) {
  const known = new Map<string, readonly number[]>();
  const closing = new AbortController();
  const ask = async (namespace: OverlayNamespace): Promise<void> => {
    known.set(namespace.key, []);
    const links = await readLinksOf(namespace, closing.signal).catch(() => []);
    if (closing.signal.aborted) return;
    known.set(
      namespace.key,
      links.flatMap(({ vxlan }) => (vxlan === undefined ? [] : [vxlan.vni])),
    );
    answered();
  };
  return {
    known,
    ask: (namespaces: readonly OverlayNamespace[]): void => {
      const alive = new Set(namespaces.map(({ key }) => key));
      for (const key of known.keys()) if (!alive.has(key)) known.delete(key);
      for (const namespace of namespaces)
        if (namespace.ambiguous !== undefined && !known.has(namespace.key)) void ask(namespace);
    },
    end: () => closing.abort(new Error("the watch on overlay namespaces was closed")),
  };
}
