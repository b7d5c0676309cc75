import type { EngineLine } from "../host/journald/engine-log.ts";
import type { Finding, ReportClass } from "./diagnose/finding.ts";
import { reportOnly } from "./diagnose/report-only.ts";

interface Pattern {
  readonly id: string;
  readonly class: Extract<ReportClass, "networkdb-partition" | "engine-log">;
  readonly regex: RegExp;
  readonly meaning: string;
  readonly remedy: string;
}

const gossip =
  "let TCP and UDP 7946 pass between all hosts, both ways; restart the engine of the host that stays apart";
const rows = "overlaywatch doctor shows the row, overlaywatch cleanup heals it";
const restart = "restart the container; where it stays so, restart the engine while none of the network runs";

/** What dockerd says of its overlay networks; the words are those of engines 17.06 to 29. */
export const patterns = [
  {
    id: "node-failed",
    class: "networkdb-partition",
    regex: /change state NodeActive --> NodeFailed/,
    meaning: "NetworkDB has lost a node: what changes there is not known here",
    remedy: gossip,
  },
  {
    id: "no-acknowledgement",
    class: "networkdb-partition",
    regex: /memberlist: (?:Suspect \S+ has failed, no acks|Marking \S+ as failed)/,
    meaning: "another host does not answer gossip",
    remedy: gossip,
  },
  {
    id: "no-udp",
    class: "networkdb-partition",
    regex:
      /memberlist: Was able to (?:reach|connect to) \S+ (?:(?:via|over) TCP but (?:not UDP|UDP probes)|but other probes)/,
    meaning: "another host answers gossip by TCP alone",
    remedy: "let UDP 7946 pass between all hosts, both ways",
  },
  {
    id: "bulk-sync",
    class: "networkdb-partition",
    regex: /Bulk sync to node \S+ timed out/,
    meaning: "another host does not give its part of NetworkDB",
    remedy: gossip,
  },
  {
    id: "gossip",
    class: "networkdb-partition",
    regex: /Failed to send gossip/,
    meaning: "gossip could not be sent",
    remedy: gossip,
  },
  {
    id: "health-score",
    class: "networkdb-partition",
    regex: /healthscore:[1-9]/,
    meaning: "NetworkDB finds itself unhealthy: its questions are answered late or not at all",
    remedy: gossip,
  },
  {
    id: "peer-unresolved",
    class: "engine-log",
    regex: /could not resolve peer/,
    meaning: "the cluster did not say in time where a container is (moby/libnetwork#962)",
    remedy: "let TCP and UDP 7946 pass between all hosts, both ways",
  },
  {
    id: "transient",
    class: "engine-log",
    regex: /peerDb(?:Add|Delete) transient condition/,
    meaning: "two hosts were told for one address at once: a row may lead to the one that is left (moby#35401)",
    remedy: rows,
  },
  {
    id: "neighbour-present",
    class: "engine-log",
    regex: /Neighbor entry already (?:present|exists)/,
    meaning: "a row was in the way of the one that was to be written (moby#52661)",
    remedy: rows,
  },
  {
    id: "row-not-written",
    class: "engine-log",
    regex: /could not (?:add|delete) (?:fdb|neighbor) entry/,
    meaning: "a row could not be written, or taken away",
    remedy: rows,
  },
  {
    id: "peer-operation",
    class: "engine-log",
    regex: /Peer (?:delete )?operation failed|overlay: failed to (?:add|delete) peer entry/,
    meaning: "a container elsewhere could not be entered, or struck out",
    remedy: rows,
  },
  {
    id: "peer-database",
    class: "engine-log",
    regex: /Entry (?:already present in|was not in) db/,
    meaning: "what the engine keeps of other hosts' containers is not what it was told",
    remedy: rows,
  },
  {
    id: "join-failed",
    class: "engine-log",
    regex: /(?:subnet|network) sandbox join failed|could not get network sandbox/,
    meaning: "a container could not be joined to its overlay network",
    remedy: restart,
  },
] as const satisfies readonly Pattern[];

/** A line is told of once, by the first pattern that fits. Lines may be in any order. */
export function logFindings(lines: readonly EngineLine[], minutes: number): readonly Finding[] {
  const found = new Map<Pattern, { count: number; last: EngineLine }>();
  for (const line of lines) {
    const pattern = patterns.find(({ regex }) => regex.test(line.message));
    if (pattern === undefined) continue;
    const { count, last } = found.get(pattern) ?? { count: 0, last: line };
    found.set(pattern, { count: count + 1, last: line.at > last.at ? line : last });
  }
  return patterns.flatMap((pattern) => {
    const seen = found.get(pattern);
    return seen === undefined ? [] : [findingOf(pattern, seen.count, seen.last, minutes)];
  });
}

/** Latent: it was said, and may be over since. */
function findingOf({ class: of, meaning, remedy, regex }: Pattern, count: number, last: EngineLine, minutes: number) {
  const times = count === 1 ? "once" : `${count} times`;
  const at = new Date(last.at).toISOString().replace(/\.\d+Z$/, "Z");
  return reportOnly({
    class: of,
    state: "latent",
    evidence: `${meaning}: dockerd said so ${times} in ${minutes} minutes, last at ${at}: ${sampleOf(last.message, regex)}`,
    remedy,
    why: "what an engine says of the past is a hint, not a fault that can be seen",
  });
}

/** Characters before what was found, and in all. */
const [before, longest] = [60, 200];

/** Around what was found: a log line may be long, and hold what is nobody's business. */
function sampleOf(line: string, regex: RegExp): string {
  const message = line.replace(/^time="[^"]*" /, "");
  const at = regex.exec(message)?.index ?? 0;
  const from = Math.max(0, at - before);
  const part = message.slice(from, from + longest);
  return `${from > 0 ? "…" : ""}${part}${from + longest < message.length ? "…" : ""}`;
}
