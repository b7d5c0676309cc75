import { printable } from "../../host/iproute2/error.ts";
import { neighbourLine } from "../words.ts";
import { inside, within } from "./command.ts";
import { type Hop, type HopName, type Judged, right, unknown, wrong } from "./hop.ts";
import { hasAddress, type Side } from "./side.ts";
import type { Member } from "./tables.ts";

/** Who is asked for. */
export type Who = Pick<Member, "name" | "ip" | "mac">;

/** A symptom of whatever follows on the way; a fault of its own only where nothing else is found. */
export const unanswered = "nobody has answered";

const notSeen = "the container's own namespace was not looked at";

/** The container's own device: up, and with the address that Docker gives it. */
export function interfaceHop(hop: HopName, side: Side): Hop {
  const { member, device } = side;
  const name = device?.name ?? "eth0";
  return {
    hop,
    host: side.host.host,
    what: `${member.name} has ${member.ip} on ${name}, which is up`,
    command: inside(member.pid, "ip", "addr", "show", ...(device === undefined ? [] : ["dev", name])),
    ...interfaceJudged(side),
  };
}

function interfaceJudged({ member, device }: Side): Judged {
  if (member.inside === undefined) return unknown(notSeen);
  if (device === undefined) return wrong(`no device in it has ${member.ip}, nor ${member.mac}`);
  if (!device.up) return wrong(`${device.name} is down`);
  if (!hasAddress(device, member.ip)) return wrong(`${device.name} does not have ${member.ip}`);
  if (device.mac !== member.mac) return wrong(`${device.name} has ${device.mac ?? "no MAC"}, not ${member.mac}`);
  return right("as Docker says");
}

/** What a container believes to be another's MAC. */
export function arpHop(hop: HopName, side: Side, to: Who): Hop {
  return {
    hop,
    host: side.host.host,
    what: `${side.member.name} knows ${to.ip} as ${to.mac}`,
    command: inside(side.member.pid, "ip", "neigh", "show", "to", to.ip),
    ...arpJudged(side, to),
  };
}

function arpJudged(side: Side, to: Who): Judged {
  const { member, device } = side;
  if (member.inside === undefined) return unknown(notSeen);
  const row = member.inside.neighbours.find(
    ({ ip, dev }) => ip === to.ip && (device === undefined || dev === device.name),
  );
  if (row === undefined) return right("it has not asked yet");
  if (row.state.includes("FAILED") || row.state.includes("INCOMPLETE")) return unknown(unanswered);
  if (row.mac === to.mac) return right(neighbourLine(row));
  if (isProxys(side, to.ip, row.mac)) return unknown(`as the vxlan device says, see there: ${neighbourLine(row)}`);
  return wrong(`it is not that: ${neighbourLine(row)}`);
}

/** A wrong MAC that the vxlan device answers with is a fault of the device's row. */
const isProxys = ({ space, view }: Side, ip: string, mac: string | undefined): boolean =>
  space.neighbours.some((row) => row.ip === ip && row.mac === mac && view.links.get(row.dev)?.kind === "vxlan");

/** Whether it has asked for an address in vain. */
export const isUnanswered = (side: Side, to: Who): boolean => arpJudged(side, to).why === unanswered;

/** The container's port on the bridge. */
export function vethHop(hop: HopName, side: Side): Hop {
  const { member, space, bridge } = side;
  const veth = member.veth ?? "its port";
  return {
    hop,
    host: side.host.host,
    what: `${veth} of ${member.name} is up, and a port of ${bridge ?? "the bridge"}`,
    command: within(space.netns, "ip", "link", "show", ...(member.veth === undefined ? [] : ["dev", member.veth])),
    ...vethJudged(side),
  };
}

function vethJudged({ member, veth, bridge, view }: Side): Judged {
  if (member.veth === undefined) return unknown("it is not certain which port is its own");
  if (veth === undefined) return wrong("there is no such device");
  if (!veth.up) return wrong(`${veth.name} is down`);
  if (veth.master === undefined) return wrong(`${veth.name} is a port of no bridge`);
  if (bridge !== undefined && veth.master.name !== bridge)
    return wrong(`${veth.name} is a port of ${veth.master.name}`);
  if (view.links.get(veth.master.name)?.up === false) return wrong(`${veth.master.name} is down`);
  return right("it is");
}

/** Texts of a hop come from others' tables. */
export const clean = (hop: Hop): Hop => ({
  ...hop,
  host: printable(hop.host),
  what: printable(hop.what),
  why: printable(hop.why),
});
