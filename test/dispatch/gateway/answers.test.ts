import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ending, endingNames, specOf } from "../../../dispatch/gateway/endings.ts";
import { ratesOf } from "../../../dispatch/gateway/rates.ts";
import { handOverRequest } from "../../../dispatch/local/protocol.ts";
import { peersOf } from "../../../dispatch/gateway/peer.ts";
import { cases, fields, headers } from "./requests.ts";
import { type Fields, now, sample, useGateway } from "./use-gateway.ts";

/** Those that need another setting, below, or another connection: `connections.test.ts`, `identification.test.ts`. */
const elsewhere: readonly Ending[] = [
  ...(["source", "failures", "rate_limited", "paused", "unreachable", "duplicate", "healthy", "unhealthy"] as const),
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

  it("give who has stolen the token one power: that a known host looks at itself, and less", async () => {
    await gateway.restart({ rates: ratesOf(10_000), failures: ratesOf(10_000) });
    for (const sent of Object.values(cases).flatMap((of) => Object.values(of))) await gateway.post(sent);
    const requests = gateway.worker().lines.map((line) => handOverRequest.parse(JSON.parse(line)));
    const asked = requests.map((one) => ("offer" in one ? one.offer : one.withdraw));
    assert.ok(asked.length > 10);
    assert.deepEqual(new Set(asked.map(({ host }) => host)), new Set(["host-a"]));
    assert.deepEqual(new Set(requests.flatMap((one) => Object.keys(one))), new Set(["v", "offer", "withdraw"]));
    const words = ["v", "id", "trace", "host", "alert", "at", "notAfter", "monitor", "cycle"];
    assert.deepEqual(new Set(asked.flatMap((one) => Object.keys(one))), new Set(words));
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

  it("202 paused: with the reason, and nothing is handed over; what is over is taken back all the same", async () => {
    let reason: string | undefined = "the whole fleet is paused: storm";
    await gateway.restart({ paused: async () => reason });
    const { code, body } = await gateway.post();
    const { trace } = gateway.ends().at(-1) ?? {};
    assert.deepEqual([code, body], [202, { status: "paused", reason, trace }]);
    assert.deepEqual(gateway.worker().jobs, []);
    assert.equal((await gateway.post({ fields: { monitor_id: "12" } })).code, 403, "to others it says nothing of it");
    assert.equal((await gateway.post({ fields: { transition: "Recovered" } })).body["status"], "withdrawn");
    assert.equal(gateway.worker().withdrawals.length, 1);
    const healthz = async (): Promise<unknown> => (await fetch(`${gateway.url()}/healthz`)).json();
    assert.deepEqual(await healthz(), { status: "ok", reason: "paused" });
    reason = undefined;
    assert.deepEqual(await healthz(), { status: "ok" });
    assert.equal((await gateway.post()).body["status"], "accepted");
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
    await sleep(1100);
    assert.equal((await health()).code, 503);
    assert.equal((await gateway.post(fields({ event: "3" }))).code, 503);
    assert.deepEqual(
      gateway.ends().map((ended) => ended.ending),
      ["healthy", "unreachable", "accepted", "unhealthy", "unreachable"],
    );
  });
});
