import { join } from "node:path";
import type { Inventory } from "../../host/docker/inventory.ts";
import type { OverlayView } from "../../host/host.ts";
import type { Examination } from "../../overlay/examine/examination.ts";
import { gather, type Gathering } from "../../overlay/explain/gather.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import type { Config } from "../config/schema.ts";
import { hostKey } from "../host-key.ts";

interface Live {
  readonly config: Config;
  readonly examination: Examination;
  readonly inventory: Inventory;
  readonly overlays: OverlayView;
  readonly signal: AbortSignal;
}

/** The host's own namespace. */
export function hostNetnsOf({ paths: { host_root: root } }: Config): string {
  return root === "/" ? "/proc/self/ns/net" : join(root, "proc/1/ns/net");
}

/** This host's own tables. */
export async function liveTables(
  { config, examination, inventory, overlays, signal }: Live,
  more: Pick<Gathering, "vteps" | "isWanted"> = {},
): Promise<HostTables> {
  const hostNetns = hostNetnsOf(config);
  const name = examination.engine?.name ?? "";
  const host = name === "" ? hostKey() : name;
  return gather({ host, examination, inventory, overlays, hostNetns, signal, ...more });
}
