import assert from "node:assert/strict";
import { chmodSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { z } from "zod";
import { NotHandedOver } from "../../../dispatch/hand-over.ts";
import { localHandOver } from "../../../dispatch/local/hand-over.ts";
import { controlAnswer, handOverAnswer, maxLineBytes } from "../../../dispatch/local/protocol.ts";
import { helperAt } from "../../../dispatch/worker/ask-helper.ts";
import { serveJobs } from "../../../dispatch/worker/serve.ts";
import { askLine } from "../../../host/line-socket.ts";
import { ownUser } from "../../../host/own-user.ts";
import { until } from "../../emit/dogstatsd/listening.ts";
import type { HelperServer } from "./helper-server.ts";
import { cleanupOf, jobOf } from "./made.ts";
import { Opened, useWorker } from "./opened.ts";

const strangers: Readonly<Record<string, NonNullable<HelperServer["raw"]>>> = {
  silence: () => undefined,
  "an answer without an end": (socket) => void setInterval(() => socket.write("x".repeat(65_536)), 1).unref(),
  garbage: (socket) => void socket.end("\u0000\u00FF no json\n"),
  "no line": (socket) => void socket.end('{"v":1'),
  "JSON that is no answer": (socket) => void socket.end('{"v":1,"exit":0}\n'),
  "the right answer to another": (socket) =>
    void socket.end(
      `${JSON.stringify({ v: 1, verb: "heal", trace: "f".repeat(32), exit: 10, result: cleanupOf("cured") })}\n`,
    ),
  "an answer to another verb": (socket, trace) =>
    void socket.end(`${JSON.stringify({ v: 1, verb: "look", trace, exit: 10, result: cleanupOf("cured") })}\n`),
  "a fault of its own": (socket, trace) =>
    void socket.end(`${JSON.stringify({ v: 1, trace, error: { code: 70, message: "unforeseen" } })}\n`),
};

const full = async () => Promise.reject(new Error("no space left"));

describe("dispatch/worker: who is not believed", () => {
  const here = useWorker();

  it("believes no stranger behind the helper's socket: each is asked four times, and a person is told", async function () {
    this.timeout(40_000);
    await Promise.all(
      Object.entries(strangers).map(async ([name, raw]) => {
        const one = new Opened();
        try {
          await one.helper.listen(one.at("helper/h.sock"));
          one.proof = 1;
          one.helper.raw = raw;
          await one.open("auto", { timeoutMs: 200 });
          await one.offer(jobOf(name, Date.now()));
          await until(() => one.statesOf(name).includes("escalated"), name, 30_000);
          assert.equal(one.helper.asked.length, 4, name);
          assert.deepEqual(
            one.events().map(({ alertType }) => alertType),
            ["error"],
            name,
          );
        } finally {
          await one.end();
        }
      }),
    );
  });

  it("believes none of them either that is asked for this host's tables", async () => {
    const place = { socket: here().at("helper/h.sock"), owner: ownUser() };
    const [helper, patient] = [helperAt({ ...place, timeoutMs: 500 }), helperAt({ ...place, timeoutMs: 20_000 })];
    here().helper.packed = Buffer.from("packed");
    assert.equal(Buffer.from(await patient.tables("0".repeat(32))).toString("utf8"), "packed");
    for (const [name, raw] of Object.entries(strangers)) {
      here().helper.raw = raw;
      await assert.rejects(helper.tables("0".repeat(32)), name);
    }
    here().helper.raw = (socket, trace) =>
      void socket.end(`${JSON.stringify({ v: 1, verb: "tables", trace, packed: "A".repeat(13 * 2 ** 20) })}\n`);
    await assert.rejects(patient.tables("0".repeat(32)), (error: Error) => {
      assert.match(String(error.cause), /more than 12582912 bytes/u);
      return true;
    });
  });

  it("asks nothing of a helper whose socket, or its folder, is another user's or open to others", async () => {
    const socket = here().at("helper/h.sock");
    const asked = async (owner: number) => helperAt({ socket, owner, timeoutMs: 1000 }).ask("heal", "0".repeat(32));
    assert.match(JSON.stringify(await asked(ownUser() + 1)), /not trusted/u);
    chmodSync(here().at("helper"), 0o777);
    assert.match(JSON.stringify(await asked(ownUser())), /not trusted/u);
    assert.deepEqual(here().helper.asked, []);
    chmodSync(here().at("helper"), 0o755);
    assert.equal((await asked(ownUser())).kind, "done");
  });

  it("answers an error to what is no request, on both sockets, and goes on", async () => {
    await here().open("observe");
    const job = jobOf("a", Date.now());
    const bad = [
      "x",
      "null",
      "[]",
      "{}",
      '{"v":1}',
      '{"v":2,"ask":"status"}',
      '{"v":1,"ask":"status","more":1}',
      JSON.stringify({ v: 1, offer: { ...job, command: "rm" } }),
      JSON.stringify({ v: 1, offer: { ...job, host: "../x" } }),
      JSON.stringify({ v: 1, offer: { ...job, id: "a" } }),
      JSON.stringify({ v: 1, offer: { ...job, at: 0.5 } }),
      JSON.stringify({ v: 1, ask: "approve", id: "a".repeat(65), by: "x" }),
      `{"v":1,"offer":${JSON.stringify(job)},"__proto__":{"x":1}}`,
      "\u0000",
      "y".repeat(2 * maxLineBytes),
    ];
    for (const socket of ["jobs.sock", "control.sock"])
      for (const line of bad)
        assert.ok(
          "error" in
            z
              .object({ error: z.string() })
              .parse(JSON.parse(await askLine(here().at(socket), line, { timeoutMs: 5000, maxBytes: maxLineBytes }))),
          line.slice(0, 80),
        );
    // What the one may be asked, the other may not.
    for (const ask of ["status", "jobs"])
      assert.ok("error" in handOverAnswer.parse(await here().ask("jobs.sock", { v: 1, ask })));
    assert.ok("error" in controlAnswer.parse(await here().ask("control.sock", { v: 1, offer: job })));
    assert.deepEqual(here().changes, []);
    assert.ok("answer" in (await here().offer(job)));
  });

  it("lets the gateway's group hand jobs over, and nobody but its own user and root approve", async () => {
    await here().open("observe");
    const modeOf = (socket: string): number => statSync(here().at(socket)).mode & 0o777;
    assert.deepEqual([modeOf("jobs.sock"), modeOf("control.sock")], [0o660, 0o600]);
  });

  it("says that it can not keep a job, so that who hands it over knows that it has to come again", async () => {
    const server = await serveJobs(here().at("full.sock"), { offer: full, withdraw: full });
    const offered = localHandOver(here().at("full.sock")).offer(jobOf("a", Date.now()));
    await assert.rejects(offered, (error) => error instanceof NotHandedOver && /no space left/u.test(error.message));
    await server.close();
  });

  it("drops who is slow, and serves others meanwhile", async function () {
    this.timeout(20_000);
    await here().open("observe");
    const slow = Array.from({ length: 100 }, () => createConnection({ path: here().at("jobs.sock") }));
    const gone = slow.map(async (socket) => new Promise((resolve) => socket.on("error", resolve).on("close", resolve)));
    for (const socket of slow) socket.write('{"v":1,');
    assert.ok("answer" in (await here().offer(jobOf("a", Date.now()))));
    await Promise.all(gone);
  });
});
