import { printable } from "../../host/iproute2/error.ts";
import type { Finding, ReportClass } from "./finding.ts";

/** What of a finding is to be said, where nobody but a person can do anything about it. */
interface Told extends Pick<Finding, "state" | "evidence" | "remedy" | "why"> {
  readonly class: ReportClass;
  readonly ip?: string;
  readonly device?: string | undefined;
}

export function reportOnly({ class: of, state, ip, device, evidence, remedy, why }: Told): Finding {
  return {
    class: of,
    state,
    ip: ip ?? null,
    mac: null,
    container: null,
    device: device === undefined ? null : printable(device),
    evidence: printable(evidence),
    remedy: printable(remedy),
    automatic: false,
    ...(why === undefined ? {} : { why }),
  };
}

/** The first of many, and how many more there are. */
export function some(all: readonly string[], most = 3): string {
  const more = all.length - most;
  return more > 0 ? `${all.slice(0, most).join(", ")} and ${more} more` : all.join(", ");
}
