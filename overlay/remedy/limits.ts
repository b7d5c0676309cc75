/** How much may be healed unattended before a person has to look. Times in milliseconds. */
export interface Caps {
  /** Between two heals of one MAC. */
  readonly cooldown: number;
  /** Heals in one namespace within a minute. */
  readonly perMinute: number;
  /** So many heals of one MAC within the window mean that rows are not the fault. */
  readonly sameMac: number;
  readonly sameMacWindow: number;
  /** More than this share of the host's endpoints active at once: a fault of the control plane, not of rows. */
  readonly badShare: number;
  /** But never fewer than this: an outage takes at least its pair, and two pairs are no catastrophe on a small host. */
  readonly badFloor: number;
  /** The breaker closes again after this, or when a person says so. */
  readonly breakerFor: number;
}

export const defaultCaps: Caps = {
  cooldown: 30_000,
  perMinute: 20,
  sameMac: 3,
  sameMacWindow: 600_000,
  badShare: 0.1,
  badFloor: 4,
  breakerFor: 3_600_000,
};

export interface Heal {
  readonly at: number;
  /** Two networks with one subnet have the same MACs. */
  readonly netns: string;
  readonly mac: string;
}

/** A MAC that was pinned in a network: its pin goes with its veth, and is to come back with the next one. */
export interface KeptPin {
  readonly at: number;
  readonly networkId: string;
  readonly mac: string;
  /** How often rows that its container left behind were taken away since it was last seen here. */
  readonly left?: number;
}

/** A pause of the whole fleet, as its gateway said it. */
export interface FleetPause {
  readonly until: number;
  readonly reason: string;
  /** A person on this host has lifted it here: told again, it stays lifted. */
  readonly lifted?: true;
}

/** What outlives a process: one JSON file in the state folder. Times are milliseconds since the epoch. */
export interface Limits {
  readonly version: 1;
  /** Of the last ten minutes, oldest first. */
  readonly heals: readonly Heal[];
  readonly pins?: readonly KeptPin[];
  readonly paused?: { readonly until: number; readonly reason: string };
  /** Beside `paused`: the fleet's word neither lifts nor lengthens what was said on the host. */
  readonly fleet?: FleetPause;
  /** Nothing is written by anybody until a person takes it back. */
  readonly killed?: { readonly at: number; readonly reason: string };
  readonly breaker?: { readonly at: number; readonly reason: string };
}

export const noLimitsYet: Limits = { version: 1, heals: [] };

export type LimitsEvent =
  | ({ readonly kind: "healed" } & Heal)
  | ({ readonly kind: "pinned" } & KeptPin)
  | { readonly kind: "unpinned" | "left" | "returned"; readonly networkId: string; readonly mac: string }
  | { readonly kind: "paused"; readonly until: number; readonly reason: string }
  /** By a person on this host: the fleet's pause is lifted too, here. */
  | { readonly kind: "resumed" }
  | { readonly kind: "fleet-paused"; readonly until: number; readonly reason: string }
  | { readonly kind: "fleet-resumed" }
  | { readonly kind: "killed"; readonly at: number; readonly reason: string }
  | { readonly kind: "revived" }
  | { readonly kind: "tripped"; readonly at: number; readonly reason: string }
  | { readonly kind: "closed" };

/** Pure: the state after an event. Heals too old to count are let go of. */
export function after(limits: Limits, event: LimitsEvent, caps: Caps = defaultCaps): Limits {
  if (isPin(event)) return afterPin(limits, event);
  if (isPause(event)) return afterPause(limits, event);
  const { killed: _killed, ...alive } = limits;
  const { breaker: _breaker, ...closed } = limits;
  switch (event.kind) {
    case "healed":
      return { ...limits, heals: [...recent(limits.heals, event.at, keptFor(caps)), healOf(event)] };
    case "killed":
      return { ...limits, killed: { at: event.at, reason: event.reason } };
    case "revived":
      return alive;
    case "tripped":
      return { ...limits, breaker: { at: event.at, reason: event.reason } };
    case "closed":
      break;
  }
  return closed;
}

type PauseEvent = Extract<LimitsEvent, { readonly kind: "paused" | "resumed" | "fleet-paused" | "fleet-resumed" }>;
const isPause = (event: LimitsEvent): event is PauseEvent =>
  event.kind.endsWith("paused") || event.kind.endsWith("resumed");

function afterPause(limits: Limits, event: PauseEvent): Limits {
  const { fleet, ...alone } = limits;
  if (event.kind === "fleet-resumed") return alone;
  if (event.kind === "resumed") {
    const { paused: _paused, ...unpaused } = alone;
    return fleet === undefined ? unpaused : { ...unpaused, fleet: { ...fleet, lifted: true } };
  }
  const { until, reason } = event;
  if (event.kind === "paused") return { ...limits, paused: { until, reason } };
  // Its end is a millisecond: the same one is the same pause.
  return fleet?.until === until ? limits : { ...limits, fleet: { until, reason } };
}

