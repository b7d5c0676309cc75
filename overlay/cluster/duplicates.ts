import { printable } from "../../host/iproute2/error.ts";
import type { Unjudged } from "../diagnose/finding.ts";
import { grouped } from "../diagnose/view.ts";
import { fewOf } from "../words.ts";
import { byText } from "./machines.ts";
import type { ClusterFinding } from "./finding.ts";
import type { ClusterTelling, Located } from "./telling.ts";

interface Doubled {
  readonly class: "duplicate-ip" | "duplicate-mac";
  /** The address that they share. */
  readonly key: string;
  readonly places: readonly Located[];
}

/** Addresses that more than one container has, by all hosts' own lists: told twice they are findings, else in doubt. */
export function duplicates(now: ClusterTelling, before: ClusterTelling | undefined) {
  const earlier = new Set(before === undefined ? [] : doubled(before).map(textOf));
  const all = doubled(now);
  const firm = all.filter((one) => earlier.has(textOf(one)));
  const open = all.filter((one) => !earlier.has(textOf(one)));
  return { findings: firm.flatMap(findingsOf), doubtful: open.map((one) => doubt(one, before === undefined)) };
}

function doubled({ listed }: ClusterTelling): readonly Doubled[] {
  const several = (groups: ReadonlyMap<string, readonly Located[]>, of: Doubled["class"]) =>
    [...groups]
      .filter(([, all]) => all.length > 1)
      .map(([key, all]): Doubled => ({ class: of, key, places: sorted(all) }));
  const ips = several(
    grouped(listed, ({ ip }) => [ip]),
    "duplicate-ip",
  );
  const macs = several(
    grouped(listed, ({ mac }) => [mac]),
    "duplicate-mac",
  );
  // Docker makes a MAC of the address: said once.
  return [...ips, ...macs.filter((one) => new Set(one.places.map(({ ip }) => ip)).size > 1)];
}

const sorted = (places: readonly Located[]): readonly Located[] =>
  places.toSorted((a, b) => byText(`${a.host} ${a.endpoint}`, `${b.host} ${b.endpoint}`));

const textOf = ({ class: of, key, places }: Doubled): string =>
  [of, key, ...places.map(({ host, endpoint }) => `${host} ${endpoint}`)].join("\n");

const told = ({ key, places }: Doubled): string =>
  `${key} is the address of ${fewOf(places, ({ name, host, vtep }) => `${printable(name)} on ${printable(host)}${vtep === "" ? "" : ` (${vtep})`}`)}`;

/** One for each host that has one of them. */
function findingsOf(one: Doubled): readonly ClusterFinding[] {
  const { class: of, key, places } = one;
  const mine = new Map(places.toReversed().map((place) => [place.host, place]));
  return [...mine.values()].map(({ host, name }) => ({
    class: of,
    state: "active",
    ip: of === "duplicate-ip" ? key : null,
    mac: of === "duplicate-mac" ? key : null,
    container: printable(name),
    device: null,
    evidence: `${told(one)}${lie(places)}`,
    remedy: places.every(({ id }) => id === undefined)
      ? "remove the network and make it anew: they are the swarm's own"
      : "recreate all but one of them",
    automatic: false,
    why: "which of them is to keep the address is a person's decision",
    host,
    command: null,
  }));
}

/** A container runs on one host. */
function lie(places: readonly Located[]): string {
  const ids = places.flatMap(({ id }) => id ?? []);
  return new Set(ids).size === ids.length
    ? ""
    : "; they are told to be one and the same container: not all of these hosts are to be believed";
}

const doubt = (one: Doubled, once: boolean): Unjudged => ({
  what: `whether ${told(one)}`,
  why: once ? "it was told once" : "it was not told so before",
  blind: true,
});
