import { createPublicKey, type KeyObject } from "node:crypto";
import { JetStreamApiError, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { z } from "zod";
import { messageOf } from "../../host/thrown.ts";
import { isReason, longestPause } from "../helper/protocol.ts";
import type { Link } from "./hand-over.ts";
import { jsonOf } from "./protocol.ts";
import { isSigned, signatureOf } from "./signature.ts";
import { clockSkew, fleetStream, signatureHeader, subjects } from "./subjects.ts";

const fleetPause = z.strictObject({
  /** Milliseconds since the epoch. */
  until: z.int().nonnegative(),
  reason: z.string().refine(isReason),
  /** A person, or the fleet's breaker. */
  by: z.enum(["operator", "breaker"]),
});

export type FleetPause = z.output<typeof fleetPause>;

/** What a gateway signs; null: whatever there was is lifted. `at`: milliseconds since the epoch. */
const word = z.strictObject({ v: z.literal(1), at: z.int(), pause: fleetPause.nullable() });

/** The last word at the broker. */
export interface Kept {
  /** Its place in the stream; 0: there is none. */
  readonly seq: number;
  /** When it was said: each word is later than the one before, whosever clock is behind. */
  readonly at: number;
  readonly pause: FleetPause | undefined;
}

/** The message says what is wrong, and what to do. */
export class PauseTrouble extends Error {
  override readonly name = "PauseTrouble";
  /** Whether it was done all the same is not known. */
  readonly isOpen: boolean;

  constructor(
    message: string,
    { isOpen = false, cause }: { readonly isOpen?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.isOpen = isOpen;
  }
}

/** Somebody else has said something meanwhile. */
export class Overtaken extends Error {
  override readonly name = "Overtaken";
}

/** JetStream's error codes. */
const [streamNotFound, wrongLastSequence] = [10059, 10071];

/** What is kept, also where its time is over. Throws `PauseTrouble`, where it is forged too. */
export async function readFleetPause({ connection, timeoutMs }: Link, signingKey: KeyObject): Promise<Kept> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: timeoutMs });
  const query = { last_by_subj: subjects.fleetPause };
  const message = await manager.streams.getMessage(fleetStream, query).catch((cause: unknown) => {
    throw troubleOf("it can not be read whether the fleet is paused", cause);
  });
  if (message === null) return { seq: 0, at: 0, pause: undefined };
  const { data, header, seq } = message;
  if (!isSigned(data, header?.get(signatureHeader) ?? "", [createPublicKey(signingKey)]))
    throw new PauseTrouble(
      "what the broker has as the fleet's pause was not signed with this gateway's key, and is not believed: say with `overlaywatch pause --fleet` what is to hold",
    );
  const read = word.safeParse(jsonOf(data));
  if (!read.success)
    throw new PauseTrouble("what the broker has as the fleet's pause is not understood: is it of another version?");
  const { pause, at } = read.data;
  // No longer than one may be, whatever the clock of who said it; and each time the same end.
  const most = Math.min(at, Date.now()) + longestPause + clockSkew;
  return { seq, at, pause: pause === null ? undefined : { ...pause, until: Math.min(pause.until, most) } };
}

/**
 * Kept at the broker, for all gateways, those that start later too. Undefined lifts it. With `after`, only where the last
 * word is still that one; without, after whatever there is. Gives what is kept then. Throws `PauseTrouble`, and `Overtaken`.
 */
export async function keepFleetPause(
  link: Link,
  pause: FleetPause | undefined,
  signingKey: KeyObject,
  after?: Pick<Kept, "seq" | "at">,
): Promise<Kept> {
  if (after !== undefined) return say(link, { at: later(after.at), pause }, signingKey, after.seq);
  for (let left = mostTries; ; left--) {
    // What can not be read, as another's, is what this is to put an end to.
    const last = await readFleetPause(link, signingKey).catch((): Partial<Kept> => ({}));
    try {
      return await say(link, { at: later(last.at ?? 0), pause }, signingKey, last.seq);
    } catch (error) {
      if (!(error instanceof Overtaken) || left === 0) throw error;
    }
  }
}

const later = (than: number): number => Math.max(Date.now(), than + 1);

/** Of words that others say at the same moment. */
const mostTries = 5;

type Said = Omit<Kept, "seq">;

/**
 * What was said before, written again as of then: a gateway that has heard something newer meanwhile is not overtaken by it.
 * `seq`: of what the broker has in its place. Throws like `keepFleetPause`.
 */
export const writeAgain = (link: Link, said: Said, signingKey: KeyObject, seq: number): Promise<Kept> =>
  say(link, { at: said.at, pause: said.pause }, signingKey, seq);

async function say(link: Link, { at, pause }: Said, signingKey: KeyObject, last: number | undefined): Promise<Kept> {
  const body = JSON.stringify({ v: 1, at, pause: pause ?? null } satisfies z.input<typeof word>);
  const made = headers();
  made.set(signatureHeader, signatureOf(body, signingKey));
  const expect = { streamName: fleetStream, ...(last !== undefined && { lastSubjectSequence: last }) };
  try {
    const client = jetstream(link.connection, { timeout: link.timeoutMs });
    const { seq } = await client.publish(subjects.fleetPause, body, { headers: made, expect });
    return { seq, at, pause };
  } catch (cause) {
    if (isDefinite(cause)) throw refusalOf(cause);
    const kept = await heldAs(link, signingKey, { at, pause });
    if (kept === undefined) throw troubleOf(notKept, cause, true);
    return kept;
  }
}

/** The answer may have been lost, and not the question. Undefined where that is not known, or another word is there. */
async function heldAs(link: Link, signingKey: KeyObject, { at, pause }: Said): Promise<Kept | undefined> {
  const kept = await readFleetPause(link, signingKey).catch(() => undefined);
  return kept?.at === at && kept.pause?.until === pause?.until ? kept : undefined;
}

const notKept = "the fleet's pause can not be kept at the broker";

const isDefinite = (cause: unknown): boolean => cause instanceof JetStreamApiError || isNobody(cause);

function refusalOf(cause: unknown): PauseTrouble | Overtaken {
  if (cause instanceof JetStreamApiError && cause.code === wrongLastSequence)
    return new Overtaken("somebody else has said meanwhile whether the fleet is paused", { cause });
  return troubleOf(notKept, cause);
}

/** Of what is published, and no stream takes. */
const isNobody = (cause: unknown): boolean => cause instanceof Error && cause.name === "JetStreamNotEnabled";

function troubleOf(what: string, cause: unknown, isOpen = false): PauseTrouble {
  const isNone = cause instanceof JetStreamApiError && cause.code === streamNotFound;
  const said = messageOf(cause);
  const why = isNone
    ? "it has no place for it"
    : isNobody(cause)
      ? "it has no place for it, or is just starting"
      : said;
  return new PauseTrouble(
    `${what}: ${why}; where the fleet was made by an older version, run \`overlaywatch fleet config\`, have the broker read fleet.conf again, and run \`overlaywatch fleet provision\``,
    { cause, isOpen },
  );
}
