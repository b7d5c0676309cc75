import { misplacedAbove, type PortClass } from "../ports.ts";

/** A local MAC and how it is said. */
export interface Suspect {
  readonly mac: string;
  readonly container: string;
  readonly share: number;
}

export interface MisplacedParts {
  /** The port that the kernel's table shows now, of each MAC that has a row. */
  readonly readPorts: () => Promise<ReadonlyMap<string, PortClass>>;
  readonly share: (mac: string) => number;
  /** The container that has the MAC now. */
  readonly container: (mac: string) => string | undefined;
  readonly say: (state: "on" | "off", suspect: Suspect) => void;
  /** The table says otherwise than the events: some were lost. */
  readonly doubt: () => void;
  readonly failed: (error: unknown) => void;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

/** Which local MACs are misplaced: by their share of time, and only said when the kernel's own table confirms it. */
export interface MisplacedWatch {
  /** Looks at the shares; to be called several times a second. */
  readonly look: (macs: Iterable<string>) => void;
  /** Names of containers. */
  readonly on: () => readonly string[];
  /** The namespace is gone, and with it what was misplaced in it. */
  readonly end: () => void;
}

const reads = 3;
/** How often it is said again while it lasts, and how long a MAC that was not confirmed is left alone; milliseconds. */
const repeatMs = 10_000;
const holdMs = 1000;

export function misplacedWatch(parts: MisplacedParts): MisplacedWatch {
  const state: State = { on: new Map(), held: new Map(), confirming: false, ended: false };
  return {
    look: (macs) => {
      const suspects = [...macs].filter((mac) => parts.share(mac) > misplacedAbove);
      settle(state, parts, new Set(suspects));
      const fresh = suspects.filter((mac) => !state.on.has(mac) && !isHeld(state, mac, parts.monotonic()));
      if (fresh.length > 0 && !state.confirming) void confirm(state, parts, fresh);
    },
    on: () => [...state.on.values()].map(({ container }) => container),
    end: () => {
      state.ended = true;
      settle(state, parts, new Set());
    },
  };
}

interface State {
  readonly on: Map<string, { readonly container: string; saidAt: number }>;
  readonly held: Map<string, number>;
  confirming: boolean;
  ended: boolean;
}

function isHeld({ held }: State, mac: string, now: number): boolean {
  for (const [one, until] of held) if (until <= now) held.delete(one);
  return held.has(mac);
}

/** Says what is over, and again what still lasts. */
function settle({ on }: State, parts: MisplacedParts, above: ReadonlySet<string>): void {
  for (const [mac, said] of on) {
    const lasts = above.has(mac) && parts.container(mac) === said.container;
    if (!lasts) on.delete(mac);
    if (lasts && parts.monotonic() - said.saidAt < repeatMs) continue;
    said.saidAt = parts.monotonic();
    parts.say(lasts ? "on" : "off", { mac, container: said.container, share: parts.share(mac) });
  }
}

async function confirm(state: State, parts: MisplacedParts, macs: readonly string[]): Promise<void> {
  state.confirming = true;
  try {
    const votes = await ask(parts, macs);
    if (state.ended) return;
    for (const mac of macs) judge(state, parts, mac, votes.get(mac) ?? 0);
  } catch (error) {
    // Unread is neither on nor off: the next look asks again.
    parts.failed(error);
  } finally {
    state.confirming = false;
  }
}

/** In how many of some reads each MAC was on the vxlan port. */
async function ask(parts: MisplacedParts, macs: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const votes = new Map<string, number>();
  for (let n = 0; n < reads; n++) {
    const ports = await parts.readPorts();
    for (const mac of macs) if (ports.get(mac) === "vxlan") votes.set(mac, (votes.get(mac) ?? 0) + 1);
  }
  return votes;
}

function judge({ on, held }: State, parts: MisplacedParts, mac: string, votes: number): void {
  const [container, share] = [parts.container(mac), parts.share(mac)];
  if (container === undefined || share <= misplacedAbove) return;
  if (votes * 2 > reads) {
    on.set(mac, { container, saidAt: parts.monotonic() });
    parts.say("on", { mac, container, share });
    return;
  }
  held.set(mac, parts.monotonic() + holdMs);
  parts.doubt();
}
