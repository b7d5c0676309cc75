import { deadline } from "../../host/deadline.ts";
import type { EngineInfo } from "../../host/docker/info.ts";
import type { Inventory, Network } from "../../host/docker/inventory.ts";
import { DockerError } from "../../host/docker/error.ts";
import { parseIpv4 } from "../../host/ipv4.ts";
import { NotAvailable, type OverlayView } from "../../host/host.ts";
import { ProgramError } from "../../host/iproute2/error.ts";
import { StoreError } from "../../host/kv/store.ts";
import type { Endpoint } from "../endpoints.ts";
import { driverOf } from "../engine-facts.ts";
import type { Examination, Examined } from "../examine/examination.ts";
import { lane } from "../examine/lane.ts";
import { otherVteps, routesTo } from "../routes.ts";
import { UnreadableTable } from "../rows.ts";
import { twoLists } from "../tables.ts";
import { tell } from "../truth/tell.ts";
import { unlistedNetworks } from "../unlisted.ts";
import { parseInside } from "./read.ts";
import type { HostTables, Inside, Member, NetworkTables, Space, Told } from "./tables.ts";

export interface Gathering {
  /** The host's name, as its engine gives it. */
  readonly host: string;
  readonly examination: Examination;
  readonly inventory: Inventory;
  readonly overlays: Pick<OverlayView, "run" | "hostNetns" | "tasks" | "stored" | "namespaceOf">;
  /** VTEPs beside those that the rows name. */
  readonly vteps?: readonly string[];
  /** Whose own namespace is looked into: every container's unless told, one process each. */
  readonly isWanted?: (member: Member) => boolean;
  /** Milliseconds that the swarm or the cluster store has to tell where containers of other hosts are, of all networks together. */
  readonly tellWithin?: number;
  readonly signal: AbortSignal;
}

/** Together with what was examined, what a packet's way needs: the containers' own tables, routes, MTUs, and who is where. */
export async function gather(gathering: Gathering): Promise<HostTables> {
  const { examination, inventory, host } = gathering;
  const few = lane(4);
  const telling = deadline(gathering.signal, gathering.tellWithin ?? 60_000);
  const reader: Reader = {
    ...gathering,
    telling: telling.signal,
    hostNetns: gathering.overlays.hostNetns,
    run: async (path, argv, options) => few(async () => gathering.overlays.run(path, argv, options)),
  };
  const seen = new Set(examination.namespaces.map(({ input }) => input.network?.id));
  const overlays = [
    ...inventory.networks.filter(({ driver }) => driver === "overlay"),
    ...unlistedNetworks(inventory).filter(({ id }) => seen.has(id)),
  ];
  const networks = await Promise.all(overlays.map(async (network) => networkOf(network, reader))).finally(
    telling.clear,
  );
  return {
    host,
    ownVteps: examination.input.ownVteps,
    advertised: advertisedBy(examination.engine),
    networks,
    routes: await routesTo(vtepsIn(networks, gathering), reader),
  };
}

interface Reader extends Gathering {
  readonly telling: AbortSignal;
  readonly hostNetns: string;
  readonly run: OverlayView["run"];
}

/** `--cluster-advertise` is an address with a port. By IPv6 no row that is read here leads to anybody. */
export function advertisedBy(engine: Pick<EngineInfo, "clusterAdvertise" | "swarmAddress"> | undefined): string {
  const told = engine === undefined ? "" : engine.clusterAdvertise.replace(/:\d+$/, "") || engine.swarmAddress;
  return parseIpv4(told) === undefined ? "" : told;
}

async function networkOf(network: Network, reader: Reader): Promise<NetworkTables> {
  const { id, name } = network;
  const { inventory } = reader;
  const examined = reader.examination.namespaces.find(({ input }) => input.network?.id === id);
  const driver = driverOf(network);
  const [members, told] = await Promise.all([
    Promise.all(membersOf(network, examined, reader).map(async (one) => withInside(one, reader))),
    examined === undefined ? null : toldOf({ id, driver }, reader),
  ]);
  return {
    id,
    name,
    driver,
    encrypted: network.encrypted === true,
    ...(inventory.networks.some((one) => one.id === id) ? {} : { unlisted: true as const }),
    members,
    told,
    ...(examined === undefined ? {} : { space: spaceOf(examined) }),
  };
}

