import type { HostTables, Member, NetworkTables, Space } from "../../../overlay/explain/tables.ts";

export const networkId = "8fcc19e5f02090974583fcea9c64c5c0a9175be059caebce7b769592babdc443";
export const ipOf = (n: number): string => `10.0.0.${n}`;
export const macOf = (n: number): string => `02:42:0a:00:00:0${n}`;
export const vtepOf = (n: number): string => `172.31.240.${n}`;

/** A1 and B1 (10.0.0.2 and .3) on the first host, A2 (10.0.0.4) on the second; as a healthy lab has it after a ping. */
export function pair(driver: "classic" | "swarm" = "classic"): readonly [HostTables, HostTables] {
  return [
    host(1, driver, [member("A1", 2, 0), member("B1", 3, 1)], [4]),
    host(2, driver, [member("A2", 4, 0)], [2, 3]),
  ];
}

function host(n: number, driver: "classic" | "swarm", members: readonly Member[], far: readonly number[]): HostTables {
  const other = n === 1 ? 2 : 1;
  const network: NetworkTables = {
    id: networkId,
    name: "testnet",
    driver,
    encrypted: false,
    space: space(n, members, far),
    members,
    told: [
      { name: "A1", ip: ipOf(2), mac: macOf(2), vtep: vtepOf(1) },
      { name: "B1", ip: ipOf(3), mac: macOf(3), vtep: vtepOf(1) },
      { name: "A2", ip: ipOf(4), mac: macOf(4), vtep: vtepOf(2) },
    ],
  };
  return {
    host: `dockerhost${n}`,
    ownVteps: [vtepOf(n), "172.17.0.1"],
    advertised: vtepOf(n),
    networks: [network],
    routes: [{ to: vtepOf(other), device: "eth0", source: vtepOf(n), mtu: 1500 }],
  };
}

function member(name: string, n: number, port: number): Member {
  const device = { ifindex: 6, name: "eth0", up: true, mtu: 1450, mac: macOf(n), addresses: [`${ipOf(n)}/24`] };
  const id = `${n}`.repeat(64);
  return {
    kind: "container",
    name,
    id,
    pid: 100 + n,
    ip: ipOf(n),
    mac: macOf(n),
    veth: `veth${port}`,
    inside: { devices: [device], neighbours: [] },
  };
}

function space(n: number, members: readonly Member[], far: readonly number[]): Space {
  const master = { name: "br0", ifindex: 2 };
  const vxlan = { vni: 256, port: 4789, learning: true, proxy: true, l2miss: true, l3miss: true };
  return {
    netns: "/var/run/docker/netns/1-8fcc19e5f0",
    links: [
      { ifindex: 2, name: "br0", kind: "bridge", up: true },
      { ifindex: 5, name: "vxlan0", kind: "vxlan", master, up: true, vxlan },
      ...members.map(({ veth = "" }, at) => ({ ifindex: 7 + at, name: veth, kind: "veth" as const, master, up: true })),
    ],
    fdb: [
      ...members.map(({ mac, veth = "" }) => ({ mac, ifname: veth, flags: [], master: "br0", state: "" })),
      ...far.map((one) => ({
        mac: macOf(one),
        ifname: "vxlan0",
        dst: vtepOf(n === 1 ? 2 : 1),
        flags: ["self"],
        state: "permanent",
      })),
    ],
    neighbours: far.map((one) => ({ ip: ipOf(one), dev: "vxlan0", mac: macOf(one), state: ["PERMANENT"] })),
    mtus: [{ device: "vxlan0", mtu: 1450 }],
    sampled: [],
  };
}

/** One host's network, changed. */
export function withNetwork(
  tables: HostTables,
  change: (network: NetworkTables) => Partial<NetworkTables>,
): HostTables {
  return { ...tables, networks: tables.networks.map((network) => ({ ...network, ...change(network) })) };
}

export function withSpace(tables: HostTables, change: (space: Space) => Partial<Space>): HostTables {
  return withNetwork(tables, (network) =>
    network.space === undefined ? {} : { space: { ...network.space, ...change(network.space) } },
  );
}

export function withMember(tables: HostTables, name: string, change: (member: Member) => Partial<Member>): HostTables {
  return withNetwork(tables, ({ members }) => ({
    members: members.map((one) => (one.name === name ? { ...one, ...change(one) } : one)),
  }));
}
