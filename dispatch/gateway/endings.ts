interface EndingSpec {
  /** 0: the connection was closed without a word. */
  readonly code: number;
  /** What the sender reads. Nothing in it is of the request, or of this machine. */
  readonly says: string;
  /** When that is, for the documentation. */
  readonly when: string;
  /** A page came to nothing by it, or nearly: people are told. */
  readonly escalates?: true;
}

/**
 * How a request can end, in the order in which it is found out. The name is the tag `reason` of `webhook.requests`. Datadog
 * sends again after a 5xx alone, so what will never do is a 4xx, and what is well a 2xx.
 */
export const endings = {
  connections: { code: 0, says: "", when: "more connections than `max_connections`" },
  tls: { code: 0, says: "", when: "no TLS, or no certificate of `tls.client_ca_file`" },
  malformed: {
    code: 400,
    says: "This is no HTTP request.",
    when: "Node's strict parser refuses it, or it is cut short",
  },
  headers_too_large: { code: 431, says: "The headers are too large.", when: "more than 8 KiB of headers" },
  too_slow: {
    code: 408,
    says: "The request took too long.",
    when: "headers not there within 5 s, or all of it within 10 s",
  },
  method: { code: 405, says: "Use POST.", when: "any method but POST (`/healthz`: GET)" },
  path: { code: 404, says: "There is nothing here.", when: "any path but `webhook.path`, written just so" },
  query: {
    code: 400,
    says: "No query string is taken.",
    when: "a query string: secrets do not belong into an address",
  },
  media_type: { code: 415, says: "Send application/json.", when: "Content-Type missing, twice, or not JSON in UTF-8" },
  encoding: { code: 415, says: "Send the body as it is.", when: "a Content-Encoding" },
  expectation: { code: 417, says: "That can not be expected here.", when: "an Expect that is not 100-continue" },
  source: { code: 403, says: "Not from there.", when: "the sender's address is not in `sources`" },
  token: { code: 401, says: "Not authorised.", when: "no token, a wrong one, or two Authorization headers" },
  failures: { code: 429, says: "Too many failures.", when: "the same, and too often from that address" },
  too_large: { code: 413, says: "The body is too large.", when: "a body of more than 16 KiB" },
  body: {
    code: 400,
    says: "Expected a JSON object of exactly the known keys, each once, all texts.",
    when: "anything else: no UTF-8, no JSON, a key twice, missing or unknown, a value that is no text, another version",
  },
  unexpanded: {
    code: 422,
    says: "A variable was not expanded.",
    when: "a field still is `$VARIABLE`: the webhook's payload is wrong",
    escalates: true,
  },
  incomplete: {
    code: 422,
    says: "The monitor, event, host, scope or another field is empty.",
    when: "a field that is needed is empty, as where the monitor does not group by host",
    escalates: true,
  },
  field: {
    code: 422,
    says: "A field has a value that it can not have.",
    when: "ids or date are no numbers, or a key too long",
    escalates: true,
  },
  monitor: { code: 403, says: "Not for this monitor.", when: "the monitor is not in `monitors`", escalates: true },
  org: { code: 403, says: "Not for this organisation.", when: "the organisation is not in `orgs`", escalates: true },
  transition: {
    code: 422,
    says: "This transition is not known.",
    when: "a transition that Datadog has not",
    escalates: true,
  },
  ignored: { code: 202, says: "", when: "No Data, Warn, their repetitions, Renotify: noted, nothing is done" },
  stale: {
    code: 409,
    says: "The date is too far from now.",
    when: "older than `max_age`, or more than 2 min ahead",
    escalates: true,
  },
  merged: {
    code: 422,
    says: "Expected exactly one host.",
    when: "several hosts in one notification, or none in its scope",
    escalates: true,
  },
  host_name: { code: 422, says: "This is no host's name.", when: "a host that can not be one", escalates: true },
  disagree: {
    code: 422,
    says: "Host, scope and tags name different hosts.",
    when: "`host`, the scope's and the tags' `host:` differ",
    escalates: true,
  },
  unknown_host: {
    code: 422,
    says: "This host is not known here.",
    when: "the host is not in `hosts`, or nobody looks after it",
    escalates: true,
  },
  rate_limited: {
    code: 202,
    says: "",
    when: "more than `max_per_minute`, or too many jobs wait: not done",
    escalates: true,
  },
  paused: {
    code: 202,
    says: "",
    when: "the whole fleet is paused, by a person or its breaker: not done; the answer has the reason",
    escalates: true,
  },
  unreachable: {
    code: 503,
    says: "It could not be handed over: send it again.",
    when: "the worker or the broker does not answer: Datadog sends it again",
    escalates: true,
  },
  accepted: { code: 202, says: "", when: "the job is on a disk" },
  duplicate: { code: 202, says: "", when: "it was accepted before; the trace is the first one's" },
  withdrawn: { code: 202, says: "", when: "Recovered: what still waited for that alert is taken back" },
  healthy: { code: 200, says: "", when: "`/healthz`, and the worker or broker answers" },
  unhealthy: { code: 503, says: "The way to the host is closed.", when: "`/healthz`, and it does not" },
} as const satisfies Readonly<Record<string, EndingSpec>>;

export type Ending = keyof typeof endings;

export const endingNames = Object.keys(endings).filter((name): name is Ending => Object.hasOwn(endings, name));

export const specOf = (ending: Ending): EndingSpec => endings[ending];

/** For the documentation. */
export const endingsTable = (): readonly (readonly string[])[] =>
  endingNames.map((name) => {
    const { code, when, escalates } = specOf(name);
    return [code === 0 ? "closed" : String(code), `\`${name}\``, when, escalates === true ? "yes" : ""];
  });