function spaceOf({ namespace, input }: Examined): Space {
  const { links, fdb, neighbours, unreadable } = input.tables;
  return {
    netns: namespace.path,
    links: links.map(({ traffic: _traffic, mtu: _mtu, ...link }) => link),
    fdb,
    neighbours,
    ...(unreadable === 0 ? {} : { unreadable }),
    mtus: links.flatMap(({ name, mtu }) => (mtu === undefined ? [] : [{ device: name, mtu }])),
    sampled: [...(input.activity ?? [])].map(([mac, { reads, onVxlan }]) => ({ mac, reads, onVxlan })),
  };
}

/** Docker's word alone where the namespace was not read. */
function membersOf({ id }: Network, examined: Examined | undefined, { inventory }: Reader): readonly Member[] {
  const pids = new Map(inventory.containers.map((container) => [container.id, container.pid]));
  const known = examined?.input.endpoints?.map((endpoint) => memberOf(endpoint, pids));
  return (
    known ??
    inventory.containers.flatMap((container) =>
      container.attachments
        .filter(({ networkId }) => networkId === id)
        .map(({ ipv4, mac }): Member => {
          return {
            kind: "container",
            name: container.name,
            id: container.id,
            pid: container.pid,
            ip: ipv4,
            mac: mac.toLowerCase(),
          };
        }),
    )
  );
}

function memberOf({ owner, ip, mac, veth }: Endpoint, pids: ReadonlyMap<string, number>): Member {
  const pid = owner.id === undefined ? undefined : pids.get(owner.id);
  return {
    ...owner,
    ip,
    mac,
    ...(pid === undefined ? {} : { pid }),
    ...(veth === undefined ? {} : { veth: veth.name }),
  };
}

async function withInside(member: Member, reader: Reader): Promise<Member> {
  const { pid } = member;
  if (pid === undefined || reader.isWanted?.(member) === false) return member;
  const input = "addr show\nneigh show\n";
  const netns = reader.overlays.namespaceOf?.(pid) ?? `/proc/${pid}/ns/net`;
  const read = async (): Promise<Inside> => {
    const text = await reader.run(netns, ["ip", "-j", "-batch", "-"], { signal: reader.signal, input });
    return parseInside(...twoLists(text));
  };
  const inside = await orElse(read, undefined, reader.signal);
  return inside === undefined ? member : { ...member, inside };
}

/** Of all networks: where rows lead, and where the others are said to be. */
function vtepsIn(networks: readonly NetworkTables[], { examination, vteps = [] }: Gathering): readonly string[] {
  const own = new Set(examination.input.ownVteps);
  const rows = networks.flatMap(({ space }) => space?.fdb.filter(({ flags }) => flags.includes("self")) ?? []);
  const told = networks.flatMap((network) => network.told?.map(({ vtep }) => vtep) ?? []);
  return otherVteps([...vteps, ...told, ...rows.flatMap(({ dst }) => dst ?? [])], own);
}

async function toldOf(
  network: Parameters<typeof tell>[0],
  { examination, overlays, telling, signal }: Reader,
): Promise<readonly Told[] | null> {
  const read = async () => {
    try {
      return (await tell(network, examination.engine, overlays, telling)).places;
    } catch (error) {
      if (telling.aborted) return null;
      throw error;
    }
  };
  const places = await orElse(read, null, signal);
  signal.throwIfAborted();
  return places?.map(({ ip, mac, vtep, name }) => ({ ip, mac, vtep, name })) ?? null;
}

/** What is gone, fails or does not answer is not known: never an error of the whole. */
async function orElse<T>(read: () => Promise<T>, otherwise: T, signal: AbortSignal): Promise<T> {
  try {
    return await read();
  } catch (error) {
    signal.throwIfAborted();
    const known = [ProgramError, NotAvailable, UnreadableTable, DockerError, StoreError];
    if (known.some((kind) => error instanceof kind)) return otherwise;
    throw error;
  }
}
