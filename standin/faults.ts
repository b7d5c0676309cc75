import { type Answer, page, refusal } from "./answer.ts";

/** What a fault makes of a request. */
export type Effect =
  /** Answered with this; nothing is done. */
  | { readonly kind: "instead"; readonly answer: (settings: FaultSettings) => Answer }
  /** Done, and then answered with this. */
  | { readonly kind: "after"; readonly answer: () => Answer }
  /** The connection is cut: before anything is done, or in the middle of the answer to what was done. */
  | { readonly kind: "cut"; readonly done: boolean }
  /** Read as it was a moment ago, or before there was anything. */
  | { readonly kind: "stale"; readonly age: "lag" | "all" }
  | { readonly kind: "slow" };

export interface Fault {
  readonly why: string;
  readonly source: string;
  readonly effect: Effect;
}

export interface FaultSettings {
  /** Share of requests from 0 to 1, by fault. */
  readonly rates: Readonly<Partial<Record<FaultName, number>>>;
  /** Age of what a stale read sees, in milliseconds. */
  readonly lag: number;
  /** How long a slow answer takes, in milliseconds. */
  readonly slow: number;
  /** What `X-RateLimit-Reset` of the 429 says, in whole seconds. */
  readonly reset: number;
}

/** A fault for one request to come: the first of that method and path. */
export interface Planned {
  readonly fault: FaultName;
  readonly method?: string;
  /** The path's beginning. */
  readonly path?: string;
}

/** As the edge says it in JSON (4.1). */
const edge = (code: number, text: string): Answer => ({
  status: code,
  body: { status: "error", code, errors: [text], statuspage: "http://status.datadoghq.com", twitter: "@datadogops" },
});

const limited = ({ reset }: FaultSettings): Answer => ({
  ...refusal(429, "Rate limit of 100 requests in 10 seconds reached. Please try again later."),
  headers: {
    "X-RateLimit-Limit": "100",
    "X-RateLimit-Period": "10",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": String(reset),
    "X-RateLimit-Name": "stand-in",
  },
});

const instead = (answer: (settings: FaultSettings) => Answer): Effect => ({ kind: "instead", answer });
const after = (answer: () => Answer): Effect => ({ kind: "after", answer });

/** What goes wrong between a client and the true API, by the name that `--faults` takes. */
export const faults = {
  "429": { why: "Too many requests; nothing is done.", source: "4.4", effect: instead(limited) },
  "500": {
    why: "The API fails before anything is done.",
    source: "4.1",
    effect: instead(() => refusal(500, "Internal Server Error")),
  },
  "502": {
    why: "The edge has nobody behind it, and says so in JSON.",
    source: "4.1, pitfall 13",
    effect: instead(() => edge(502, "Bad Gateway")),
  },
  "503": {
    why: "The API is in maintenance.",
    source: "2.3",
    effect: instead(() => ({ ...edge(503, "Service Unavailable"), headers: { "Retry-After": "1" } })),
  },
  "512": {
    why: "The edge gives up on what is asked all at once; nothing is done.",
    source: "2.3, pitfall 20",
    effect: instead(() => ({ status: 512, body: null, html: "Timeout" })),
  },
  html: {
    why: "The edge answers a page in place of JSON; nothing is done.",
    source: "4.1",
    effect: instead(() => page(502, "502 Bad Gateway")),
  },
  "403": {
    why: "A key that was good is refused.",
    source: "pitfall 21",
    effect: instead(() => refusal(403, "Forbidden")),
  },
  "409": {
    why: "A conflict without words of ours.",
    source: "5.2 (statuses outside the schema)",
    effect: instead(() => refusal(409, "Conflict")),
  },
  "422": {
    why: "A refusal with a status that the schema does not have.",
    source: "5.2",
    effect: instead(() => refusal(422, "Unprocessable Entity")),
  },
  "5xx-after": {
    why: "Done, but the edge did not wait for it: 504.",
    source: "2.3, pitfall 8",
    effect: after(() => edge(504, "Gateway Timeout")),
  },
  "html-after": {
    why: "Done, but answered with a page.",
    source: "4.1, pitfall 8",
    effect: after(() => page(504, "504 Gateway Time-out")),
  },
  reset: {
    why: "The connection is closed before anything is done.",
    source: "5.1",
    effect: { kind: "cut", done: false },
  },
  cut: {
    why: "Done, and the connection is closed in the middle of the answer.",
    source: "5.1, pitfall 8",
    effect: { kind: "cut", done: true },
  },
  stale: {
    why: "A read sees what was there a moment ago: a replica, or the search index.",
    source: "4.2 (TF PR #901, #1015)",
    effect: { kind: "stale", age: "lag" },
  },
  "empty-list": {
    why: "A list comes back empty, with a 200.",
    source: "2.5 (barkdog PR #15), pitfall 9",
    effect: { kind: "stale", age: "all" },
  },
  slow: { why: "The answer takes long.", source: "pitfall 20", effect: { kind: "slow" } },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof faults;
export const isFaultName = (text: string): text is FaultName => Object.hasOwn(faults, text);
export const faultNames = Object.keys(faults).filter(isFaultName);

const lists: ReadonlySet<string> = new Set(["/api/v1/monitor", "/api/v1/monitor/search", "/api/v1/dashboard"]);

/** Whether it can befall such a request: only reads are stale, only lists come back empty. */
function befalls(name: FaultName, method: string, path: string): boolean {
  const effect: Effect = faults[name].effect;
  if (effect.kind !== "stale") return true;
  return method === "GET" && (effect.age === "lag" || lists.has(path));
}

/** Draws what befalls each request. */
export class Faults {
  settings: FaultSettings = { rates: {}, lag: 2000, slow: 1000, reset: 1 };
  readonly #random: () => number;
  readonly #planned: Planned[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** For requests to come, in their order; before what the rates draw. */
  plan(...planned: readonly Planned[]): void {
    this.#planned.push(...planned);
  }

  draw(method: string, path: string): Effect | undefined {
    const planned = this.#planned.findIndex(
      (one) => befalls(one.fault, method, path) && (one.method ?? method) === method && path.startsWith(one.path ?? ""),
    );
    const [first] = planned < 0 ? [] : this.#planned.splice(planned, 1);
    const name = first?.fault ?? this.#byRate(method, path);
    return name && faults[name].effect;
  }

  #byRate(method: string, path: string): FaultName | undefined {
    let left = this.#random();
    for (const name of faultNames) {
      if (!befalls(name, method, path)) continue;
      left -= this.settings.rates[name] ?? 0;
      if (left < 0) return name;
    }
    return undefined;
  }
}
