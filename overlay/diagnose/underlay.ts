import { withoutPort } from "../engine-facts.ts";
import type { EngineInfo } from "../../host/docker/info.ts";
import { otherVteps, type RouteTo } from "../routes.ts";
import type { Finding } from "./finding.ts";
import type { NamespaceInput } from "./input.ts";
import { reportOnly, some } from "./report-only.ts";
import { grouped, viewOf } from "./view.ts";

/** What is known of the way to other hosts. */
export interface Underlay {
  readonly namespaces: readonly NamespaceInput[];
  readonly ownVteps: readonly string[];
  /** Of this host's own devices. */
  readonly ownAddresses: readonly string[];
  readonly engine: Pick<EngineInfo, "clusterAdvertise" | "clusterStore"> | undefined;
  readonly routes: readonly RouteTo[];
  /** Hosts of which no container that was pinged has answered. */
  readonly silent?: ReadonlySet<string>;
}

/** Hosts that a network's rows lead to, or that its containers are told to be on. */
export function vtepsOfNetwork({ tables, truth }: NamespaceInput, own: ReadonlySet<string>): readonly string[] {
  const rows = tables.fdb.flatMap(({ flags, dst }) => (flags.includes("self") && dst !== undefined ? [dst] : []));
  return otherVteps([...rows, ...[...(truth?.elsewhere.values() ?? [])].map(({ vtep }) => vtep)], own);
}

interface Way {
  readonly input: NamespaceInput;
  readonly route: RouteTo;
}

function waysOf({ namespaces, ownVteps, routes }: Underlay): readonly Way[] {
  const own = new Set(ownVteps);
  const byAddress = new Map(routes.map((route) => [route.to, route]));
  return namespaces
    .filter(({ kind }) => kind === "overlay")
    .flatMap((input) =>
      vtepsOfNetwork(input, own).flatMap((vtep) => {
        const route = byAddress.get(vtep);
        return route === undefined ? [] : [{ input, route }];
      }),
    );
}

interface WrongSource {
  readonly to: string;
  readonly source: string;
  readonly expected: readonly string[];
  readonly device: string | undefined;
}

/**
 * VTEPs to which this host sends from an address that is not the one that they know it by, each once. One that they know and no
 * device of this host has is put in on the way (NAT of a cloud): there is nothing to see of that here.
 */
export function wrongSources(underlay: Underlay): readonly WrongSource[] {
  const found = new Map<string, WrongSource>();
  for (const { input, route } of waysOf(underlay)) {
    const expected = knownAs(input, underlay.engine);
    if (!expected.some((address) => underlay.ownAddresses.includes(address))) continue;
    const source = fixedSource(input) ?? route.source;
    if (source === undefined || expected.includes(source)) continue;
    found.set(route.to, { to: route.to, source, expected, device: route.device });
  }
  return [...found.values()];
}

/**
 * By which addresses the others know this host: by where they are told that its containers are. A classic engine advertises the
 * one that it uses; a swarm's data path may have an address of its own, which no other answer tells.
 */
function knownAs({ truth }: NamespaceInput, engine: Underlay["engine"]): readonly string[] {
  const told = new Set([...(truth?.here.values() ?? [])].map(({ vtep }) => vtep));
  if (told.size > 0) return [...told];
  const isClassic = engine !== undefined && engine.clusterStore !== "" && engine.clusterAdvertise !== "";
  return isClassic ? [withoutPort(engine.clusterAdvertise)] : [];
}

/** A device that has an address of its own to send from does not ask the route. */
const fixedSource = ({ tables }: NamespaceInput): string | undefined =>
  tables.links.find(({ vxlan }) => vxlan?.local !== undefined)?.vxlan?.local;

/**
 * The receiver holds the sender's address against its own row for the sending container, and drops what does not fit
 * (vxlan_snoop: a permanent row is never moved). Active where nobody behind such a way answers a ping.
 */
export function sourceFindings(underlay: Underlay): readonly Finding[] {
  const { silent = new Set<string>() } = underlay;
  const groups = grouped(wrongSources(underlay), ({ to, source, expected, device }) => [
    `${silent.has(to)} ${source} ${expected.join()} ${device}`,
  ]);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { to, source, expected, device } = first;
    const active = silent.has(to);
    const tried = active ? "; no container there answers a ping" : "";
    return [
      reportOnly({
        class: "source-address",
        state: active ? "active" : "latent",
        ip: source,
        device,
        evidence: `what goes to ${some(group.map((one) => one.to))} comes from ${source}, and the others know this host as ${expected.join(", ")} (ip route get ${to})${tried}`,
        remedy: `give the route the other address (ip route replace ... src ${expected[0] ?? ""}), or join the cluster anew with ${source}`,
        why: "the host's routes are a person's business",
      }),
    ];
  });
}

/** Around what a container sends: VXLAN over IPv4 has 14 + 20 + 8 + 8; ESP of an encrypted network 26 more (libnetwork's pktExpansion). */
export const headerBytes = (encrypted: boolean | undefined): number => (encrypted === true ? 76 : 50);

/** Latent: small packets pass, and larger ones are cut in pieces where the way lets them. */
export function mtuFindings(underlay: Underlay): readonly Finding[] {
  const tight = waysOf(underlay).flatMap(({ input, route }) => {
    const sent = largestSent(input);
    const header = headerBytes(input.encrypted);
    return sent !== undefined && route.mtu !== undefined && sent + header > route.mtu
      ? [{ input, to: route.to, device: route.device, sent, header, mtu: route.mtu }]
      : [];
  });
  const groups = grouped(tight, ({ device, sent, header, mtu }) => [`${device} ${sent} ${header} ${mtu}`]);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { to, device, sent, header, mtu } = first;
    const names = new Set(group.map(({ input }) => input.network?.name ?? input.file));
    const vteps = new Set(group.map((one) => one.to));
    return [
      reportOnly({
        class: "mtu",
        state: "latent",
        device,
        evidence: `containers of ${some([...names])} send up to ${sent}, and with ${header} of headers that does not fit into the ${mtu} of the way to ${some([...vteps])} (ip route get ${to}; ip link show dev ${device ?? "?"})`,
        remedy: `raise the MTU of ${device ?? "the way"}, or make such a network anew with --opt com.docker.network.driver.mtu=${mtu}`,
        why: "a network's MTU is set when it is made",
      }),
    ];
  });
}

/** Docker gives a container's end of the pair the MTU of this one. */
function largestSent(input: NamespaceInput): number | undefined {
  const { links } = viewOf(input);
  const ports = [...links.values()].filter(({ kind, master }) => kind === "veth" && master !== undefined);
  const mtus = ports.flatMap(({ mtu }) => mtu ?? []);
  return mtus.length === 0 ? undefined : Math.max(...mtus);
}
