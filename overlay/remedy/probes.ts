import type { EchoTarget } from "../../host/sockets/echo.ts";
import { isLoop } from "../diagnose/local.ts";
import { viewOf } from "../diagnose/view.ts";
import { subnetOfEndpoint, type View } from "../diagnose/view.ts";
import type { DiagnoseInput } from "../diagnose/input.ts";
import type { Endpoint } from "../endpoints.ts";
import type { Action } from "./plan.ts";

/** From one local container to another one whose rows are to be healed, here or on another host. */
export interface Probe extends EchoTarget {
  readonly from: string;
  readonly to: string;
  /** Only between two that are cut off already: a healthy one that pings into the loop would be drawn into it. */
  readonly alsoBefore: boolean;
}

interface Sources {
  readonly input: DiagnoseInput;
  /** MACs that are cut off now, by namespace: others are not probed, for a first ARP request makes the fault possible. */
  readonly active: ReadonlySet<string>;
  /** The network namespace of a container, as a path; undefined where it is not known. */
  readonly namespaceOf: (endpoint: Endpoint) => string | undefined;
}

export const activeKey = (netns: string, mac: string | null): string => `${netns} ${mac ?? ""}`;

/** One for each container that is cut off and is to be healed, where another one can be its peer. */
export function probesOf(actions: readonly Action[], sources: Sources): readonly Probe[] {
  const wanted = new Set(actions.map(({ netns, mac }) => activeKey(netns, mac)));
  return sources.input.namespaces.flatMap((namespace) => {
    const view = viewOf(namespace);
    const away = actions.filter(({ netns, remote }) => netns === namespace.file && remote === true);
    const all = (namespace.endpoints ?? []).filter(({ owner, ip }) => owner.kind === "container" && ip !== "");
    const isSick = ({ mac }: Endpoint): boolean => sources.active.has(activeKey(namespace.file, mac));
    const patients = all.filter((one) => isSick(one) && wanted.has(activeKey(namespace.file, one.mac)));
    const [witness] = all.filter(
      ({ veth, mac }) => veth !== undefined && !sources.active.has(activeKey(namespace.file, mac)),
    );
    const local = patients.flatMap((patient) => {
      const peers = all.filter((one) => one !== patient && isBeside(view, one, patient));
      const peer = nextOf(peers.filter(isSick), patient) ?? peers[0];
      const netns = peer === undefined ? undefined : sources.namespaceOf(peer);
      if (peer === undefined || netns === undefined) return [];
      return [{ netns, ip: patient.ip, from: peer.owner.name, to: patient.owner.name, alsoBefore: isSick(peer) }];
    });
    return [...local, ...away.flatMap((action) => remoteProbe(witness, action, sources))];
  });
}

/** Only of one that is cut off now. Before, not where what is sent loops through this host. */
function remoteProbe(from: Endpoint | undefined, action: Action, sources: Sources): readonly Probe[] {
  const { netns, mac, ip, container, undoChange: was } = action;
  const loops = was?.kind === "put-self-row" && isLoop({ dst: was.dst }, new Set(sources.input.ownVteps));
  const path = from === undefined ? undefined : sources.namespaceOf(from);
  if (from === undefined || path === undefined || !sources.active.has(activeKey(netns, mac))) return [];
  return [{ netns: path, ip, from: from.owner.name, to: container, alsoBefore: !loops }];
}

const isBeside = (view: View, one: Endpoint, other: Endpoint): boolean => {
  const bridge = subnetOfEndpoint(view, one)?.bridge;
  return bridge !== undefined && bridge === subnetOfEndpoint(view, other)?.bridge;
};

/** The one that follows in the order of addresses' texts, so that of several each is asked by another. */
function nextOf(peers: readonly Endpoint[], { ip }: Endpoint): Endpoint | undefined {
  return peers.find((peer) => peer.ip > ip) ?? peers[0];
}
