import assert from "node:assert/strict";
import { type Ending, endingNames, specOf } from "../../../dispatch/gateway/endings.ts";
import { ratesOf } from "../../../dispatch/gateway/rates.ts";
import { peersOf } from "../../../dispatch/gateway/peer.ts";
import { bodyOf, type Fields, now, type Sent, sample, token, useGateway } from "./use-gateway.ts";

const fields = (changed: Fields): Sent => ({ fields: changed });
const headers = (changed: Sent["headers"]): Sent => ({ headers: changed ?? {} });
const minutes = (count: number): string => String(now + count * 60_000);
const withTail = (tail: string): Sent => ({ body: `${bodyOf().slice(0, -1)}${tail}}` });

/** Requests that end so, in words; research/remediation.md section 4.2 line by line. */
const cases: Partial<Record<Ending, Readonly<Record<string, Sent>>>> = {
  method: {
    GET: { method: "GET", body: "" },
    PUT: { method: "PUT" },
    HEAD: { method: "HEAD", body: "" },
    OPTIONS: { method: "OPTIONS", body: "" },
    "GET of another path": { method: "GET", path: "/", body: "" },
    "POST to /healthz with GET's right": { method: "DELETE", path: "/healthz" },
  },
  path: {
    "another path": { path: "/hook" },
    "a slash more": { path: "/webhook/" },
    "a path that would be the right one if it were decoded": { path: "/%77ebhook" },
    "a path that would be the right one if it were shortened": { path: "/x/../webhook" },
    "two slashes": { path: "//webhook" },
    "the form for proxies": { path: "http://gateway/webhook" },
    "upper case": { path: "/WEBHOOK" },
    health: { path: "/healthz" },
    "a long one": { path: `/${"a".repeat(6000)}` },
  },
  query: {
    "a query string": { path: "/webhook?token=x" },
    "an empty one": { path: "/webhook?" },
  },
  media_type: {
    "no Content-Type": headers({ "Content-Type": undefined }),
    text: headers({ "Content-Type": "text/plain" }),
    form: headers({ "Content-Type": "application/x-www-form-urlencoded" }),
    "two of them": headers({ "Content-Type": ["application/json", "application/json"] }),
    "JSON in another charset": headers({ "Content-Type": "application/json; charset=utf-16" }),
    "a longer name": headers({ "Content-Type": "application/json-patch+json" }),
  },
  encoding: {
    gzip: headers({ "Content-Encoding": "gzip" }),
    "even as it is": headers({ "Content-Encoding": "identity" }),
  },
  expectation: { "something odd": headers({ Expect: "200-maybe" }) },
  token: {
    none: headers({ Authorization: undefined }),
    wrong: headers({ Authorization: `Bearer ${token.replace("a", "b")}` }),
    "one character less": headers({ Authorization: `Bearer ${token.slice(0, -1)}` }),
    "one character more": headers({ Authorization: `Bearer ${token}x` }),
    empty: headers({ Authorization: "Bearer " }),
    "another scheme": headers({ Authorization: `Basic ${token}` }),
    "the bare token": headers({ Authorization: token }),
    "two headers, both right": headers({ Authorization: [`Bearer ${token}`, `Bearer ${token}`] }),
    "two headers, the first right": headers({ Authorization: [`Bearer ${token}`, "Bearer other"] }),
    "two tokens in one": headers({ Authorization: `Bearer ${token}, Bearer ${token}` }),
    "in another header": headers({ Authorization: undefined, "X-Authorization": `Bearer ${token}` }),
    "with a large body, of which nothing is read": {
      headers: { Authorization: "Bearer x" },
      body: "x".repeat(300_000),
    },
  },
  too_large: {
    "one byte too many": { body: bodyOf().padEnd(16 * 1024 + 1, " ") },
    "the same in chunks": { body: bodyOf().padEnd(16 * 1024 + 1, " "), headers: { "Transfer-Encoding": "chunked" } },
    "300 kB": { body: "x".repeat(300_000) },
  },
  body: {
    empty: { body: "" },
    "no JSON": { body: "version=1" },
    "JSON that is cut": { body: bodyOf().slice(0, -1) },
    "JSON and more": { body: `${bodyOf()}{}` },
    "a list": { body: `[${bodyOf()}]` },
    null: { body: "null" },
    "an empty object": { body: "{}" },
    "a byte-order mark": { body: `\uFEFF${bodyOf()}` },
    "no UTF-8": { body: Buffer.concat([Buffer.from(bodyOf().slice(0, -2)), Buffer.from([0xff, 0x22, 0x7d])]) },
    "half a character": { body: bodyOf({ title: "x" }).replace('"x"', String.raw`"\ud800"`) },
    "a control character": { body: bodyOf({ title: "x" }).replace('"x"', '"\u0001"') },
    "a bad escape": { body: bodyOf({ title: "x" }).replace('"x"', String.raw`"\x41"`) },
    "a comma too many": withTail(","),
    "a comment": withTail("/**/"),
    "an unknown key": withTail(',"command":"id"'),
    "a key twice": withTail(',"host":"host-a"'),
    "a key twice, once escaped": withTail(String.raw`,"h\u006fst":"host-b"`),
    __proto__: withTail(',"__proto__":"x"'),
    constructor: withTail(',"constructor":"x"'),
    "a key less": { body: bodyOf().replace(/,"link":"[^"]*"/u, "") },
    "a number": { body: bodyOf().replace('"11"', "11") },
    "null for a text": { body: bodyOf().replace('"11"', "null") },
    "an object in it": { body: bodyOf().replace('"11"', '{"a":"b"}') },
    "deep JSON": { body: "[".repeat(8000) },
    "version 2": fields({ version: "2" }),
    "no version": fields({ version: "" }),
  },
  unexpanded: Object.fromEntries(
    [
      ["monitor_id", "$ALERT_ID"],
      ["host", "$HOSTNAME"],
      ["event", "$ID"],
      ["scope", "$ALERT_SCOPE"],
      ["tags", "$TAGS"],
      ["title", "$ALERT_TITLE"],
      ["date", "$DATE"],
      ["org", "$ORG_ID"],
      ["link", "$LINK"],
      ["cycle", "$ALERT_CYCLE_KEY"],
      ["transition", "$ALERT_TRANSITION"],
      ["host", "$TAGS[host]"],
    ].map(([key = "", value = ""]) => [`${key} ${value}`, fields({ [key]: value })]),
  ),
  incomplete: Object.fromEntries(
    ["monitor_id", "cycle", "transition", "event", "host", "scope", "date", "org"].flatMap((key) => [
      [`no ${key}`, fields({ [key]: "" })],
      [`a blank ${key}`, fields({ [key]: "  " })],
    ]),
  ),
  field: {
    "a monitor that is no number": fields({ monitor_id: "11; id" }),
    "an event that is no number": fields({ event: "0x11" }),
    "an org that is no number": fields({ org: "-22" }),
    "a date in words": fields({ date: "2026-01-02T03:04:05Z" }),
    "a date that is none": fields({ date: "9".repeat(16) }),
    "a cycle key too long": fields({ cycle: "1".repeat(257) }),
  },
  monitor: { another: fields({ monitor_id: "12" }), "the same in another form": fields({ monitor_id: "011" }) },
  org: { another: fields({ org: "23" }) },
  transition: {
    another: fields({ transition: "Exploded" }),
    "in lower case": fields({ transition: "triggered" }),
    "with more": fields({ transition: "Triggered " }),
  },
  ignored: Object.fromEntries(
    ["No Data", "Re-No Data", "Warn", "Re-Warn", "Renotify"].map((transition) => [transition, fields({ transition })]),
  ),
  stale: {
    "too old": fields({ date: minutes(-15.01) }),
    "too new": fields({ date: minutes(2.01) }),
    "in seconds": fields({ date: String(Math.floor(now / 1000)) }),
    "a recovery too old": fields({ date: minutes(-16), transition: "Recovered" }),
  },
  merged: {
    "two hosts": fields({ host: "host-a,host-b", scope: "host:host-a,host:host-b" }),
    "two in the scope": fields({ scope: "host:host-a,host:host-b" }),
    "the same twice": fields({ scope: "host:host-a,host:host-a" }),
    "none in the scope": fields({ scope: "docker_network:web" }),
    everything: fields({ scope: "*" }),
    "a comma": fields({ host: "host-a,", scope: "host:host-a" }),
  },
  host_name: Object.fromEntries(
    [
      "*",
      ">",
      "host a",
      "host-a\n",
      "-host",
      "host-",
      ".host",
      "a..b",
      "host/a",
      "$(id)",
      "host-a\u0000",
      "höst",
      "h".repeat(254),
    ].map((host) => [JSON.stringify(host), fields({ host, scope: `host:${host}`, tags: "" })]),
  ),
  disagree: {
    "with the scope": fields({ scope: "host:host-b" }),
    "with the tags": fields({ tags: "host:host-b,monitor" }),
    "with one of the tags": fields({ tags: "host:host-a,host:host-b" }),
  },
  unknown_host: {
    "another host": fields({ host: "host-b", scope: "host:host-b", tags: "" }),
    "one that begins alike": fields({ host: "host-a.example.com", scope: "host:host-a.example.com", tags: "" }),
    "a word of JavaScript": fields({ host: "constructor", scope: "host:constructor", tags: "" }),
  },
  accepted: {
    Triggered: {},
    "Re-Triggered": fields({ transition: "Re-Triggered" }),
    "in upper case": fields({ host: "HOST-A", scope: "host:HOST-A", tags: "host:Host-A" }),
    "as old as it may be": fields({ date: minutes(-15) }),
    "as new as it may be": fields({ date: minutes(2) }),
    "with a charset": headers({ "Content-Type": "application/json; charset=UTF-8" }),
    "without tags and link": fields({ tags: "", link: "", title: "" }),
    "with a variable's name within the title": fields({ title: "costs $COST" }),
    "with a large title, cut": fields({ title: `${"x".repeat(1023)}\u{1F600}` }),
    "with spaces between": { body: JSON.stringify(sample, undefined, 2) },
    "with 100-continue": headers({ Expect: "100-continue" }),
    "16 KiB": { body: bodyOf().padEnd(16 * 1024, " ") },
  },
  withdrawn: { Recovered: fields({ transition: "Recovered" }) },
};

/** Those that need another setting, below, or another connection: `connections.test.ts`, `identification.test.ts`. */
const elsewhere: readonly Ending[] = [
  ...(["source", "failures", "rate_limited", "unreachable", "duplicate", "healthy", "unhealthy"] as const),
  ...(["connections", "tls", "malformed", "headers_too_large", "too_slow"] as const),
];

describe("dispatch/gateway: answers", () => {
  const gateway = useGateway();

  it("are all tested", () => {
    assert.deepEqual([...Object.keys(cases), ...elsewhere].toSorted(), endingNames.toSorted());
  });

  for (const ending of endingNames)
    for (const [name, sent] of Object.entries(cases[ending] ?? {}))
      it(`${specOf(ending).code} ${ending}: ${name}`, async () => {
        const { code, headers: got, body } = await gateway.post(sent);
        assert.equal(code, specOf(ending).code);
        assert.deepEqual(
          gateway.ends().map((ended) => ended.ending),
          [ending],
        );
        assert.equal(got.connection, code >= 400 ? "close" : "keep-alive");
        if (sent.method !== "HEAD") assert.equal(body["status"] ?? body["error"], specOf(ending).says || ending);
        assert.equal(gateway.worker().jobs.length, ending === "accepted" ? 1 : 0);
        assert.equal(gateway.worker().withdrawals.length, ending === "withdrawn" ? 1 : 0);
        const isLetIn = gateway.ends()[0]?.trace !== "";
        assert.equal(isLetIn, endingNames.indexOf(ending) >= endingNames.indexOf("too_large"));
        assert.equal(body["trace"], isLetIn ? gateway.ends()[0]?.trace : undefined);
      });

  it("hand over exactly what was asked for, and a repeated delivery is a duplicate with the first one's trace", async () => {
    const first = await gateway.post();
    const again = await gateway.post();
    const [job] = gateway.worker().jobs;
    assert.ok(job);
    assert.deepEqual(first.body, { status: "accepted", job: job.id, trace: job.trace });
    assert.deepEqual(again.body, { status: "duplicate", job: job.id, trace: job.trace });
    assert.equal(again.code, 202);
    const { monitor_id: monitor, cycle, event, org, transition, scope, title, link } = sample;
    assert.deepEqual(job.alert, { monitor, cycle, event, org, transition, scope, title, link });
    assert.deepEqual([job.host, job.at, job.notAfter], ["host-a", now, now + 15 * 60_000]);
    assert.equal(gateway.worker().jobs.length, 1);
  });

  it("to another event, cycle, monitor or transition are another job's", async () => {
    await gateway.restart({ policy: { monitors: ["any"], orgs: ["any"], hosts: new Set(["host-a"]), maxAge: 60_000 } });
    const changes: readonly Fields[] = [
      {},
      { event: "1" },
      { cycle: "x" },
      { monitor_id: "1" },
      { transition: "Re-Triggered" },
    ];
    const answers = [];
    for (const change of changes) answers.push((await gateway.post(fields(change))).body["status"]);
    assert.deepEqual(
      answers,
      changes.map(() => "accepted"),
    );
    assert.equal(new Set(gateway.worker().jobs.map(({ id }) => id)).size, changes.length);
  });

  it("take what still waits back when the alert is over", async () => {
    await gateway.post(fields({ transition: "Recovered" }));
    const [withdrawal] = gateway.worker().withdrawals;
    assert.deepEqual(
      { ...withdrawal, trace: "" },
      { v: 1, trace: "", host: "host-a", monitor: "11", cycle: sample.cycle },
    );
  });

  it("403 source: by the socket's other end, and by what the own proxy says of it", async () => {
    const from = (forwarded?: string) => gateway.post(headers({ "X-Forwarded-For": forwarded }));
    await gateway.restart({ peers: peersOf(["10.0.0.0/8"], []) });
    assert.equal((await from()).code, 403, "a stranger");
    assert.equal((await from("10.1.2.3")).code, 403, "a stranger who says that he is another");
    await gateway.restart({ peers: peersOf(["10.0.0.0/8"], ["127.0.0.0/8"]) });
    assert.equal((await from("10.1.2.3")).code, 202, "through the proxy");
    assert.equal(
      (await from("10.1.2.3, 192.0.2.1")).code,
      403,
      "what stands before the proxy's own word is the sender's",
    );
    assert.equal((await from("192.0.2.1, 10.1.2.3")).code, 202);
    assert.equal((await from("nobody")).code, 403);
    assert.equal((await from()).code, 403, "the proxy itself");
  });

  it("429 failures: after so many in a minute from one address, and not for who has the token", async () => {
    await gateway.restart({ failures: ratesOf(3) });
    const wrong = headers({ Authorization: "Bearer x" });
    const codes = [];
    for (let i = 0; i < 5; i++) codes.push((await gateway.post(wrong)).code);
    assert.deepEqual(codes, [401, 401, 401, 429, 429]);
    assert.equal((await gateway.post()).code, 202);
  });

  it("202 rate_limited: above the own limit, and where too many wait at the worker", async () => {
    await gateway.restart({ rates: ratesOf(1) });
    await gateway.post();
    assert.equal((await gateway.post(fields({ event: "1" }))).body["status"], "rate_limited");
    await gateway.restart();
    gateway.worker().answer = "full";
    const full = await gateway.post(fields({ event: "2" }));
    assert.deepEqual([full.code, full.body["status"]], [202, "rate_limited"]);
    assert.equal(gateway.worker().jobs.length, 1);
  });

  it("422 unknown_host: where the worker says so", async () => {
    gateway.worker().answer = "unknown-host";
    assert.equal((await gateway.post()).code, 422);
  });

  for (const [name, said] of Object.entries({
    "an error": '{"error":"no room on the disk"}',
    garbage: "accepted",
    "another answer": '{"answer":"done","trace":"x"}',
    "a receipt without a trace": '{"answer":"accepted"}',
    nothing: "",
  }))
    it(`503 unreachable: the worker answers with ${name}`, async () => {
      gateway.worker().answer = { text: said };
      const { code, headers: got } = await gateway.post();
      assert.deepEqual([code, got["retry-after"]], [503, "5"]);
      assert.ok(gateway.ends()[0]?.error);
    });

  it("503 unreachable, and of /healthz: nobody is there; Datadog's next try is accepted, not a duplicate", async () => {
    const health = () =>
      gateway.post({ method: "GET", path: "/healthz", body: "", headers: { Authorization: undefined } });
    assert.deepEqual((await health()).body, { status: "ok" });
    gateway.worker().answer = { text: '{"error":"x"}' };
    assert.equal((await gateway.post()).code, 503);
    gateway.worker().answer = undefined;
    assert.equal((await gateway.post()).body["status"], "accepted");
    await gateway.worker().close();
    assert.equal((await health()).code, 503);
    assert.equal((await gateway.post(fields({ event: "3" }))).code, 503);
    assert.deepEqual(
      gateway.ends().map((ended) => ended.ending),
      ["healthy", "unreachable", "accepted", "unhealthy", "unreachable"],
    );
  });
});
