import type { Inventory, Network } from "../host/docker/inventory.ts";

/**
 * Networks that containers are attached to and Docker does not list: a classic engine lists none of its store's networks while the
 * store does not answer, and their containers go on. What such a network was made with is not known. It is an overlay where it
 * has a namespace: no other driver makes one of that name.
 */
export function unlistedNetworks({ networks, containers }: Inventory): readonly Network[] {
  const listed = new Set(networks.map(({ id }) => id));
  const attached = containers.flatMap(({ attachments }) => attachments);
  const found = new Map(
    attached.flatMap(({ networkId: id, name }) => (listed.has(id) || id === "" ? [] : [[id, name] as const])),
  );
  return [...found].map(([id, name]) => ({ id, name, driver: "overlay", scope: "global", subnets: [], vnis: [] }));
}
