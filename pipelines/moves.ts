import { detached } from "./mac.ts";
import { type PortClass, shareWindow } from "./ports.ts";

/** What a learned row means for its MAC: nothing new, another port, or back to a port class that it had just left. */
export type Move = "none" | "moved" | "flapped";

/** Follows MACs from port to port. Times are microseconds since the epoch, those of the events. */
export interface MoveWatch {
  /** The MACs of local containers, never forgotten for want of room. */
  readonly own: (macs: ReadonlySet<string>) => void;
  /** A learned bridge row: the kernel tells a move by a new row alone, never by a deletion. */
  readonly learned: (mac: string, ifindex: number, port: PortClass, at: number) => Move;
  readonly deleted: (mac: string, ifindex: number) => void;
  /** Where a dump found a MAC of which nothing was known: no move, but the place that the next one starts from. */
  readonly found: (mac: string, ifindex: number, port: PortClass) => void;
  readonly foundSelfRow: (mac: string, vtep: string) => void;
  /** A vxlan `self` row: true when its MAC had another VTEP before. */
  readonly selfRow: (mac: string, vtep: string) => boolean;
  readonly selfRowDeleted: (mac: string) => void;
}

/** MACs of other hosts that are remembered, those seen last. */
const strangersKept = 4096;

interface Place {
  readonly mac: string;
  /** 0 while the MAC has no row. */
  ifindex: number;
  port: PortClass;
  /** The port class before this one, and when it was left. */
  before: PortClass | undefined;
  leftAt: number;
}

export function moveWatch(window = shareWindow): MoveWatch {
  let local: ReadonlySet<string> = new Set();
  const places = new Remembered<Place>(strangersKept, (mac) => local.has(mac));
  const vteps = new Remembered<{ readonly mac: string; vtep: string }>(strangersKept, (mac) => local.has(mac));
  return {
    own: (macs) => {
      local = macs;
    },
    learned: (mac, ifindex, port, at) => {
      const place = places.get(mac);
      if (place !== undefined) return moved(place, ifindex, port, at, window);
      places.add({ mac: detached(mac), ifindex, port, before: undefined, leftAt: 0 });
      return "none";
    },
    deleted: (mac, ifindex) => {
      const place = places.get(mac);
      if (place?.ifindex === ifindex) place.ifindex = 0;
    },
    found: (mac, ifindex, port) => {
      if (places.get(mac) === undefined)
        places.add({ mac: detached(mac), ifindex, port, before: undefined, leftAt: 0 });
    },
    foundSelfRow: (mac, vtep) => {
      if (vteps.get(mac) === undefined) vteps.add({ mac: detached(mac), vtep: detached(vtep) });
    },
    selfRow: (mac, vtep) => {
      const row = vteps.get(mac);
      if (row === undefined) vteps.add({ mac: detached(mac), vtep: detached(vtep) });
      if (row === undefined || row.vtep === vtep) return false;
      row.vtep = detached(vtep);
      return true;
    },
    selfRowDeleted: (mac) => vteps.remove(mac),
  };
}

function moved(place: Place, ifindex: number, port: PortClass, at: number, window: number): Move {
  const [lived, same] = [place.ifindex !== 0, place.ifindex === ifindex];
  place.ifindex = ifindex;
  if (same) return "none";
  const back = place.before === port && place.port !== port && at - place.leftAt <= window;
  if (place.port !== port) [place.before, place.leftAt] = [place.port, at];
  place.port = port;
  if (!lived) return "none";
  return back && known(port) && known(place.before) ? "flapped" : "moved";
}

const known = (port: PortClass | undefined): boolean => port === "veth" || port === "vxlan";

/** By MAC; the local ones for good, of the others the last few. */
class Remembered<V extends { readonly mac: string }> {
  readonly #local = new Map<string, V>();
  readonly #others = new Map<string, V>();
  readonly #limit: number;
  readonly #isLocal: (mac: string) => boolean;

  constructor(limit: number, isLocal: (mac: string) => boolean) {
    this.#limit = limit;
    this.#isLocal = isLocal;
  }

  get(mac: string): V | undefined {
    const value = this.#local.get(mac) ?? this.#others.get(mac);
    if (value !== undefined) this.#touch(value);
    return value;
  }

  add(value: V): void {
    if (this.#isLocal(value.mac)) {
      this.#makeRoom();
      this.#local.set(value.mac, value);
      return;
    }
    this.#others.set(value.mac, value);
    if (this.#others.size <= this.#limit) return;
    for (const oldest of this.#others.keys()) {
      this.#others.delete(oldest);
      return;
    }
  }

  remove(mac: string): void {
    this.#local.delete(mac);
    this.#others.delete(mac);
  }

  #touch(value: V): void {
    if (!this.#others.delete(value.mac)) return;
    (this.#isLocal(value.mac) ? this.#local : this.#others).set(value.mac, value);
  }

  /** Of containers that are gone. */
  #makeRoom(): void {
    for (const mac of this.#local.keys()) if (!this.#isLocal(mac)) this.#local.delete(mac);
  }
}
