import { setTimeout as sleep } from "node:timers/promises";
import { type Host, NotAvailable } from "../../host/host.ts";
import { ProgramError } from "../../host/iproute2/error.ts";
import type { DiagnoseInput } from "../diagnose/input.ts";
import { type Link, parseLinks } from "../links.ts";
import { UnreadableTable } from "../rows.ts";

/** A join makes its device and moves it within some milliseconds. */
const apartMs = 1000;

/**
 * Vxlan devices of the host's own namespace, read twice, where libnetwork left any (`vx-<VNI>-<network id>`): the name is looked
 * for in one small file first, so a host without costs no process and no time. Rejects with the signal's reason.
 */
export async function leftOver(
  { proc, overlays }: Pick<Host, "proc" | "overlays">,
  signal: AbortSignal,
): Promise<Pick<DiagnoseInput, "hostLinks" | "hostLinksBefore">> {
  if (!isAnyLeft(proc)) return {};
  try {
    const hostLinksBefore = await hostVxlans(overlays, signal);
    await sleep(apartMs, undefined, { signal });
    return { hostLinksBefore, hostLinks: await hostVxlans(overlays, signal) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ProgramError || error instanceof UnreadableTable || error instanceof NotAvailable) return {};
    throw error;
  }
}

/** Throws `NotAvailable`, `ProgramError`, `UnreadableTable`, or the signal's reason. */
export async function hostVxlans({ run, hostNetns }: Host["overlays"], signal: AbortSignal): Promise<readonly Link[]> {
  return parseLinks(await run(hostNetns, ["ip", "-j", "-d", "link", "show", "type", "vxlan"], { signal })).rows;
}

function isAnyLeft(proc: Host["proc"]): boolean {
  try {
    const own = proc.host();
    try {
      return /^ *vx-[\da-f]{6}-/m.test(own.text("net/dev"));
    } finally {
      own.close();
    }
  } catch (error) {
    if (error instanceof NotAvailable) return false;
    throw error;
  }
}
