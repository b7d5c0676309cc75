import type { FindingState } from "./finding.ts";
import type { Endpoint } from "../endpoints.ts";
import type { Activity } from "./input.ts";
import { isPinned, rowsOnVxlan, type View } from "./view.ts";

/** With fewer, "most of the reads" says nothing: a read takes 0.2 to 17 ms of a second in the baseline too. */
const fewestReads = 5;

export interface Judged {
  readonly state: FindingState;
  /** What the state rests on, in words; empty where on nothing. */
  readonly basis: string;
  /** Whether there was anything to judge by. */
  readonly sure: boolean;
}

/** Misplaced: on the vxlan port for more than half of the time. 0.009 is everyday life, 0.997 the outage. */
export function judge(view: View, endpoint: Endpoint): Judged {
  if (isPinned(view, endpoint))
    return { state: "mitigated", basis: `pinned to ${endpoint.veth?.name ?? "its port"}`, sure: true };
  const activity = view.input.activity?.get(endpoint.mac);
  if (activity?.share !== undefined) return byShare(activity.share);
  if (activity !== undefined && activity.reads >= fewestReads) return byReads(activity);
  return { state: "latent", basis: "", sure: rowsOnVxlan(view, endpoint.mac).length === 0 };
}

function byShare(share: number): Judged {
  const percent = Math.round(share * 100);
  return { state: share > 0.5 ? "active" : "latent", basis: `on it for ${percent} % of the last 2 s`, sure: true };
}

function byReads({ reads, onVxlan }: Activity): Judged {
  return {
    state: onVxlan * 2 > reads ? "active" : "latent",
    basis: `on it in ${onVxlan} of ${reads} reads`,
    sure: true,
  };
}
