import { type Answer, refusal } from "./answer.ts";

interface Limit {
  readonly requests: number;
  /** Seconds. */
  readonly period: number;
  readonly source: string;
}

/**
 * Per organisation (research/monitors.md 4.4); what is not here was seen to answer without the headers. Names of buckets
 * are ours where no recording has them.
 */
export const limits: Readonly<Record<string, Limit>> = {
  get_all_monitors: { requests: 1000, period: 10, source: "DataDog/pup PR #763; recorded: Get-all-monitor-details" },
  create_monitor: { requests: 500, period: 10, source: "recorded: TestAccDatadogMonitor_ThresholdWindows" },
  get_monitor: { requests: 3000, period: 10, source: "recorded: TestAccDatadogMonitor_ThresholdWindows" },
  search_monitors: { requests: 1000, period: 10, source: "as of the list, by likeness" },
  dashboard_get: { requests: 60, period: 60, source: "python client #1923; recorded: Get-all-dashboards" },
};

export interface Taken {
  readonly headers: Readonly<Record<string, string>>;
  /** The 429, where there is nothing left. */
  readonly refused?: Answer;
}

/** Counts requests in windows that lie on the calendar, as the API's do. */
export class Limits {
  readonly #used = new Map<string, { readonly window: number; readonly count: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  take(org: number, bucket: string): Taken {
    const limit = limits[bucket];
    if (limit === undefined) return { headers: {} };
    const seconds = this.#now() / 1000;
    const window = Math.floor(seconds / limit.period);
    const key = `${org} ${bucket}`;
    const before = this.#used.get(key);
    const count = (before?.window === window ? before.count : 0) + 1;
    this.#used.set(key, { window, count });
    const headers = headersOf(bucket, limit, count, (window + 1) * limit.period - seconds);
    return count <= limit.requests ? { headers } : { headers, refused: tooMany(limit) };
  }
}

const headersOf = (name: string, { requests, period }: Limit, count: number, left: number) => ({
  "X-RateLimit-Limit": String(requests),
  "X-RateLimit-Period": String(period),
  "X-RateLimit-Remaining": String(Math.max(0, requests - count)),
  "X-RateLimit-Reset": String(Math.ceil(left)),
  "X-RateLimit-Name": name,
});

const tooMany = ({ requests, period }: Limit): Answer =>
  refusal(429, `Rate limit of ${requests} requests in ${period} seconds reached. Please try again later.`);
