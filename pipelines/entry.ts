/**
 * The journal entries of this program: what the recorder writes, the follower reads, and reports and backtests read
 * again later. All values are text in the journal; here they have their types. `SYSLOG_IDENTIFIER` is `identifier`, and
 * every field below stands there with `OVERLAYWATCH_` before its name.
 */
export const identifier = "overlaywatch";
export const fieldPrefix = "OVERLAYWATCH_";
const entryVersion = "1";

/** In the order of the journal's contract; those from `NETWORK_ID` on are additions to it. */
export const fieldNames = [
  "VERSION",
  "HOST",
  "KIND",
  "EPOCH",
  "SEQ",
  "NETWORK",
  "NETNS",
  "OBJECT",
  "ACTION",
  "DEV",
  "IFINDEX",
  "MAC",
  "IP",
  "DST",
  "COUNT",
  "TOTAL",
  "TRACE",
  "NETWORK_ID",
  "CONTAINER",
  "SOCKET",
  "SINCE",
  "UNTIL",
  "MOVES",
  "FLAPS",
  "VTEP_CHANGES",
  "STATE",
  "SHARE",
  "CLASS",
  "STRATEGY",
  "OUTCOME",
] as const;

export type FieldName = (typeof fieldNames)[number];

export const kinds = [
  /** One netlink event, or several that were folded into one entry: COUNT of them, between SINCE and UNTIL. */
  "event",
  /** The recorder lives. Carries TOTAL, so that a loss before it is known even where nothing else comes. */
  "heartbeat",
  /** No recorder was at work between SINCE and UNTIL: what happened then is unknown. */
  "gap",
  /** The kernel dropped COUNT messages of one recorder's SOCKET (`bridge` or `inet`) between SINCE and UNTIL. */
  "overrun",
  /** A namespace was picked up (STATE `up`) or let go (`down`). */
  "namespace",
  /** The local MAC of CONTAINER is (`on`) or is no more (`off`) on the vxlan port; SHARE of the last 2 s, 0..1. */
  "misplaced",
  /** For people: the last minute of one network in a sentence. */
  "summary",
  /** Something in the tables is wrong, of that CLASS: it came to that STATE, or is `gone`. */
  "finding",
  /** A cleanup ended: its STRATEGY and OUTCOME. */
  "remedy",
  /** A job of the worker came to that STATE, or was looked at again after its cure; OUTCOME of what the helper did. */
  "job",
  /** What the gateway made of one notification of Datadog's: its OUTCOME. */
  "page",
] as const;

export type EntryKind = (typeof kinds)[number];

/** The rest is written by whoever looks at the tables, or heals. */
export const recorderKinds: readonly EntryKind[] = kinds.filter(
  (kind) => !["finding", "remedy", "job", "page"].includes(kind),
);

const states = [
  "on",
  "off",
  "up",
  "down",
  "latent",
  "active",
  "mitigated",
  "gone",
  // Of jobs.
  "waiting",
  "approval",
  "working",
  "healthy",
  "observed",
  "healed",
  "refused",
  "escalated",
  "cancelled",
  "expired",
] as const;

export const objects = ["fdb", "neigh", "link", "addr", "route"] as const;
export type EventObject = (typeof objects)[number];

export const actions = ["new", "del", "miss"] as const;
export type EventAction = (typeof actions)[number];

/** Netlink sockets of a recorder in one namespace: `ip -f bridge` for the FDB, `ip -4` for all else. */
export const sockets = ["bridge", "inet"] as const;
export type RecorderSocket = (typeof sockets)[number];

/**
 * One entry. Only what its kind has is there. Times are microseconds since the epoch, as the journal has them.
 */
export interface Entry {
  readonly kind: EntryKind;
  /** Host name of the recorder. */
  readonly host: string;
  /** Random, 32 hexadecimal digits; one for each start of a recorder. */
  readonly epoch: string;
  /** 1, 2, 3... within the epoch: a hole is a lost entry. */
  readonly seq: number;
  /** Netlink events in all entries of the epoch up to this one, its own included: tells how many a hole cost. */
  readonly total: number;
  /** `ip`'s own text for an event; a sentence otherwise. */
  readonly message: string;
  /** Name of the Docker network; its id's first 12 characters where Docker has not told it. */
  readonly network?: string;
  readonly networkId?: string;
  /** Name of the namespace's file in Docker's folder. */
  readonly netns?: string;
  readonly object?: EventObject;
  readonly action?: EventAction;
  /** The device's name now, by its index. */
  readonly dev?: string;
  readonly ifindex?: number;
  readonly mac?: string;
  readonly ip?: string;
  /** VTEP of a vxlan `self` row. */
  readonly dst?: string;
  /** Netlink events in this entry (kind `event`), or messages lost (`overrun`). */
  readonly count?: number;
  readonly trace?: string;
  /** Local container that owns the MAC. */
  readonly container?: string;
  readonly socket?: RecorderSocket;
  /**
   * Time of the event, or of the first of several. In an entry of another kind that has no UNTIL: the oldest event that
   * is still to be written when this entry was.
   */
  readonly since?: number;
  readonly until?: number;
  /** A learned MAC came to another bridge port. Of the events in this entry, like the next two. */
  readonly moves?: number;
  /** It went between vxlan and veth and came back within the window. */
  readonly flaps?: number;
  /** A vxlan `self` row of a known MAC got another VTEP. */
  readonly vtepChanges?: number;
  readonly state?: (typeof states)[number];
  readonly share?: number;
  readonly class?: string;
  readonly strategy?: string;
  readonly outcome?: string;
}

