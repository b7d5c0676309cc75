import { NotAvailable, type OverlayView } from "../../host/host.ts";
import { printable, ProgramError } from "../../host/iproute2/error.ts";
import { type Device, parseDevices } from "../devices.ts";
import type { Endpoint } from "../endpoints.ts";
import { UnreadableTable } from "../rows.ts";
import type { Plan } from "./plan.ts";

/** An endpoint that is to be healed, and the network namespace of its container, as a path, where it is known. */
export interface Witness {
  readonly netns: string;
  readonly endpoint: Endpoint;
  readonly path: string | undefined;
}

/**
 * Docker's word is not enough to pin a MAC: the container's own namespace has to show that MAC and address on the other
 * end of that very veth. Gives what speaks against it, by `netns mac`. Rejects with the signal's reason.
 */
export async function contradictions(
  witnesses: readonly Witness[],
  run: OverlayView["run"],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const all = await Promise.all(
    witnesses.map(async (one) => [keyOf(one.netns, one.endpoint.mac), await against(one, run, signal)] as const),
  );
  return new Map(all.flatMap(([key, sentence]) => (sentence === undefined ? [] : [[key, sentence]])));
}

/** The plan without what is contradicted: a person has to judge that. */
export function withoutContradicted(plan: Plan, said: ReadonlyMap<string, string>): Plan {
  const isFree = ({ netns, mac }: { readonly netns: string; readonly mac: string }): boolean =>
    !said.has(keyOf(netns, mac));
  const out = plan.actions.filter((action) => !isFree(action));
  const told = new Map(out.map(({ netns, container, mac }) => [keyOf(netns, mac), { container, mac }]));
  const more = [...told].map(([key, who]) => ({ rule: "witness", sentence: said.get(key) ?? "", ...who }));
  return {
    ...plan,
    actions: plan.actions.filter(isFree),
    heals: plan.heals.filter(isFree),
    ambiguous: [...plan.ambiguous, ...more],
  };
}

const keyOf = (netns: string, mac: string): string => `${netns} ${mac}`;

async function against({ endpoint, path }: Witness, run: OverlayView["run"], signal: AbortSignal) {
  const { owner, ip, mac, veth } = endpoint;
  const name = printable(owner.name);
  if (path === undefined) return `the network namespace of ${name} is not known`;
  try {
    const { rows } = parseDevices(await run(path, ["ip", "-j", "addr", "show"], { signal }));
    const isIt = (device: Device): boolean =>
      device.mac === mac && device.ips?.includes(ip) === true && device.linkIndex === veth?.ifindex;
    if (rows.some(isIt)) return undefined;
    return `Docker says that ${name} has ${ip} and ${mac} on ${veth?.name ?? "no port"}; its own network namespace does not show that`;
  } catch (error) {
    if (error instanceof NotAvailable || error instanceof ProgramError || error instanceof UnreadableTable)
      return `the network namespace of ${name} can not be read: ${error.message}`;
    throw error;
  }
}