const healOf = ({ at, netns, mac }: Heal): Heal => ({ at, netns, mac });
const pinOf = ({ at, networkId, mac }: KeptPin): KeptPin => ({ at, networkId, mac });
/** More than a host has containers: the oldest are let go of. */
const mostPins = 4096;

type PinEvent = Extract<LimitsEvent, { readonly networkId: string }>;
const isPin = (event: LimitsEvent): event is PinEvent => "networkId" in event;

function afterPin(limits: Limits, event: PinEvent): Limits {
  const { pins = [] } = limits;
  const isIt = ({ networkId, mac }: KeptPin): boolean => networkId === event.networkId && mac === event.mac;
  const others = pins.filter((pin) => !isIt(pin));
  if (event.kind === "pinned") return { ...limits, pins: [...others, pinOf(event)].slice(-mostPins) };
  const known = pins.find(isIt);
  if (known === undefined || event.kind === "unpinned") return { ...limits, pins: others };
  const left = event.kind === "left" ? { left: (known.left ?? 0) + 1 } : {};
  return { ...limits, pins: pins.map((pin) => (isIt(pin) ? { ...pinOf(pin), ...left } : pin)) };
}

const keptFor = ({ cooldown, sameMacWindow }: Caps): number => Math.max(cooldown, sameMacWindow, 60_000);

/** A clock that was set back makes heals of the future: they count as of now, so it never lifts a limit. */
const recent = (heals: readonly Heal[], now: number, window: number): readonly Heal[] =>
  heals.filter(({ at }) => now - at < window);

const lift = "`overlaywatch pause --off` lifts it";

/** Everybody is bound by it; undefined where it is not set. */
export function killSwitch({ killed }: Limits): string | undefined {
  return killed === undefined
    ? undefined
    : `switched off since ${time(killed.at)}: ${killed.reason}; nothing is written by anybody; ${lift}`;
}

/** Everybody is bound by it, for as long as it was said. */
export function pause({ paused }: Limits, now: number): string | undefined {
  return paused === undefined || now >= paused.until
    ? undefined
    : `paused until ${time(paused.until)}: ${paused.reason}; ${lift}`;
}

/** Everybody on this host is bound by it, as by `pause`. */
export function fleetPause({ fleet }: Limits, now: number): string | undefined {
  return fleet === undefined || fleet.lifted === true || now >= fleet.until
    ? undefined
    : `the whole fleet is paused until ${time(fleet.until)}: ${fleet.reason}; \`overlaywatch pause --fleet --off\` on the gateway's machine lifts it for all, \`overlaywatch pause --off\` for this host`;
}

export function breaker({ breaker: open }: Limits, now: number, caps: Caps = defaultCaps): string | undefined {
  if (open === undefined || now - open.at >= caps.breakerFor) return undefined;
  return `the breaker is open since ${time(open.at)}: ${open.reason}; \`overlaywatch pause --off\` closes it`;
}

/** Why the breaker has to open now; the caller keeps it as a `tripped` event. `active` and `endpoints` of the whole host. */
export function tooManyBad(active: number, endpoints: number, caps: Caps = defaultCaps): string | undefined {
  const allowed = Math.max(caps.badFloor, endpoints * caps.badShare);
  return active > allowed
    ? `${active} of ${endpoints} endpoints are cut off at once, which is no matter of single rows`
    : undefined;
}

export function healedTooOften(
  { heals }: Limits,
  { netns, mac }: Omit<Heal, "at">,
  now: number,
  caps: Caps = defaultCaps,
) {
  const same = recent(heals, now, caps.sameMacWindow).filter((heal) => heal.netns === netns && heal.mac === mac);
  return same.length >= caps.sameMac
    ? `${mac} was healed ${same.length} times within ${caps.sameMacWindow / 60_000} minutes and broke again: rows are not the fault`
    : undefined;
}

export function coolingDown(
  { heals }: Limits,
  { netns, mac }: Omit<Heal, "at">,
  now: number,
  caps: Caps = defaultCaps,
) {
  const last = recent(heals, now, caps.cooldown).findLast((heal) => heal.netns === netns && heal.mac === mac);
  return last === undefined
    ? undefined
    : `${mac} was healed ${seconds(now - last.at)} s ago; once in ${seconds(caps.cooldown)} s is the limit`;
}

/** How many more MACs of a namespace may be healed within this minute. */
export function roomIn({ heals }: Limits, netns: string, now: number, caps: Caps = defaultCaps): number {
  const used = recent(heals, now, 60_000).filter((heal) => heal.netns === netns).length;
  return Math.max(0, caps.perMinute - used);
}

/** Why nothing is healed now, whatever is found. */
export const stops = (limits: Limits, now: number): readonly string[] =>
  [killSwitch(limits), pause(limits, now), fleetPause(limits, now), breaker(limits, now)].filter(
    (one) => one !== undefined,
  );

/** Dates end 8.64e15 ms after the epoch. */
const time = (at: number): string => (at > 8.64e15 ? "the end of time" : new Date(at).toISOString());
const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000));
