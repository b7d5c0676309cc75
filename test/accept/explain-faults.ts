import { nowhere, selfRowGone, selfRowTo } from "../../lab/remote-fault.ts";

export interface Fault {
  readonly name: string;
  /** Where it is made, by hand. */
  readonly on: 1 | 2;
  /** For a shell on that host; OVERLAY, A1, A2 stand for the way into a namespace. */
  readonly make: string;
  readonly undo: string;
  readonly hop: string;
  /** What the proving command prints, or must not print. */
  readonly shows: RegExp;
  /** Engines lose each other by it: looked at once, and taken away. */
  readonly brief?: true;
}

export function faultsBetween(one: Ends, two: Ends): readonly Fault[] {
  const [v1, v2] = [one.vtep, two.vtep];
  const self = (to: string, mac = two.mac) => `OVERLAY ${selfRowTo(mac, "VXLAN", to).join(" ")}`;
  const neighbour = (mac: string) => `OVERLAY ip neigh replace ${two.ip} lladdr ${mac} dev VXLAN nud permanent`;
  const answers = `OVERLAY ip neigh replace ${one.ip} lladdr ${one.mac} dev VXLAN nud permanent`;
  return [
    {
      name: "2: the self row of the remote container is deleted",
      on: 1,
      make: `OVERLAY ${selfRowGone(two.mac, "VXLAN", v2).join(" ")}`,
      undo: self(v2),
      hop: "self-row",
      shows: /^$/,
    },
    {
      name: "3: its self row leads to a wrong host",
      on: 1,
      make: self(nowhere),
      undo: self(v2),
      hop: "self-row",
      shows: /dst 172\.31\.240\.77 /,
    },
    {
      name: "4: its self row leads to this very host",
      on: 1,
      make: self(v1),
      undo: self(v2),
      hop: "self-row",
      shows: /dst 172\.31\.240\.1 /,
    },
    {
      name: "5: its neighbour row has another MAC",
      on: 1,
      make: neighbour("02:42:0a:00:00:63"),
      // What the sender has learned of it meanwhile would stay for some seconds.
      undo: `${neighbour(two.mac)} && { A1 ip neigh del ${two.ip} dev eth0 || true; }`,
      hop: "neighbour",
      shows: /lladdr 02:42:0a:00:00:63 PERMANENT/,
    },
    {
      name: "6: the sender's veth is down",
      on: 1,
      make: `OVERLAY ip link set ${one.veth} down`,
      undo: `OVERLAY ip link set ${one.veth} up`,
      hop: "veth",
      shows: /state DOWN/,
    },
    {
      name: "7: no route to the other host",
      on: 1,
      make: `ip route add unreachable ${v2}/32`,
      undo: `ip route del unreachable ${v2}/32`,
      hop: "route",
      shows: /No route to host/,
      brief: true,
    },
    {
      name: "8: another source address than the others know",
      on: 1,
      make: `ip addr add 172.31.240.101/32 dev eth0 && ip route add ${v2}/32 dev eth0 src 172.31.240.101`,
      undo: `ip route del ${v2}/32 && ip addr del 172.31.240.101/32 dev eth0`,
      hop: "source-address",
      shows: /src 172\.31\.240\.101/,
    },
    {
      name: "9: the other host's bridge has the container on the vxlan port",
      on: 2,
      make: `OVERLAY bridge fdb replace ${two.mac} dev VXLAN master static sticky`,
      undo: `OVERLAY bridge fdb del ${two.mac} dev VXLAN master`,
      hop: "peer-bridge",
      shows: /dev vxlan\d+ .*master br\d+ static/,
    },
    {
      name: "10: the receiver's veth is down",
      on: 2,
      make: `OVERLAY ip link set ${two.veth} down`,
      undo: `OVERLAY ip link set ${two.veth} up`,
      hop: "peer-veth",
      shows: /state DOWN/,
    },
    {
      name: "10b: the other host's vxlan device is down",
      on: 2,
      make: "OVERLAY ip link set VXLAN down",
      // The kernel takes all neighbour rows of a device that goes down, and swarm does not write them again.
      undo: `OVERLAY ip link set VXLAN up && ${answers}`,
      hop: "peer-vxlan",
      shows: /state DOWN/,
    },
    {
      name: "11: the sender's MTU is too large",
      on: 1,
      make: "A1 ip link set eth0 mtu 1500",
      undo: "A1 ip link set eth0 mtu 1450",
      hop: "mtu",
      shows: /mtu 1500[^]*eth0[^]*mtu 1500/,
    },
    {
      name: "12: the sender believes in a wrong MAC",
      on: 1,
      make: `A1 ip neigh replace ${two.ip} lladdr 02:42:0a:00:00:99 dev eth0 nud permanent`,
      undo: `A1 ip neigh del ${two.ip} dev eth0`,
      hop: "arp",
      shows: /lladdr 02:42:0a:00:00:99 PERMANENT/,
    },
    {
      name: "13: the other host's row for the sender leads elsewhere, so that it drops what comes",
      on: 2,
      make: self(nowhere, one.mac),
      undo: self(v1, one.mac),
      hop: "back-self-row",
      shows: /dst 172\.31\.240\.77 /,
    },
    {
      name: "14: the receiver's address is gone",
      on: 2,
      make: `A2 ip addr del ${two.ip}/24 dev eth0`,
      undo: `A2 ip addr add ${two.ip}/24 dev eth0`,
      hop: "peer-interface",
      shows: /^(?![^]*inet 10\.0\.0)/,
    },
  ];
}

export interface Ends {
  readonly vtep: string;
  readonly ip: string;
  readonly mac: string;
  readonly veth: string;
}

/** For the names alone. */
export const nobody = { vtep: "", ip: "", mac: "", veth: "" };
