import type { Verdict } from "../diagnose/finding.ts";
import { shellWords } from "./command.ts";
import { clean } from "./ends.ts";
import { type Asked, type Ends, findEnds } from "./find.ts";
import { type Hop, unknown } from "./hop.ts";
import { sideOf } from "./side.ts";
import type { HostTables } from "./tables.ts";
import { walk } from "./walk.ts";

/** A packet's way from A to B. */
export interface Explained {
  readonly network: { readonly name: string; readonly id: string };
  readonly from: End;
  readonly to: End;
  /** Up to the first wrong one. */
  readonly hops: readonly Hop[];
  /** What was not looked at. */
  readonly notes: readonly string[];
  readonly verdict: Verdict;
}

export interface End {
  readonly name: string;
  readonly ip: string;
  readonly mac: string;
  /** Null where nothing tells. */
  readonly host: string | null;
}

/** Throws `Refused`. Pure: the tables in, the hops out. */
export function explain(hosts: readonly HostTables[], asked: Asked): Explained {
  const ends = findEnds(hosts, asked);
  const { host, network, member } = ends.a;
  const hops = hopsOf(ends, asked);
  return {
    network: { name: network.name, id: network.id },
    from: { name: member.name, ip: member.ip, mac: member.mac, host: host.host },
    to: endOf(ends, asked),
    hops,
    notes: notesOf(ends),
    verdict: verdictOf(hops),
  };
}

function hopsOf({ a, b }: Ends, asked: Asked): readonly Hop[] {
  const side = sideOf(a.host, a.network, a.member);
  if (side === undefined) return [noNamespace(a)];
  if (b === undefined) return [nobodyTells(a, asked.b)];
  const gone = b.attached !== undefined && b.target.side === undefined ? [noNamespace(b.attached)] : [];
  return gone.length > 0 ? gone : walk({ a: side, b: b.target });
}

/** A container without the namespace of its network can not send or get anything. */
function noNamespace({ host, network, member }: Ends["a"]): Hop {
  return clean({
    hop: "vxlan",
    host: host.host,
    what: `the network of ${member.name} has a namespace there`,
    command: `${shellWords("ls", "/var/run/docker/netns")} | ${shellWords("grep", network.id.slice(0, 9))}`,
    ...unknown("there is none, or it could not be read"),
  });
}

function nobodyTells({ host, network }: Ends["a"], name: string): Hop {
  return clean({
    hop: "place",
    host: host.host,
    what: `it is known where ${name} runs`,
    command: shellWords("docker", "network", "inspect", "--verbose", network.name),
    ...unknown("it is not here, and nothing tells of other hosts: give its address, or --with a bundle of its host"),
  });
}

function endOf({ b }: Ends, asked: Asked): End {
  if (b === undefined) return { name: asked.b, ip: "", mac: "", host: null };
  const { name, ip, mac, told } = b.target;
  return { name, ip, mac, host: b.attached?.host.host ?? b.target.host?.host ?? told?.vtep ?? null };
}

function notesOf({ a, b }: Ends): readonly string[] {
  const encrypted = a.network.encrypted ? ["the network is encrypted: its IPsec was not looked at"] : [];
  const unseen = b !== undefined && b.attached === undefined && b.target.host === undefined;
  const where = b?.target.told?.vtep;
  return unseen
    ? [
        ...encrypted,
        `the other host${where === undefined ? "" : `, ${where},`} was not looked at: run \`overlaywatch doctor --save BUNDLE\` there, and give it with --with`,
      ]
    : encrypted;
}

function verdictOf(hops: readonly Hop[]): Verdict {
  if (hops.some(({ ok }) => ok === false)) return "faulty";
  return hops.some(({ ok }) => ok === "unknown") ? "unknown" : "healthy";
}
