import { createHash } from "node:crypto";

/** The stream that holds the jobs of all hosts. */
export const stream = "REMEDY";

/** The stream that holds what is said of the whole fleet: the last message of each subject. Gateways alone read it. */
export const fleetStream = "FLEET";

/**
 * What a host is called at the broker: 20 hexadecimal digits. Its name has dots, which part a subject's words, and may be
 * `*` or `>`, which would be everybody.
 */
export const hostKeyOf = (host: string): string =>
  createHash("sha256").update(host.toLowerCase()).digest("hex").slice(0, 20);

/** `overlay.KIND.HOSTKEY`; a kind is published by one side only. */
export const subjects = {
  /** Gateway, into the stream. */
  job: (key: string) => `overlay.job.${key}`,
  /** Gateway, to the host that is there now. */
  ask: (key: string) => `overlay.ask.${key}`,
  /** Gateway, into the stream of the fleet: whether, and how long, all of it is paused. */
  fleetPause: "overlay.fleet.pause",
  /** Host: to an `ask`, by its id. */
  answer: (key: string) => `overlay.answer.${key}`,
  /** Host: that it is there. */
  presence: (key: string) => `overlay.hb.${key}`,
  /** Host: what became of a job. */
  told: (key: string) => `overlay.result.${key}`,
} as const;

export const keyIn = (subject: string): string => subject.slice(subject.lastIndexOf(".") + 1);

/**
 * JetStream's own subjects as a host has them: in its account, where `$JS.API` would be the account's own JetStream, which
 * it has not.
 */
export const hostApi = "overlay.api";

export const advisory = "$JS.EVENT.ADVISORY.CONSUMER";
export const signatureHeader = "Overlaywatch-Signature";
/** Of a piece of an answer: `ASK PIECE/PIECES answer`, or `trouble`. */
export const answerHeader = "Overlaywatch-Answer";
/** Milliseconds of nobody's clock being right. */
export const clockSkew = 2 * 60_000;
