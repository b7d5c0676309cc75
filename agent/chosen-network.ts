import type { Network } from "../host/docker/inventory.ts";
import { nearestOf } from "./config/nearest.ts";
import { UsageError } from "./exit-codes.ts";

/** The id of the overlay network that `--network` names, by name or by the beginning of its id. Throws `UsageError`. */
export function chosen(name: string, networks: readonly Network[]): string {
  const overlays = networks.filter(({ driver }) => driver === "overlay");
  const [found, ...more] = overlays.filter((one) => one.name === name || (name.length >= 4 && one.id.startsWith(name)));
  if (found === undefined)
    throw new UsageError(
      `--network ${name}: Docker knows no such overlay network${nearestOf(
        name,
        overlays.map((one) => one.name),
      )}`,
    );
  if (more.length > 0) throw new UsageError(`--network ${name}: more than one network is called so; give the id`);
  return found.id;
}
