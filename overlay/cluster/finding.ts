import type { Finding, FindingClass, Unjudged, Verdict } from "../diagnose/finding.ts";

export interface ClusterFinding extends Omit<Finding, "class"> {
  /** `duplicate-mac`: two containers with one MAC; each host sends to one of them, by chance. */
  readonly class: FindingClass | "duplicate-mac";
  /** Whose tables show it, or which of the hosts that have it twice. */
  readonly host: string;
  /** What a person may run there; null where that is for the person to find out. */
  readonly command: string | null;
}

export interface ClusterNetwork {
  readonly name: string;
  readonly id: string;
  readonly findings: readonly ClusterFinding[];
}

export interface ClusterDiagnosis {
  readonly hosts: readonly HostAnswer[];
  readonly networks: readonly ClusterNetwork[];
  readonly unjudged: readonly Unjudged[];
  readonly verdict: Verdict;
  /** Something is to be seen that is believed only when it is told again, some seconds later. */
  readonly again: boolean;
}

export interface HostAnswer {
  readonly host: string;
  readonly answered: boolean;
  readonly trouble?: string;
}
