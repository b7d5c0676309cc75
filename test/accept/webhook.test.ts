import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../lab/process.ts";
import { load, memoryOf, postLarge } from "../bench/webhook-side.ts";
import { type LineWorker, startLineWorker } from "../dispatch/gateway/line-worker.ts";
import { opened, post, token } from "../dispatch/gateway/use-gateway.ts";
import { figure, sized } from "./length.ts";
import { endAll, type Program, start } from "./program.ts";

/** MiB that a gateway may take at its most: the shipped unit has 256. It begins with some 70. */
const bound = 240;

describe("accept: the gateway under attack", function () {
  this.timeout(sized(180_000, 60_000));
  let [folder, url] = ["", ""];
  let worker: LineWorker | undefined;
  let gateway: Program | undefined;
  const hosts = 200;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ow-attack-"));
    worker = await startLineWorker(folder);
    writeFileSync(join(folder, "token"), token);
    chmodSync(join(folder, "token"), 0o600);
    await begin();
  });

  /** With so many file descriptors: as many as a process may have, or fewer. */
  const begin = async (descriptors?: number): Promise<void> => {
    const limit = descriptors === undefined ? "" : `ulimit -n ${descriptors};`;
    const shell = `${limit} exec ${process.execPath} dist/agent/main.js webhook --json`;
    const program = start(["/bin/sh", "-c", shell], {
      PATH: process.env["PATH"],
      OVERLAYWATCH_WEBHOOK_LISTEN: "127.0.0.1:0",
      OVERLAYWATCH_WEBHOOK_TOKEN_FILES: join(folder, "token"),
      OVERLAYWATCH_WEBHOOK_MONITORS: "11",
      OVERLAYWATCH_WEBHOOK_ORGS: "22",
      OVERLAYWATCH_WEBHOOK_HOSTS: ["host-a", ...Array.from({ length: hosts }, (_, i) => `host-${i}`)].join(","),
      OVERLAYWATCH_WEBHOOK_MAX_PER_MINUTE: "1000000",
      OVERLAYWATCH_WEBHOOK_MAX_CONNECTIONS: "15000",
      OVERLAYWATCH_WORKER_JOBS_SOCKET: join(folder, "jobs.sock"),
      OVERLAYWATCH_SINKS_ENABLED: "none",
    });
    gateway = program;
    url = await until(
      () => /"url":"([^"]+)"/u.exec(program.out())?.[1],
      10_000,
      () => new Error(program.err()),
    );
  };
  afterEach(async () => {
    endAll();
    await worker?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const memory = () => memoryOf(gateway?.child.pid ?? 0);
  const valid = async (event: string) =>
    (await post(new URL(url).origin, { fields: { event, date: String(Date.now()) } })).body["status"];

  it("200 valid requests a second among 2,000 invalid ones are all accepted, and none of the others", async () => {
    const seconds = sized(30, 3);
    const result = await load({ url, token, seconds, valid: 200, invalid: 2000, hosts });
    figure(
      `valid ${JSON.stringify(result.valid)}; invalid ${JSON.stringify(result.invalid)}; ${memory().most} MiB at most`,
    );
    assert.deepEqual([result.valid.sent, result.valid.accepted], [200 * seconds, 200 * seconds]);
    assert.equal(result.invalid.sent, 2000 * seconds);
    assert.deepEqual([result.invalid.accepted, result.byKind], [0, {}]);
    assert.equal(worker?.jobs.length, 200 * seconds, "each of them is on the worker's disk, and nothing else");
    assert.ok(memory().most < bound, `${memory().most} MiB`);
  });

  it("a body of 150 MB costs no memory: not of a stranger, of whom not a byte is read, nor of who has the token", async () => {
    await valid("1");
    const before = memory().most;
    const bytes = 150_000_000;
    const stranger = await postLarge(url, bytes, "x".repeat(40));
    assert.equal(stranger.code, 401);
    const known = await postLarge(url, bytes, token);
    assert.equal(known.code, 413);
    figure(`${before} MiB before, ${memory().most} at most; ${stranger.sent} bytes left the stranger`);
    assert.ok(stranger.sent < 20_000_000, `${stranger.sent} bytes were taken by kernel and gateway`);
    assert.ok(memory().most - before < 30, `${before} to ${memory().most} MiB`);
    assert.equal(await valid("2"), "accepted");
  });

  it("thousands of open connections that say nothing, or half a head, are let go in seconds, and others are served meanwhile", async () => {
    const count = sized(10_000, 2000);
    const sockets: Socket[] = [];
    while (sockets.length < count) {
      const some = await Promise.all(Array.from({ length: 200 }, () => opened(url)));
      for (const [i, socket] of some.entries()) {
        socket.on("error", () => undefined).resume();
        if (i % 2 === 0) socket.write("POST /webhook HTTP/1.1\r\nX: ");
      }
      sockets.push(...some);
    }
    const held = sockets.filter(({ destroyed }) => !destroyed).length;
    assert.equal(await valid("1"), "accepted", "while they are held");
    await until(
      () => sockets.every(({ closed }) => closed) || undefined,
      30_000,
      () => new Error("some are held"),
    );
    figure(`${held} of ${count} held at once, ${memory().most} MiB at most`);
    assert.ok(held > count / 2, "they were there");
    assert.ok(memory().most < bound, `${memory().most} MiB`);
    assert.equal(await valid("2"), "accepted");
    assert.equal(gateway?.child.exitCode, null);
  });

  it("without file descriptors left it lives, and serves again when there are some", async () => {
    await gateway?.stop();
    await begin(256);
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => opened(url)));
    for (const socket of sockets) socket.on("error", () => undefined).resume();
    await sleep(500);
    const held = sockets.filter(({ closed }) => !closed).length;
    assert.ok(held < 300, `${held} are held: it had descriptors left`);
    for (const socket of sockets) socket.destroy();
    await until(
      async () => ((await valid("1").catch(() => "")) === "accepted" ? true : undefined),
      20_000,
      () => new Error(gateway?.err()),
    );
    assert.equal(gateway?.child.exitCode, null);
  });
});
