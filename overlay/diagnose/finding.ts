/** Faults of one host's tables: by themselves, and against what is known of containers on other hosts. */
export type FindingClass =
  | "stale-local"
  | "self-loop"
  | "local-mac-on-vxlan-port"
  | "missing-fdb"
  | "wrong-vtep"
  /** The vxlan device answers ARP for a container elsewhere with a MAC that is not its own. */
  | "wrong-neighbour"
  | "orphan-row"
  | "duplicate-ip"
  | "orphan-vxlan-link"
  | "neighbour-table-full"
  | "conntrack-full"
  | ReportClass;

/** What is around the overlays: told, and never healed. `engine-log` is what dockerd itself says in its log. */
export const reportClasses = [
  "mtu",
  "source-address",
  "ipvs-stale-backend",
  "networkdb-partition",
  "engine-log",
] as const;
export type ReportClass = (typeof reportClasses)[number];

/** `latent` could harm and does not now; `active` harms now; `mitigated` is pinned. */
export type FindingState = "latent" | "active" | "mitigated";

export interface Finding {
  readonly class: FindingClass;
  readonly state: FindingState;
  readonly ip: string | null;
  readonly mac: string | null;
  /** Name of the local container, where it is one's. */
  readonly container: string | null;
  /** Device of the row. */
  readonly device: string | null;
  /** The row in the very words of `ip` or `bridge`. */
  readonly evidence: string;
  /** Strategy of `cleanup`, or what a person is to do. */
  readonly remedy: string;
  /** Whether it may be healed without asking anybody. */
  readonly automatic: boolean;
  /** Why not, as a sentence. */
  readonly why?: string;
}

/** What could not be judged, and why. */
export interface Unjudged {
  readonly what: string;
  readonly why: string;
  /** The verdict can not be "healthy" then. */
  readonly blind: boolean;
  /** It is a question of where containers of other hosts are. */
  readonly about?: "elsewhere";
}

export interface NamespaceDiagnosis {
  readonly file: string;
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
}

export type Verdict = "healthy" | "faulty" | "unknown";

export interface Diagnosis {
  readonly namespaces: readonly NamespaceDiagnosis[];
  /** Of the host as a whole. */
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
  readonly verdict: Verdict;
}
