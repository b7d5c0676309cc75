import { parseIpv4 } from "../../host/ipv4.ts";
import { askArp } from "../../host/sockets/arp.ts";
import type { Explained } from "../../overlay/explain/explain.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import { errorText } from "../error-text.ts";

/** The answers to one request, by the MAC that each gives. */
export interface ArpAsked {
  readonly answers: readonly string[];
  readonly sentence: string;
}

const waitMs = 1000;

/** Asks from A's own namespace for B's address, once. */
export async function arpAsked(own: HostTables, { from, to, network }: Explained): Promise<ArpAsked> {
  const member = own.networks.find(({ id }) => id === network.id)?.members.find(({ mac }) => mac === from.mac);
  const device = member?.inside?.devices.find(({ mac }) => mac === from.mac);
  const [ip, target] = [parseIpv4(from.ip), parseIpv4(to.ip)];
  if (member?.pid === undefined || device === undefined || ip === undefined || target === undefined)
    return { answers: [], sentence: "ARP: not asked, for the sender's device or an address is not known" };
  const netns = `/proc/${member.pid}/ns/net`;
  const answers = await askArp({ netns, ifindex: device.ifindex, mac: from.mac, ip, target, waitMs });
  if (answers instanceof Error) return { answers: [], sentence: `ARP: ${errorText(answers)}` };
  return { answers, sentence: `ARP: ${from.name} asked once for ${to.ip}: ${saidOf(answers, to.mac)}` };
}

function saidOf(answers: readonly string[], mac: string): string {
  const wrong = answers.filter((one) => one !== mac);
  if (answers.length === 0) return "nobody answered";
  if (wrong.length > 0) return `${answers.length} answered, and not all as ${mac}: ${answers.join(", ")}`;
  if (answers.length === 1) return `one answer, ${mac}`;
  return `${answers.length} answers with ${mac}: the container, and the vxlan device in its name (moby#29024)`;
}
