import type { Container } from "../../host/docker/inventory.ts";
import { printable } from "../../host/iproute2/error.ts";
import { diagnose } from "../diagnose/diagnose.ts";
import type { Finding } from "../diagnose/finding.ts";
import { isLoop } from "../diagnose/local.ts";
import type { DiagnoseInput, NamespaceInput } from "../diagnose/input.ts";
import { isByTruth } from "../diagnose/remote.ts";
import { type Doubt, without } from "../truth/truth.ts";
import type { Look, Seen } from "./look.ts";

interface Target {
  readonly pid: number;
  readonly ip: string;
  readonly mac: string;
  readonly from: string;
  readonly finding: Finding;
}

/**
 * What is told of other hosts can be wrong: a container that is said to be cut off is pinged, from one of this host's. One
 * that answers is not: then nothing is believed of it. Where the row leads back to this host there is nothing to ask: what
 * is sent loops, and would draw the sender's own MAC into the loop.
 */
export async function withoutAnswering(
  seen: readonly Seen[],
  facts: Omit<DiagnoseInput, "namespaces">,
  { host, signal }: Look,
): Promise<readonly Seen[]> {
  const { reach } = host.overlays;
  const { containers } = host.docker.inventory();
  const { namespaces } = diagnose({ ...facts, namespaces: seen.map(({ input }) => input) });
  const ownVteps = new Set(facts.ownVteps);
  const targets = seen.map((one, at) => {
    const findings = (namespaces[at]?.findings ?? []).filter(({ mac }) => !loops(one, mac, ownVteps));
    return targetsIn(one, findings, containers);
  });
  if (reach === undefined || targets.every((all) => all.length === 0)) return seen;
  const losses = await reach(targets.flat(), signal);
  const lossOf = new Map(targets.flat().map((target, at) => [target, losses[at]]));
  return seen.map((one, at) => {
    const answered = (targets[at] ?? []).filter((target) => isAnswered(lossOf.get(target)));
    const { truth } = one.input;
    if (truth === undefined || answered.length === 0) return one;
    const doubts = new Map(answered.map((target) => [target.mac, doubtOf(target)]));
    return { ...one, input: { ...one.input, truth: without(truth, doubts) } };
  });
}

/** Of a network; what is not asked is taken as it is told. */
const mostAsked = 100;

const isAnswered = (loss: number | Error | undefined): boolean => typeof loss === "number" && loss < 1;

function targetsIn({ input }: Seen, findings: readonly Finding[], containers: readonly Container[]): readonly Target[] {
  const source = sourceIn(input, containers);
  if (source === undefined) return [];
  return findings
    .filter((one) => one.state === "active" && isByTruth(one))
    .slice(0, mostAsked)
    .flatMap((finding) => {
      const { ip, mac } = finding;
      return ip === null || mac === null ? [] : [{ ...source, ip, mac, finding }];
    });
}

/** A container of this host's, to ping from. */
export function sourceIn({ endpoints = [] }: NamespaceInput, containers: readonly Container[]) {
  const byId = new Map(containers.map((container) => [container.id, container]));
  const [source] = endpoints.flatMap(({ owner, veth }) => {
    const { pid = 0, name = "" } = byId.get(owner.id ?? "") ?? {};
    return veth === undefined || pid === 0 ? [] : [{ pid, from: name }];
  });
  return source;
}

function loops({ input }: Seen, mac: string | null, ownVteps: ReadonlySet<string>): boolean {
  return input.tables.fdb.some((row) => row.mac === mac && row.flags.includes("self") && isLoop(row, ownVteps));
}

function doubtOf({ from, ip, finding: { evidence } }: Target): Doubt {
  const why = `${ip} answers ${printable(from)}, which it could not if this were wrong: ${evidence}`;
  return { why, blind: true, answers: true };
}
