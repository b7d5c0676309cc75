import { fewOf } from "../words.ts";
import type { Place, Telling } from "./place.ts";

/** What is believed of one network's endpoints, after two tellings. */
export interface Truth {
  /** On other hosts, by MAC. */
  readonly elsewhere: ReadonlyMap<string, Place>;
  /** On this host, by MAC: their VTEP is the address that all others have for it. */
  readonly here: ReadonlyMap<string, Place>;
  /** MACs of which nothing is believed, and why; `blind`: it matters now. */
  readonly disputed: ReadonlyMap<string, Doubt>;
  /** Addresses that more than one endpoint has. */
  readonly twice: ReadonlyMap<string, readonly Place[]>;
  /** Told of any endpoint either time, also where nothing is believed of it. */
  readonly addresses: ReadonlySet<string>;
  /** What is told nowhere is nowhere. */
  readonly complete: boolean;
}

export interface Doubt {
  readonly why: string;
  readonly blind: boolean;
  /** It answered a ping: whatever its rows look like, it is not cut off. */
  readonly answers?: true;
}

/**
 * The same answer twice, by the very same endpoints: one that was started again in between is another one. The two may be one
 * and the same, to see what there would be to confirm.
 */
export function truthOf(first: Telling, second: Telling, ownVteps: ReadonlySet<string>): Truth {
  const [before, after] = [grouped(first, macOf), grouped(second, macOf)];
  const [elsewhere, here, disputed] = [new Map<string, Place>(), new Map<string, Place>(), new Map<string, Doubt>()];
  for (const mac of new Set([...before.keys(), ...after.keys()])) {
    const [one, other] = [before.get(mac) ?? [], after.get(mac) ?? []];
    const [place] = other;
    if (place === undefined || !isSame(one, other)) disputed.set(mac, doubt("what is told of it changed", one, other));
    else if (other.length > 1) disputed.set(mac, doubt("it is told of more than one endpoint", other));
    else if (ownVteps.has(place.vtep)) here.set(mac, place);
    else elsewhere.set(mac, place);
  }
  const twice = [...grouped(second, ipOf)].filter(
    ([ip, all]) => all.length > 1 && isSame(grouped(first, ipOf).get(ip) ?? [], all),
  );
  const addresses = new Set([...first.places, ...second.places].map(ipOf));
  return { elsewhere, here, disputed, twice: new Map(twice), addresses, complete: first.complete && second.complete };
}

const macOf = ({ mac }: Place): string => mac;
const ipOf = ({ ip }: Place): string => ip;

function grouped({ places }: Telling, keyOf: (place: Place) => string): ReadonlyMap<string, readonly Place[]> {
  const found = new Map<string, Place[]>();
  for (const place of places) {
    const group = found.get(keyOf(place));
    if (group === undefined) found.set(keyOf(place), [place]);
    else group.push(place);
  }
  return found;
}

const isSame = (one: readonly Place[], other: readonly Place[]): boolean => textOf(one) === textOf(other);

const textOf = (places: readonly Place[]): string =>
  places
    .map(({ endpoint, ip, vtep }) => `${endpoint} ${ip} ${vtep}`)
    .toSorted()
    .join(",");

/** An endpoint has one place for all its life: told at two, something lies. One that came or went is everyday life. */
function doubt(what: string, ...tellings: readonly (readonly Place[])[]): Doubt {
  const told = tellings.map((places) => fewOf(places, ({ ip, vtep }) => `${ip} at ${vtep}`, " and "));
  const vteps = new Map<string, string>();
  const blind = tellings.flat().some(({ endpoint, vtep }) => {
    const known = vteps.get(endpoint);
    vteps.set(endpoint, known ?? vtep);
    return known !== undefined && known !== vtep;
  });
  return { why: `${what}: ${told.map((text) => text || "nowhere").join(", then ")}`, blind };
}

/** Nothing is believed of these any more; it matters, and why. */
export function without(truth: Truth, doubts: ReadonlyMap<string, Doubt>): Truth {
  const elsewhere = new Map([...truth.elsewhere].filter(([mac]) => !doubts.has(mac)));
  return { ...truth, elsewhere, disputed: new Map([...truth.disputed, ...doubts]) };
}
