import { printable } from "../../host/iproute2/error.ts";
import { engineVersion, testedAs } from "../engine.ts";
import type { Diagnosis, Finding, NamespaceDiagnosis, Unjudged, Verdict } from "./finding.ts";
import type { DiagnoseInput, NamespaceInput } from "./input.ts";
import { findingsOf, unsure } from "./local.ts";
import { remoteFindings } from "./remote.ts";
import { type View, viewOf } from "./view.ts";
import { hostFindings, orphanNamespaceFindings } from "./whole-host.ts";

/** Pure: what the tables say about themselves, nothing read and nothing changed. */
export function diagnose(input: DiagnoseInput): Diagnosis {
  const namespaces = input.namespaces.map((namespace) => diagnoseNamespace(namespace, input));
  const findings = hostFindings(input);
  const unjudged = unjudgedOfHost(input);
  return { namespaces, findings, unjudged, verdict: verdictOf([{ findings, unjudged }, ...namespaces]) };
}

function diagnoseNamespace(namespace: NamespaceInput, input: DiagnoseInput): NamespaceDiagnosis {
  const { file, kind } = namespace;
  if (kind !== "overlay" || namespace.network === undefined)
    return { file, findings: orphanNamespaceFindings(namespace), unjudged: ambiguity(namespace) };
  const view = viewOf(namespace);
  const ownVteps = new Set(input.ownVteps);
  const host = hostObjection(input);
  const endpoints = namespace.endpoints ?? [];
  const remote = remoteFindings(view, { ownVteps, driver: input.engine.driver, objection: host });
  const findings = [...endpoints.flatMap((end) => findingsOf(view, end, ownVteps, host)), ...remote.findings];
  return {
    file,
    findings: unique(findings),
    unjudged: [...blindSpots(view), ...endpoints.flatMap((end) => unsure(view, end)), ...remote.unjudged],
  };
}

/** Two endpoints with one MAC would tell of the same row twice. */
function unique(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Map(
    findings.map((finding) => [`${finding.class} ${finding.container} ${finding.evidence}`, finding]),
  );
  return [...seen.values()];
}

/** Healing unattended wants an engine whose faults and cures the tests have seen. */
function hostObjection({ engine }: Pick<DiagnoseInput, "engine">): string | undefined {
  const version = engine.version === undefined ? undefined : engineVersion(engine.version);
  if (version === undefined) return "the engine's version is not known";
  return testedAs(version, engine.driver) !== undefined
    ? undefined
    : `engine ${printable(engine.version ?? "")} is not among those that the tests ran`;
}

function unjudgedOfHost({ ownVteps, namespaces }: DiagnoseInput): readonly Unjudged[] {
  const any = namespaces.some(({ kind }) => kind === "overlay");
  const why = "the address by which this host is a VTEP is not known: only rows to 127.0.0.1 can be told";
  return ownVteps.length === 0 && any ? [{ what: "self rows that lead back to this host", why, blind: true }] : [];
}

function ambiguity({ file, ambiguous }: NamespaceInput): readonly Unjudged[] {
  if (ambiguous === undefined) return [];
  const ids = ambiguous.map((id) => id.slice(0, 12)).join(", ");
  return [
    { what: `the namespace ${printable(file)}`, why: `more than one network fits its name: ${ids}`, blind: true },
  ];
}

function blindSpots(view: View): readonly Unjudged[] {
  const { file, endpoints, tables } = view.input;
  const what = `local containers of the network in ${printable(file)}`;
  const ports = tables.links.filter(({ kind, master }) => kind === "veth" && master !== undefined).length;
  const spots: Unjudged[] = [];
  if (endpoints === undefined)
    spots.push({ what, why: "Docker did not tell which containers run; rows are not stale for that", blind: true });
  else if (endpoints.length === 0 && ports > 0)
    spots.push({
      what,
      why: `Docker lists none, but ${ports} ports are there; rows are not stale for that`,
      blind: true,
    });
  const nameless = (endpoints ?? []).filter(({ mac }) => mac === "").map(({ owner }) => printable(owner.name));
  if (nameless.length > 0) spots.push({ what: nameless.join(", "), why: "Docker tells no MAC for it", blind: true });
  if (view.subnets.length === 0) spots.push({ what, why: "the namespace has no vxlan device", blind: false });
  if (tables.unreadable > 0)
    spots.push({
      what: `${tables.unreadable} rows in ${printable(file)}`,
      why: "they could not be read",
      blind: false,
    });
  return spots;
}

function verdictOf(parts: readonly { findings: readonly Finding[]; unjudged: readonly Unjudged[] }[]): Verdict {
  if (parts.some(({ findings }) => findings.some(({ state }) => state === "active"))) return "faulty";
  return parts.some(({ unjudged }) => unjudged.some(({ blind }) => blind)) ? "unknown" : "healthy";
}
