import type { Place, Telling } from "./place.ts";

/** What is believed of a network: the same answer twice. By MAC; where two tellings differ, or one has a MAC twice, not there. */
export interface Truth {
  readonly places: ReadonlyMap<string, Place>;
  /** MACs that something tells and nothing is believed of: they may be anywhere. */
  readonly disputed: ReadonlySet<string>;
}

export function agreed(first: Telling, second: Telling): Truth {
  const [before, after] = [byMac(first), byMac(second)];
  const places = new Map<string, Place>();
  const disputed = new Set<string>();
  for (const mac of new Set([...before.keys(), ...after.keys()])) {
    const all = [...(before.get(mac) ?? []), ...(after.get(mac) ?? [])];
    const [one] = all;
    const isSame = all.length === 2 && all.every((other) => isSamePlace(one, other));
    if (one !== undefined && isSame && before.has(mac) && after.has(mac)) places.set(mac, one);
    else disputed.add(mac);
  }
  return { places, disputed };
}

function byMac({ places }: Telling): ReadonlyMap<string, readonly Place[]> {
  const found = new Map<string, Place[]>();
  for (const place of places) found.set(place.mac, [...(found.get(place.mac) ?? []), place]);
  return found;
}

const isSamePlace = (one: Place | undefined, other: Place): boolean =>
  other.vtep === one?.vtep && other.ip === one.ip && other.endpoint === one.endpoint;
