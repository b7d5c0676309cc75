import { detached } from "./mac.ts";

/** What kind of bridge port a MAC is behind. */
export type PortClass = "veth" | "vxlan" | "unknown";

/** Microseconds of the window that shares are taken of: two decades lie between outage and baseline at 2 s. */
export const shareWindow = 2_000_000;

/** A local MAC that was behind the vxlan port for more than this of the window is misplaced. */
export const misplacedAbove = 0.5;

/**
 * How long each local MAC was behind the vxlan port. Times are microseconds since the epoch, those of the events; a MAC
 * without events stays where it was. Memory is the same however often a MAC moves.
 */
export interface PortClock {
  /** The MACs of local containers: no others are watched, and what was known of one that is not among them is gone. */
  readonly own: (macs: ReadonlySet<string>) => void;
  /** Where a MAC is from now on; undefined: nowhere, its row is gone. One that is not local is ignored. */
  readonly set: (mac: string, port: PortClass | undefined, at: number) => void;
  readonly port: (mac: string) => PortClass | undefined;
  /**
   * Where a dump that was begun at `at` found a MAC. One that was set since then is left alone: its row may have been
   * read before.
   */
  readonly found: (mac: string, port: PortClass | undefined, at: number) => void;
  /** Of the window that ends at `now`, 0 to 1; 0 for a MAC that is not watched. What was before its first row is 0. */
  readonly share: (mac: string, now: number) => number;
  /** The MAC that has the largest share. */
  readonly largest: (now: number) => { readonly mac: string; readonly share: number } | undefined;
}

export function portClock(window = shareWindow): PortClock {
  const tracks = new Map<string, Track>();
  return {
    own: (macs) => {
      for (const mac of tracks.keys()) if (!macs.has(mac)) tracks.delete(mac);
      for (const mac of macs) if (!tracks.has(mac)) tracks.set(detached(mac), newTrack(window));
    },
    set: (mac, port, at) => {
      const track = tracks.get(mac);
      if (track === undefined) return;
      advance(track, at);
      track.port = port;
    },
    port: (mac) => tracks.get(mac)?.port,
    found: (mac, port, at) => {
      const track = tracks.get(mac);
      if (track === undefined || (track.until !== undefined && track.until > at)) return;
      advance(track, at);
      track.port = port;
    },
    share: (mac, now) => shareOf(tracks.get(mac), now),
    largest: (now) => {
      let largest: { mac: string; share: number } | undefined;
      for (const [mac, track] of tracks) {
        const share = shareOf(track, now);
        if (largest === undefined || share > largest.share) largest = { mac, share };
      }
      return largest;
    },
  };
}

/** A window is summed in this many slots; only the oldest, half out of the window, is an estimate: 1/64 at most. */
const slotCount = 64;

interface Track {
  readonly width: number;
  /** Microseconds on the vxlan port in each slot; slot number n is at `n % length`. One more than the window has. */
  readonly slots: Float64Array;
  port: PortClass | undefined;
  /** Up to when the slots are filled. */
  until: number | undefined;
}

function newTrack(window: number): Track {
  return { width: window / slotCount, slots: new Float64Array(slotCount + 1), port: undefined, until: undefined };
}

function advance(track: Track, at: number): void {
  const { slots, width, until } = track;
  // Set back by more than the window, the clock tells nothing of what is in the slots.
  if (until === undefined || at < until - width * slotCount) {
    slots.fill(0);
    track.until = at;
    return;
  }
  if (at <= until) return;
  fill(track, until, at);
  track.until = at;
}

function fill({ slots, width, port }: Track, from: number, to: number): void {
  const last = Math.floor(to / width);
  const first = Math.floor(from / width);
  for (let n = Math.max(first, last - slotCount); n <= last; n++) {
    const part = Math.min(to, (n + 1) * width) - Math.max(from, n * width);
    const place = n % slots.length;
    const before = n === first ? (slots[place] ?? 0) : 0;
    slots[place] = before + (port === "vxlan" ? part : 0);
  }
}

function shareOf(track: Track | undefined, now: number): number {
  if (track?.until === undefined) return 0;
  const { slots, width, until, port } = track;
  const end = Math.max(now, until);
  const start = end - width * slotCount;
  let sum = port === "vxlan" ? Math.min(end - until, width * slotCount) : 0;
  const last = Math.floor(until / width);
  for (let n = Math.max(Math.floor(start / width), last - slotCount); n <= last; n++) {
    const inside = Math.min(1, ((n + 1) * width - start) / width);
    sum += (slots[n % slots.length] ?? 0) * Math.max(0, inside);
  }
  return Math.min(1, sum / (width * slotCount));
}
