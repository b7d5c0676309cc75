import type { Answer, Asked } from "../../../overlay/cluster/machines.ts";
import type { HostTables, Member, NetworkTables, Space } from "../../../overlay/explain/tables.ts";
import type { FdbRow } from "../../../overlay/fdb.ts";

export const networkId = "8fcc19e5f02090974583fcea9c64c5c0a9175be059caebce7b769592babdc443";
export const vtepOf = (host: number): string => `172.31.240.${host}`;
/** The n-th container of a host. */
export const ipOf = (host: number, n: number): string => `10.0.${host}.${n}`;
export const macOf = (host: number, n: number): string => `02:42:0a:00:${hex(host)}:${hex(n)}`;
export const nameOf = (host: number): string => `web-${host}`;
/** Of nobody. */
export const gone = { ip: "10.0.99.1", mac: "02:42:0a:00:63:01" } as const;

const hex = (number: number): string => number.toString(16).padStart(2, "0");

export interface Shape {
  readonly hosts: number;
  readonly containers: number;
  readonly driver?: "classic" | "swarm";
  /** Where it is not the advertised address that rows lead to. */
  readonly dataPath?: (host: number) => string;
}

/** Hosts 1 to n, each with all rows of all others' containers; swarm's with their load balancers. */
export function cluster(shape: Shape): readonly Answer[] {
  return numbers(shape.hosts).map((host) => ({ host: nameOf(host), tables: tablesOf(host, shape) }));
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at + 1);

function membersOf(host: number, { containers, driver = "classic" }: Shape): readonly Member[] {
  const all = numbers(containers).map((n): Member => {
    const id = `${hex(host)}${hex(n)}`.repeat(16);
    const where = { ip: ipOf(host, n), mac: macOf(host, n), veth: `veth${n}` };
    return { kind: "container", name: `c${host}-${n}`, id, pid: 100 * host + n, ...where };
  });
  const balancer = { ip: ipOf(host, 200), mac: macOf(host, 200), veth: "veth200" };
  return driver === "classic" ? all : [...all, { kind: "load-balancer", name: "lb-testnet", ...balancer }];
}

function tablesOf(host: number, shape: Shape): HostTables {
  const { dataPath = vtepOf } = shape;
  const own = [...new Set([vtepOf(host), dataPath(host)]), "172.17.0.1"];
  return {
    host: `engine-${host}`,
    ownVteps: own,
    advertised: vtepOf(host),
    networks: [networkOf(host, shape)],
    routes: [],
  };
}

function networkOf(host: number, shape: Shape): NetworkTables {
  const { driver = "classic" } = shape;
  const members = membersOf(host, shape);
  return { id: networkId, name: "testnet", driver, encrypted: false, members, told: null, space: spaceOf(host, shape) };
}

function spaceOf(host: number, shape: Shape): Space {
  const { dataPath = vtepOf, hosts } = shape;
  const master = { name: "br0", ifindex: 2 };
  const vxlan = { vni: 256, port: 4789, learning: true, proxy: true, l2miss: true, l3miss: true };
  const members = membersOf(host, shape);
  const others = numbers(hosts).filter((one) => one !== host);
  const far = others.flatMap((one) => membersOf(one, shape).map((member) => ({ ...member, vtep: dataPath(one) })));
  return {
    netns: "/var/run/docker/netns/1-8fcc19e5f0",
    links: [
      { ifindex: 2, name: "br0", kind: "bridge", up: true },
      { ifindex: 5, name: "vxlan0", kind: "vxlan", master, up: true, vxlan },
      ...members.map(({ veth = "" }, at) => ({ ifindex: 7 + at, name: veth, kind: "veth" as const, master, up: true })),
    ],
    fdb: [
      ...members.map(({ mac, veth = "" }) => ({ mac, ifname: veth, flags: [], master: "br0", state: "" })),
      ...far.map(({ mac, vtep }) => selfRow(mac, vtep)),
    ],
    neighbours: far.map(({ ip, mac }) => ({ ip, dev: "vxlan0", mac, state: ["PERMANENT"] })),
    mtus: [],
    sampled: [],
  };
}

export const selfRow = (mac: string, dst: string): FdbRow => ({
  mac,
  ifname: "vxlan0",
  dst,
  flags: ["self"],
  state: "permanent",
});

/** One host's tables, changed. */
export function changed<A extends Asked>(
  all: readonly A[],
  host: number,
  change: (tables: HostTables) => Partial<HostTables>,
): readonly A[] {
  return all.map((one) =>
    one.host === nameOf(host) && "tables" in one ? { ...one, tables: { ...one.tables, ...change(one.tables) } } : one,
  );
}

export function withNetwork<A extends Asked>(
  all: readonly A[],
  host: number,
  change: (network: NetworkTables) => Partial<NetworkTables>,
): readonly A[] {
  return changed(all, host, ({ networks }) => ({ networks: networks.map((one) => ({ ...one, ...change(one) })) }));
}

export const withSpace = <A extends Asked>(all: readonly A[], host: number, change: (space: Space) => Partial<Space>) =>
  withNetwork(all, host, ({ space }) => (space === undefined ? {} : { space: { ...space, ...change(space) } }));

/** Its row for that MAC leads there, or is gone. */
export const led = <A extends Asked>(all: readonly A[], host: number, mac: string, dst?: string): readonly A[] =>
  withSpace(all, host, ({ fdb }) => ({
    fdb: [
      ...fdb.filter((row) => row.mac !== mac || !row.flags.includes("self")),
      ...(dst === undefined ? [] : [selfRow(mac, dst)]),
    ],
  }));

/** It lists one more container. */
export const listing = <A extends Asked>(all: readonly A[], host: number, member: Partial<Member>): readonly A[] =>
  withNetwork(all, host, ({ members }) => ({
    members: [...members, { kind: "container", name: "more", id: "f".repeat(64), pid: 7, ip: "", mac: "", ...member }],
  }));

export const silenced = (all: readonly Asked[], ...hosts: readonly number[]): readonly Asked[] =>
  all.map((one) => (hosts.some((host) => nameOf(host) === one.host) ? { host: one.host, trouble: "no answer" } : one));

export const withoutSpace = (all: readonly Answer[], host: number): readonly Answer[] =>
  all.map((one) => {
    if (one.host !== nameOf(host)) return one;
    const networks = one.tables.networks.map(({ id, name, driver, encrypted, members, told }) => {
      return { id, name, driver, encrypted, members, told };
    });
    return { ...one, tables: { ...one.tables, networks } };
  });
