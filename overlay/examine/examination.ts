import type { EngineInfo } from "../../host/docker/info.ts";
import type { Diagnosis, Finding, Unjudged, Verdict } from "../diagnose/finding.ts";
import type { DiagnoseInput, NamespaceInput } from "../diagnose/input.ts";
import type { OverlayNamespace } from "../discover.ts";
import type { OverlayDriver } from "../engine.ts";

/** One namespace with what was read in it and what that says. */
export interface Examined {
  readonly namespace: OverlayNamespace;
  readonly input: NamespaceInput;
  /** Of its network. */
  readonly driver: OverlayDriver;
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
}

/** A live look at all overlays of this host. */
export interface Examination {
  readonly engine: EngineInfo | undefined;
  readonly driver: OverlayDriver;
  /** What `diagnose` was given, and gave. */
  readonly input: DiagnoseInput;
  readonly diagnosis: Diagnosis;
  /** By name of file. Namespaces that went away meanwhile are not among them. */
  readonly namespaces: readonly Examined[];
  /** Of the host as a whole. */
  readonly findings: readonly Finding[];
  /** Of the host, and of namespaces that could not be read. */
  readonly unjudged: readonly Unjudged[];
  readonly verdict: Verdict;
}

/** With more that was found on the host. */
export function withParts(examination: Examination, more: Parts): Examination {
  const { namespaces } = examination;
  const findings = [...examination.findings, ...more.findings];
  const unjudged = [...examination.unjudged, ...more.unjudged];
  return { ...examination, findings, unjudged, verdict: verdictOf([{ findings, unjudged }, ...namespaces]) };
}

interface Parts {
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
}

/** An active finding is one, whatever else could not be seen; nothing is healthy that was not looked at. */
export function verdictOf(parts: readonly Parts[]): Verdict {
  if (parts.some(({ findings }) => findings.some(({ state }) => state === "active"))) return "faulty";
  return parts.some(({ unjudged }) => unjudged.some(({ blind }) => blind)) ? "unknown" : "healthy";
}
