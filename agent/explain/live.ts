import type { EngineInfo } from "../../host/docker/info.ts";
import type { Inventory } from "../../host/docker/inventory.ts";
import type { OverlayView } from "../../host/host.ts";
import type { Examination } from "../../overlay/examine/examination.ts";
import { examine } from "../../overlay/examine/examine.ts";
import { gather, type Gathering } from "../../overlay/explain/gather.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import { hostKey } from "../host-key.ts";
import { oneLook } from "../one-look.ts";
import type { RemedySettings } from "../remedy/settings.ts";

interface Live {
  readonly examination: Examination;
  readonly inventory: Inventory;
  readonly overlays: OverlayView;
  readonly signal: AbortSignal;
}

/** This host's own tables. */
export async function liveTables(
  { examination, inventory, overlays, signal }: Live,
  more: Pick<Gathering, "vteps" | "isWanted" | "tellWithin"> = {},
): Promise<HostTables> {
  const name = examination.engine?.name ?? "";
  const host = name === "" ? hostKey() : name;
  return gather({ host, examination, inventory, overlays, signal, ...more });
}

/** The same, by a look of its own. Needs root. Rejects with `DockerError`, `NotAvailable`, or the signal's reason. */
export async function ownTables(
  settings: Pick<RemedySettings, "docker" | "paths">,
  more: Pick<Gathering, "vteps" | "isWanted" | "tellWithin">,
  signal: AbortSignal,
): Promise<HostTables> {
  const { proc, overlays, watch } = oneLook(settings);
  try {
    const asked: Promise<EngineInfo | undefined> = overlays.engine(signal).catch(() => undefined);
    const [engine, inventory] = await Promise.all([asked, watch.synced(signal)]);
    const examination = await examine({ proc, overlays, docker: watch }, engine, { unlisted: true }, signal);
    return await liveTables({ examination, inventory, overlays, signal }, more);
  } finally {
    await watch.close();
  }
}
