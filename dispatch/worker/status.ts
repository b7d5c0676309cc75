import type { HostStatus } from "../host-status.ts";
import { isEnd, type JobRecord } from "./record.ts";

type Own = Pick<HostStatus, "host" | "version" | "mode" | "inForce" | "proved" | "paused">;

/** How this host stands, as its fleet may know. `records`: newest first. */
export function hostStatusOf(own: Own, records: readonly JobRecord[]): HostStatus {
  const open = records.filter(({ state }) => !isEnd(state));
  const ended = records.filter(({ state }) => isEnd(state)).toSorted((a, b) => b.since - a.since);
  const cure = ended.find(({ state }) => state === "healed");
  return {
    ...own,
    open: open.length,
    approval: open.filter(({ state }) => state === "approval").length,
    last: ended[0] === undefined ? null : { state: ended[0].state, ...momentOf(ended[0]) },
    lastCure: cure === undefined ? null : momentOf(cure),
  };
}

const momentOf = ({ since, message }: JobRecord) => ({ at: since, message: message.slice(0, 2000) });
