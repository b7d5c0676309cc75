import { printable } from "../host/iproute2/error.ts";
import type { Endpoint } from "./endpoints.ts";
import { macOf } from "./rows.ts";
import type { Place as TruthPlace } from "./truth/place.ts";
import { fewOf } from "./words.ts";
import { isOwnMac, isUnicast, type Subnet, subnetOfEndpoint, type View } from "./diagnose/view.ts";

/** A rule says why this endpoint's rows must not be touched without a person's judgement; undefined where it sees nothing against it. */
export type EndpointRule = (view: View, endpoint: Endpoint) => string | undefined;

/** Only a network that Docker knows, in a namespace that has its vxlan device. */
const networkObjection = ({ input, subnets }: View): string | undefined => {
  if (input.ambiguous !== undefined) return `the namespace ${input.file} fits more than one network`;
  if (input.kind !== "overlay" || input.network === undefined)
    return `the namespace ${input.file} belongs to no network that Docker tells of`;
  if (input.unlisted === true) return "Docker does not list the network: does its cluster store answer?";
  return subnets.length === 0 ? `there is no vxlan device in the namespace ${input.file}` : undefined;
};

const runningContainer: EndpointRule = (_, { owner }) =>
  owner.kind === "container" ? undefined : `${named(owner.name)} is swarm's own, no container`;

/** Asked for each of them: of a great many, few are named. */
function onlyOne(all: readonly Endpoint[] = [], address: string): string | undefined {
  return all.length === 1 ? undefined : `Docker gives ${address} to ${all.length} running containers: ${namesOf(all)}`;
}

/** Docker can be told to give a MAC twice (`--mac-address`): then there is no one place for it. */
const oneContainerForMac: EndpointRule = ({ byMac }, { mac }) => {
  return onlyOne(byMac.get(mac), mac);
};

/** An address on two endpoints says nothing about which of them a row means. */
const oneContainerForAddress: EndpointRule = ({ byIp }, { ip }) => {
  if (ip === "") return "Docker tells no address for it";
  return onlyOne(byIp.get(ip), ip);
};

/** Group addresses and zero are no container's; the devices' own MACs are the bridge's. */
const containersOwnMac: EndpointRule = (view, { mac }) => {
  if (macOf(mac) === undefined) return "Docker tells no MAC for it";
  if (!isUnicast(mac)) return `${mac} is a group address or zero`;
  return isOwnMac(view, mac) ? `${mac} belongs to a device of the overlay's namespace itself` : undefined;
};

/** Found by `iflink`, never by where the bridge learned the MAC last. */
const onOneVeth: EndpointRule = (view, endpoint) => {
  const { veth, owner } = endpoint;
  if (veth === undefined) return `the port of ${named(owner.name)} was not found`;
  const port = view.links.get(veth.name);
  if (port?.kind !== "veth" || port.ifindex !== veth.ifindex)
    return `the port of ${named(owner.name)}, ${named(veth.name)} (${veth.ifindex}), is no veth of the namespace any more`;
  return subnetOfEndpoint(view, endpoint) === undefined
    ? `${named(veth.name)}, the port of ${named(owner.name)}, is on no bridge with a vxlan device`
    : undefined;
};

/** Two containers behind one veth: not Docker's doing. */
const vethOfItsOwn: EndpointRule = ({ input }, { veth, owner }) => {
  const sharing = (input.endpoints ?? []).filter((other) => veth !== undefined && other.veth?.name === veth.name);
  return sharing.length > 1 ? `${namesOf(sharing)} share the port of ${named(owner.name)}` : undefined;
};

/** A pin for a MAC that also lives elsewhere would be a black hole for the other one. */
const notElsewhere: EndpointRule = ({ input }, { mac }) =>
  input.truth?.elsewhere.has(mac) === true ? `${mac} runs on another host too` : undefined;

const endpointRules: readonly EndpointRule[] = [
  networkObjection,
  runningContainer,
  containersOwnMac,
  oneContainerForMac,
  oneContainerForAddress,
  onOneVeth,
  vethOfItsOwn,
  notElsewhere,
];

/** The first that speaks against it. */
export function objection(view: View, endpoint: Endpoint): string | undefined {
  for (const rule of endpointRules) {
    const sentence = rule(view, endpoint);
    if (sentence !== undefined) return sentence;
  }
  return undefined;
}

/** The same for the row of a container on another host. */
export function remoteObjection(view: View, { ip, mac }: TruthPlace): string | undefined {
  const [local] = view.byIp.get(ip) ?? [];
  if (local !== undefined) return `${ip} is the address of ${named(local.owner.name)} here`;
  if (isOwnMac(view, mac)) return `${mac} belongs to a device of the overlay's namespace itself`;
  if (view.input.truth?.twice.has(ip) === true) return `${ip} is told of more than one container`;
  if (view.input.endpoints === undefined) return "Docker did not tell which containers are local";
  return networkObjection(view);
}

/** Where an endpoint's rows are, for one that no rule speaks against. */
export interface Place {
  readonly subnet: Subnet & { readonly bridge: string };
  readonly veth: { readonly name: string; readonly ifindex: number };
}

export function placeOf(view: View, endpoint: Endpoint): Place | undefined {
  const subnet = subnetOfEndpoint(view, endpoint);
  if (subnet?.bridge === undefined || endpoint.veth === undefined) return undefined;
  return { subnet: { ...subnet, bridge: subnet.bridge }, veth: endpoint.veth };
}

const namesOf = (all: readonly Endpoint[]): string => fewOf(all, ({ owner }) => named(owner.name));

const named = (name: string): string => printable(name).slice(0, 80);
