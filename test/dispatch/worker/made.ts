import { createHash } from "node:crypto";
import type { Cleanup, Heard } from "../../../dispatch/worker/ask-helper.ts";
import { accepted } from "../../../dispatch/worker/machine.ts";
import type { JobRecord } from "../../../dispatch/worker/record.ts";
import type { Job } from "../../../dispatch/job.ts";

export const host = "web-1.example";

/** A job as the gateway makes it; `own`: as the host's own trigger does. */
export function jobOf(name: string, at: number, more: Partial<Job> & { readonly own?: boolean } = {}): Job {
  const { own = false, ...rest } = more;
  const id = createHash("sha256").update(name).digest("hex");
  const alert = {
    monitor: "12",
    cycle: `cycle ${name}`,
    event: "4711",
    org: "1",
    transition: "Triggered",
    scope: `host:${host}`,
    title: `misplaced ${name}`,
    link: "https://app.example/monitors/12",
  } as const;
  const base = { v: 1, id, trace: id.slice(0, 32), host, at, notAfter: at + 900_000 } as const;
  return { ...base, ...(own ? {} : { alert }), ...rest };
}

export const recordOf = (name: string, at: number): JobRecord => accepted(jobOf(name, at), at);

const nothing: Cleanup = {
  outcome: "nothing",
  strategy: "pin",
  actions: [],
  verified: false,
  undo: null,
  refused: [],
  ambiguous: [],
  loss: [],
  notes: [],
  unfinished: [],
};

const action = {
  command: ["nsenter", "--net=/run/docker/netns/1-abc", "bridge", "fdb", "replace", "02:42:0a:00:00:02"],
  reason: "its MAC is on the vxlan port",
  class: "local-mac-on-vxlan-port",
  result: "planned",
  container: "web",
  ip: "10.0.0.2",
  mac: "02:42:0a:00:00:02",
  network: "abcdefabcdefabcdefabcdefa",
  netns: "1-abcdefabcd",
};

/** An answer of the helper, as it answers to a look or a heal. */
export function cleanupOf(outcome: Cleanup["outcome"], more: Partial<Cleanup> = {}): Cleanup {
  const acts = outcome === "planned" || outcome === "cured" || outcome === "undone" || outcome === "failed";
  const cured = { verified: true, undo: "/state/undo/1", loss: [{ from: "web", to: "db", before: 1, after: 0 }] };
  return { ...nothing, outcome, actions: acts ? [action] : [], ...(outcome === "cured" ? cured : {}), ...more };
}

export const done = (outcome: Cleanup["outcome"], more: Partial<Cleanup> = {}): Heard => {
  return { kind: "done", result: cleanupOf(outcome, more) };
};

export const refusedBy = (rule: string): Heard =>
  done("refused", { refused: [{ rule, sentence: `it is ${rule}`, container: "web", mac: "02:42:0a:00:00:02" }] });
