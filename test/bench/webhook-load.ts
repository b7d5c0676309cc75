import { connect } from "node:net";

/**
 * Sends valid and invalid requests to a gateway, so many of each a second, each on a connection of its own as Datadog's are,
 * and prints what came of them as one line of JSON. A process by itself, so that its work is not in the measured one:
 * `node webhook-load.js URL TOKEN SECONDS VALID INVALID HOSTS`.
 */
const [url = "", token = "", seconds = "3", valid = "200", invalid = "2000", hosts = "200"] = process.argv.slice(2);
const { hostname, port, pathname } = new URL(url);

interface Tally {
  sent: number;
  /** Those with a 2xx that says nothing of being ignored, limited or the like. */
  accepted: number;
  refused: number;
  /** Closed without an answer, or not answered within 30 s. */
  silent: number;
  readonly ms: number[];
}

const tallies = { valid: tally(), invalid: tally() };
const byKind: Record<string, number> = {};

function tally(): Tally {
  return { sent: 0, accepted: 0, refused: 0, silent: 0, ms: [] };
}

function bodyOf(event: number, changed: Readonly<Record<string, string>> = {}): string {
  const host = `host-${event % Number(hosts)}`;
  const whole = {
    version: "1",
    monitor_id: "11",
    cycle: String(event),
    transition: "Triggered",
    event: String(event),
    host,
    scope: `host:${host}`,
    tags: `host:${host}`,
    title: "Frames take the wrong way",
    date: String(Date.now()),
    org: "22",
    link: "",
  };
  return JSON.stringify({ ...whole, ...changed });
}

function request(body: string, authorization: string, more = "", method = "POST", path = pathname): string {
  return `${method} ${path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n${authorization === "" ? "" : `Authorization: Bearer ${authorization}\r\n`}${more}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}

/** What a stranger, a broken proxy or a wrong template sends; by name. */
const kinds: Readonly<Record<string, (event: number) => string>> = {
  "no token": (event) => request(bodyOf(event), ""),
  "a wrong token": (event) => request(bodyOf(event), "x".repeat(64)),
  "two tokens": (event) => request(bodyOf(event), token, `Authorization: Bearer ${"x".repeat(64)}\r\n`),
  "no JSON": (event) => request(bodyOf(event).slice(0, -1), token),
  "a key twice": (event) => request(bodyOf(event).replace("{", '{"host":"host-1",'), token),
  "an unknown key": (event) => request(bodyOf(event, { command: "id" }), token),
  "no host": (event) => request(bodyOf(event, { host: "", scope: "" }), token),
  "an unexpanded variable": (event) => request(bodyOf(event, { host: "$HOSTNAME" }), token),
  "two hosts": (event) => request(bodyOf(event, { scope: "host:host-1,host:host-2" }), token),
  "a host that is not known": (event) =>
    request(bodyOf(event, { host: "other", scope: "host:other", tags: "" }), token),
  "an old date": (event) => request(bodyOf(event, { date: String(Date.now() - 3_600_000) }), token),
  "20 kB": (event) => request(bodyOf(event, { title: "x".repeat(20_000) }), token),
  "a query string": (event) => request(bodyOf(event), token, "", "POST", `${pathname}?x=y`),
  "an encoding": (event) => request(bodyOf(event), token, "Content-Encoding: identity\r\n"),
  text: (event) => request(bodyOf(event), token).replace("application/json", "text/plain"),
  garbage: () => "\u0000\u0001\u0002\r\n\r\n",
};
const names = Object.keys(kinds);

let open = 0;

function send(bytes: string, to: Tally, event: number, kind: string): void {
  to.sent++;
  open++;
  const began = performance.now();
  const socket = connect({ host: hostname, port: Number(port), localAddress: `127.0.0.${2 + (event % 200)}` });
  const chunks: Buffer[] = [];
  socket.setTimeout(30_000, () => socket.destroy());
  socket.on("connect", () => socket.write(bytes, "latin1"));
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.on("close", () => {
    open--;
    const text = Buffer.concat(chunks).toString("latin1");
    const [, code = ""] = /^HTTP\/1\.1 (\d{3})/u.exec(text) ?? [];
    const isAccepted = code.startsWith("2") && !/"status":"(?!accepted)/u.test(text);
    if (code === "") to.silent++;
    else if (isAccepted) to.accepted++;
    else to.refused++;
    if (isAccepted && kind !== "valid") byKind[kind] = (byKind[kind] ?? 0) + 1;
    to.ms.push(performance.now() - began);
  });
}

const began = performance.now();
const total = Number(seconds) * 1000;
let event = 0;
const timer = setInterval(() => {
  const passed = Math.min(performance.now() - began, total) / 1000;
  while (tallies.valid.sent < passed * Number(valid))
    send(request(bodyOf(++event), token), tallies.valid, event, "valid");
  while (tallies.invalid.sent < passed * Number(invalid)) {
    const kind = names[++event % names.length] ?? "";
    send(kinds[kind]?.(event) ?? "", tallies.invalid, event, kind);
  }
  if (passed * 1000 >= total && open === 0) finish();
}, 5);

const told = ({ ms, ...rest }: Tally) => {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;
  return { ...rest, p50: at(0.5), p99: at(0.99), max: at(1) };
};

function finish(): void {
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify({ valid: told(tallies.valid), invalid: told(tallies.invalid), byKind })}\n`);
}