/** Which field holds which property; numbers are written in decimal digits. */
const textColumns = [
  ["host", "HOST"],
  ["epoch", "EPOCH"],
  ["network", "NETWORK"],
  ["networkId", "NETWORK_ID"],
  ["netns", "NETNS"],
  ["dev", "DEV"],
  ["mac", "MAC"],
  ["ip", "IP"],
  ["dst", "DST"],
  ["trace", "TRACE"],
  ["container", "CONTAINER"],
  ["class", "CLASS"],
  ["strategy", "STRATEGY"],
  ["outcome", "OUTCOME"],
] as const;

const numberColumns = [
  ["seq", "SEQ"],
  ["total", "TOTAL"],
  ["ifindex", "IFINDEX"],
  ["count", "COUNT"],
  ["since", "SINCE"],
  ["until", "UNTIL"],
  ["moves", "MOVES"],
  ["flaps", "FLAPS"],
  ["vtepChanges", "VTEP_CHANGES"],
  ["share", "SHARE"],
] as const;

const wordColumns = [
  ["kind", "KIND", kinds],
  ["object", "OBJECT", objects],
  ["action", "ACTION", actions],
  ["socket", "SOCKET", sockets],
  ["state", "STATE", states],
] as const;

/** The fields of an entry, without MESSAGE and SYSLOG_IDENTIFIER; names with their prefix. */
export function fieldsOf(entry: Entry): Readonly<Record<string, string>> {
  const fields: Record<string, string> = { [`${fieldPrefix}VERSION`]: entryVersion };
  for (const [property, name] of [...textColumns, ...numberColumns, ...wordColumns]) {
    const value = entry[property];
    if (value !== undefined) fields[fieldPrefix + name] = String(value);
  }
  return fields;
}

/** Not one of our entries: by somebody else under our name, of a later version, or without what every entry has. */
export class BadEntry extends Error {
  override readonly name = "BadEntry";
}

/** Made once: to put two texts together and look that up takes longer than the rest of an entry. */
const readTexts = textColumns.map(([property, name]) => [property, fieldPrefix + name] as const);
const readNumbers = numberColumns.map(([property, name]) => [property, fieldPrefix + name] as const);
const readWords = wordColumns.map(([property, name, words]) => [property, fieldPrefix + name, words] as const);

type Draft = { -readonly [P in keyof Entry]?: Entry[P] };

/** Reads an entry from the journal's fields, by name with the prefix. Throws `BadEntry`, which names the field. */
export function readEntry(field: (name: string) => string | undefined): Entry {
  const draft: Draft = { message: field("MESSAGE") ?? "" };
  const version = field(`${fieldPrefix}VERSION`);
  if (version !== entryVersion) throw new BadEntry(`VERSION is ${version ?? "missing"}, expected ${entryVersion}`);
  for (const [property, name] of readTexts) set(draft, property, field(name));
  for (const [property, name] of readNumbers) set(draft, property, numberIn(name, field(name)));
  for (const [property, name, words] of readWords) set(draft, property, wordIn(name, words, field(name)));
  return whole(draft);
}

function set<P extends keyof Entry>(draft: Draft, property: P, value: Entry[P] | undefined): void {
  if (value !== undefined) draft[property] = value;
}

function numberIn(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,16}(?:\.\d{1,16})?$/u.test(text) || value > Number.MAX_SAFE_INTEGER)
    throw new BadEntry(`${name} is no number: ${text.slice(0, 40)}`);
  return value;
}

function wordIn<const W extends string>(name: string, words: readonly W[], text: string | undefined): W | undefined {
  const word = words.find((known) => known === text);
  if (word === undefined && text !== undefined) throw new BadEntry(`${name} is none of ${words.join(" ")}`);
  return word;
}

function whole({ kind, host, epoch, seq, total, message = "", ...rest }: Draft): Entry {
  if (kind === undefined) throw new BadEntry("KIND is missing");
  if (host === undefined) throw new BadEntry("HOST is missing");
  if (epoch === undefined || !/^[\da-f]{32}$/u.test(epoch)) throw new BadEntry("EPOCH is missing or no epoch");
  if (seq === undefined || !Number.isInteger(seq)) throw new BadEntry("SEQ is missing or no whole number");
  if (total === undefined) throw new BadEntry("TOTAL is missing");
  return { kind, host, epoch, seq, total, message, ...rest };
}
