import { codeOf } from "../../host/thrown.ts";
import type { Answer } from "./transport.ts";

/** Times in milliseconds. */
export interface Patience {
  /** Requests in all, the first included. */
  readonly attempts: number;
  /** Of one request. */
  readonly timeout: number;
  /** A longer wait than this is not waited for. */
  readonly longestWait: number;
  /** The first wait after a failure that names none; each next is twice as long. */
  readonly firstWait: number;
  /** How long the API's lists may lag behind its writes. */
  readonly settle: number;
}

/** Datadog counts in periods of up to 60 s, and few of 300 s. */
export const patience: Patience = {
  attempts: 6,
  timeout: 30_000,
  longestWait: 310_000,
  firstWait: 500,
  settle: 5000,
};

/** What came of one request: an answer, or the error of a network that gave none. */
export type Outcome = { readonly answer: Answer } | { readonly error: unknown };

/** Whether the API did what it was asked: yes, no, or nobody knows. */
export type Done = "yes" | "no" | "unknown";

export function doneBy(outcome: Outcome): Done {
  if ("error" in outcome) return neverLeft(outcome.error) ? "no" : "unknown";
  const { status } = outcome.answer;
  if (status >= 200 && status < 300) return "yes";
  return status >= 500 || status === 408 ? "unknown" : "no";
}

/** Whether the same request may get a better answer. */
export function worthAgain(outcome: Outcome): boolean {
  if ("error" in outcome) return true;
  return outcome.answer.status === 429 || outcome.answer.status >= 500 || outcome.answer.status === 408;
}

/** No connection was made: nothing was sent. */
function neverLeft(error: unknown): boolean {
  return causes(error).some((one) => /\b(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH)\b/u.test(one));
}

/** The messages and codes of an error and of what it was caused by. */
export function causes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [String(error)];
  const code = codeOf(error);
  // Several addresses of one name that were tried in turn.
  const inner: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return [
    error.message,
    ...(code === "" ? [] : [code]),
    ...(error.cause === undefined ? [] : causes(error.cause)),
    ...inner.flatMap(causes),
  ];
}

/**
 * Milliseconds until the next attempt: what the API asks for, else a growing time. `spread` is from 0 to 1: runs that were
 * refused together do not come back together.
 */
export function waitBefore(
  attempt: number,
  outcome: Outcome,
  { firstWait }: Patience,
  now: Date,
  spread: number,
): number {
  const asked = "answer" in outcome ? askedWait(outcome.answer.headers, now) : undefined;
  if (asked !== undefined) return asked + spread * 250;
  return Math.min(firstWait * 2 ** (attempt - 1), 30_000) * (0.5 + spread / 2);
}

/** `X-RateLimit-Reset` is in seconds from now; `Retry-After` that, or a date. */
function askedWait(headers: Answer["headers"], now: Date): number | undefined {
  for (const text of [headers["x-ratelimit-reset"], headers["retry-after"]]) {
    if (text === undefined) continue;
    if (/^\d+(?:\.\d+)?$/u.test(text)) return Number(text) * 1000;
    const date = Date.parse(text);
    if (!Number.isNaN(date)) return Math.max(0, date - now.getTime());
  }
  return undefined;
}
