import type { Inventory } from "../../host/docker/inventory.ts";
import type { OverlayView } from "../../host/host.ts";
import type { Examination } from "../../overlay/examine/examination.ts";
import { gather, type Gathering } from "../../overlay/explain/gather.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import { hostKey } from "../host-key.ts";

interface Live {
  readonly examination: Examination;
  readonly inventory: Inventory;
  readonly overlays: OverlayView;
  readonly signal: AbortSignal;
}

/** This host's own tables. */
export async function liveTables(
  { examination, inventory, overlays, signal }: Live,
  more: Pick<Gathering, "vteps" | "isWanted"> = {},
): Promise<HostTables> {
  const name = examination.engine?.name ?? "";
  const host = name === "" ? hostKey() : name;
  return gather({ host, examination, inventory, overlays, signal, ...more });
}
