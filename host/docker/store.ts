import { isDeepStrictEqual } from "node:util";
import { type Container, type Inventory, type Network, emptyInventory } from "./inventory.ts";

/** The last known good inventory. Nothing shows before the first whole answer: half of a list is no list. */
export interface InventoryStore {
  /** The same object until something changes. */
  readonly inventory: () => Inventory;
  readonly has: (containerId: string) => boolean;
  readonly hasNetwork: (networkId: string) => boolean;
  readonly containerIds: () => readonly string[];
  readonly put: (container: Container) => void;
  readonly drop: (containerId: string) => void;
  readonly putNetworks: (networks: readonly Network[]) => void;
  /** A whole listing was read: what is held is Docker's state. */
  readonly live: (at: number) => void;
  /** Docker gave a sign of life at `at`. */
  readonly confirm: (at: number) => void;
  readonly lost: (error: string) => void;
}

/** `changed` is called after each change of content or state, but not before the first whole answer or loss. */
export function inventoryStore(changed: () => void): InventoryStore {
  const containers = new Map<string, Container>();
  let networks: readonly Network[] = [];
  let head: Pick<Inventory, "state" | "asOf" | "revision" | "error"> = emptyInventory;
  let shown: Inventory | undefined;

  const turn = (next: typeof head, tell: boolean): void => {
    head = next;
    shown = undefined;
    if (tell) changed();
  };
  const grown = (): void => turn({ ...head, revision: head.revision + 1 }, head.state !== "never");

  return {
    inventory: () => (shown ??= show(head, containers, networks)),
    has: (id) => containers.has(id),
    hasNetwork: (id) => networks.some((network) => network.id === id),
    containerIds: () => [...containers.keys()],
    put: (container) => {
      if (isDeepStrictEqual(containers.get(container.id), container)) return;
      containers.set(container.id, container);
      grown();
    },
    drop: (id) => {
      if (containers.delete(id)) grown();
    },
    putNetworks: (list) => {
      const next = list.toSorted(byId);
      if (isDeepStrictEqual(networks, next)) return;
      networks = next;
      grown();
    },
    live: (asOf) => turn({ state: "live", asOf, revision: head.revision }, head.state !== "live"),
    confirm: (asOf) => {
      if (head.state === "live") turn({ ...head, asOf }, false);
    },
    lost: (error) => {
      if (error !== head.error) turn({ ...head, state: head.state === "never" ? "never" : "stale", error }, true);
    },
  };
}

function show(
  head: Pick<Inventory, "state" | "asOf" | "revision" | "error">,
  containers: ReadonlyMap<string, Container>,
  networks: readonly Network[],
): Inventory {
  if (head.state === "never") return { ...emptyInventory, ...(head.error === undefined ? {} : { error: head.error }) };
  return { ...head, containers: [...containers.values()].sort(byId), networks };
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
