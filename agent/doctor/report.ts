import { hostname } from "node:os";
import type { Network } from "../../host/docker/inventory.ts";
import type { Finding, Unjudged, Verdict } from "../../overlay/diagnose/finding.ts";
import { isPinned, type Subnet, viewOf } from "../../overlay/diagnose/view.ts";
import type { OverlayDriver } from "../../overlay/engine.ts";
import type { Examination, Examined } from "../../overlay/examine/examination.ts";
import { bugsOf, type KnownBug } from "../../overlay/known-bugs.ts";

/** What `doctor --json` prints: a contract, to be extended and never changed. */
export interface DoctorJson {
  readonly host: string;
  readonly engine: string | null;
  readonly networks: readonly NetworkJson[];
  /** Of the host as a whole, and of namespaces that belong to no network. */
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
  readonly known_bugs: readonly Pick<KnownBug, "issue" | "title" | "lookFor">[];
  readonly verdict: Verdict;
}

interface NetworkJson {
  readonly name: string;
  readonly id: string;
  /** Of the first subnet, as `vxlan` and `bridge` are: `subnets` has them all. */
  readonly vni: number | null;
  readonly netns: string;
  readonly vxlan: string | null;
  readonly bridge: string | null;
  readonly driver: OverlayDriver;
  readonly subnets: readonly { readonly vni: number | null; readonly vxlan: string; readonly bridge: string | null }[];
  readonly endpoints: readonly EndpointJson[];
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
}

interface EndpointJson {
  readonly name: string;
  readonly kind: "container" | "load-balancer" | "ingress";
  readonly container_id: string | null;
  readonly ip: string | null;
  readonly mac: string | null;
  readonly veth: string | null;
  readonly pinned: boolean;
}

/** For machines, and what people see beside that. */
export interface Report {
  readonly json: DoctorJson;
  readonly driver: OverlayDriver | undefined;
  readonly namespaces: readonly Examined[];
  readonly ownVteps: ReadonlySet<string>;
}

export function reportOf(examination: Examination, networks: readonly Network[]): Report {
  const { engine, driver, namespaces, input, unjudged, verdict } = examination;
  const stray = namespaces.filter(({ input: { network } }) => network === undefined);
  const version = engine?.version ?? "";
  const json: DoctorJson = {
    host: engine?.name === undefined || engine.name === "" ? hostname() : engine.name,
    engine: version === "" ? null : version,
    networks: namespaces.flatMap((one) => networkOf(one, networks)),
    findings: [...examination.findings, ...stray.flatMap(({ findings }) => findings)],
    unjudged: [...unjudged, ...stray.flatMap((one) => one.unjudged)],
    known_bugs: bugsOf(version === "" ? undefined : version, driver).map(({ issue, title, lookFor }) => ({
      issue,
      title,
      lookFor,
    })),
    verdict,
  };
  return { json, driver, namespaces, ownVteps: new Set(input.ownVteps) };
}

/** Nothing could be looked at. */
export function unknownReport(why: string): Report {
  const unjudged = [{ what: "all overlay networks of this host", why, blind: true }];
  const nothing = { networks: [], findings: [], known_bugs: [] } as const;
  const json: DoctorJson = { host: hostname(), engine: null, ...nothing, unjudged, verdict: "unknown" };
  return { json, driver: undefined, namespaces: [], ownVteps: new Set() };
}

function networkOf({ input, namespace, driver, findings, unjudged }: Examined, networks: readonly Network[]) {
  const { network } = input;
  if (network === undefined) return [];
  const view = viewOf(input);
  const subnets = view.subnets.map(subnetJson);
  const [first = { vni: null, vxlan: null, bridge: null }] = subnets;
  const told = networks.find(({ id }) => id === network.id)?.vnis[0];
  const endpoints = (input.endpoints ?? []).map((endpoint): EndpointJson => ({
    name: endpoint.owner.name,
    kind: endpoint.owner.kind,
    container_id: endpoint.owner.id ?? null,
    ip: endpoint.ip === "" ? null : endpoint.ip,
    mac: endpoint.mac === "" ? null : endpoint.mac,
    veth: endpoint.veth?.name ?? null,
    pinned: isPinned(view, endpoint),
  }));
  const known: NetworkJson = {
    name: network.name,
    id: network.id,
    ...first,
    vni: first.vni ?? told ?? null,
    netns: namespace.file,
    driver,
    subnets,
    endpoints,
    findings,
    unjudged,
  };
  return [known];
}

function subnetJson({ vxlan, bridge }: Subnet) {
  return { vni: vxlan.vxlan?.vni ?? null, vxlan: vxlan.name, bridge: bridge ?? null };
}
