import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createSocket as createUnixSocket } from "unix-dgram";
import { type DogstatsdSink, dogstatsdSink } from "../../../emit/dogstatsd/sink.ts";
import type { Transport } from "../../../emit/dogstatsd/transport.ts";
import type { Sample } from "../../../emit/sample.ts";
import { listen, newFolder, until } from "./listening.ts";

describe("emit/dogstatsd/sink without its server", () => {
  let folder: ReturnType<typeof newFolder>;
  let path = "";
  const open: DogstatsdSink[] = [];
  let printed: unknown[][] = [];
  const { error, warn, log } = console;

  beforeEach(() => {
    folder = newFolder();
    path = join(folder.path, "dsd.socket");
    printed = [];
    const note = (...text: unknown[]) => void printed.push(text);
    Object.assign(console, { error: note, warn: note, log: note });
  });

  afterEach(async () => {
    // An open unix socket keeps the test process alive.
    await Promise.all(open.splice(0).map((sink) => sink.close()));
    Object.assign(console, { error, warn, log });
    folder.remove();
    // hot-shots would write to the console, and influx output and JSON go to the same place.
    assert.deepEqual(printed, []);
  });

  function newSink(transport: Transport = { kind: "uds", path }): DogstatsdSink {
    const sink = dogstatsdSink({ transport });
    open.push(sink);
    return sink;
  }

  it("counts while the socket is not there, and sends the very first sample after it came", async () => {
    const sink = newSink();
    await send(sink, 1, 100);
    assert.deepEqual(sink.stats().dropped, { transport: 100 });
    assert.equal(sink.stats().samples, 0);
    assert.match(sink.stats().lastError ?? "", /^could not send to unix:\/\/.*dsd\.socket: connect ENOENT$/);

    const { receiver, messages } = await listen({ uds: { path } });
    await send(sink, 2, 1);
    await until(() => messages.length === 1, "the first sample");
    assert.deepEqual(sink.stats().dropped, { transport: 100 });
    await sink.close();
    await receiver.close();
  });

  it("recovers within 2 s of its server's return, again and again, and counts what it lost", async () => {
    const sink = newSink();
    let written = 0;
    let arrived = 0;
    for (let life = 1; life <= 3; life += 1) {
      const { receiver, messages } = await listen({ uds: { path } });
      const back = performance.now();
      while (messages.length === 0) {
        assert.ok(performance.now() - back < 2_000, `nothing within 2 s in life ${life}`);
        await send(sink, life, 1);
        written += 1;
        await sleep(20);
      }
      await send(sink, life, 10);
      await until(() => messages.length >= 11, "what was sent to a server that is there");
      arrived += messages.length;
      await receiver.close();
      await send(sink, -life, 5);
      written += 15;
    }
    const { samples: count, dropped } = sink.stats();
    assert.deepEqual([count, dropped], [arrived, { transport: written - arrived }]);
    assert.match(sink.stats().lastError ?? "", /ECONNREFUSED|ENOENT/);
    await sink.close();
  });

  it("leaves a dead socket file for the next server, and finds that", async () => {
    const first = createUnixSocket("unix_dgram");
    first.bind(path);
    const sink = newSink();
    first.close();
    await send(sink, 1, 1);
    assert.deepEqual(sink.stats().dropped, { transport: 1 });
    assert.match(sink.stats().lastError ?? "", /ECONNREFUSED/);
    await sink.close();
  });

  it("ends within 1.5 s while its server does not read, and counts what stayed behind", async function () {
    const server = await deafServer(path);
    const sink = newSink();
    sink.write(samples(1, 3_000), 0);
    await until(() => sink.stats().samples > 0, "a datagram that the kernel keeps for the server");
    const started = performance.now();
    await sink.close();
    assert.ok(performance.now() - started < 1_900, "1.5 s, and 0.4 s for a machine that is busy");
    const { samples: count, dropped } = sink.stats();
    assert.equal(count + (dropped["transport"] ?? 0) + (dropped["closed"] ?? 0), 3_000);
    assert.ok((dropped["closed"] ?? 0) > 0, JSON.stringify(dropped));
    server.kill("SIGKILL");
    await once(server, "exit");
  });

  it("ends at once where there never was a server", async () => {
    const sink = newSink();
    sink.write(samples(1, 5_000), 0);
    const started = performance.now();
    await sink.close();
    await sink.close();
    assert.ok(performance.now() - started < 1_900);
    const { dropped } = sink.stats();
    assert.equal((dropped["transport"] ?? 0) + (dropped["closed"] ?? 0), 5_000);
  });

  it("sees nothing of an absent UDP server, as nobody does, and reports a name that there is not", async () => {
    const deaf = await listen({ udp: { port: 0 } });
    const port = deaf.receiver.udp?.port ?? 0;
    await deaf.receiver.close();
    const sink = newSink({ kind: "udp", host: "127.0.0.1", port });
    await send(sink, 1, 100);
    assert.deepEqual(sink.stats(), { samples: 100, dropped: {} });
    await sink.close();

    // A label of more than 63 characters: the resolver refuses it without asking anyone.
    const lost = newSink({ kind: "udp", host: `${"x".repeat(64)}.invalid`, port });
    await send(lost, 1, 3);
    assert.deepEqual(lost.stats().dropped, { transport: 3 });
    assert.match(lost.stats().lastError ?? "", /udp:\/\/x+\.invalid:\d+: .*(ENOTFOUND|EAI_AGAIN)/);
    await lost.close();
  });

  it("lets garbage beside its samples harm nothing", async () => {
    const { receiver, messages } = await listen({ uds: { path } });
    const sink = newSink();
    const noise = createUnixSocket("unix_dgram");
    noise.connect(path);
    for (let round = 1; round <= 20; round += 1) {
      noise.send(Buffer.from([0xff, 0xfe, round, 0x0a, 0x5f, 0x65, 0x7b]));
      await send(sink, round, 5);
      await until(() => messages.length === round * 5, "the samples of the round");
    }
    assert.equal(receiver.stats().uds.invalidLines, 40);
    noise.close();
    await sink.close();
    await receiver.close();
  });
});

function samples(value: number, count: number): Sample[] {
  return Array.from({ length: count }, () => ({
    name: "net.bytes_rcvd",
    type: "gauge",
    value,
    tags: { container_name: "x".repeat(150) },
  }));
}

async function send(sink: DogstatsdSink, value: number, count: number): Promise<void> {
  sink.write(samples(value, count), 0);
  await sink.flush();
}

/** Another process that binds the socket and never comes back to its event loop. */
async function deafServer(path: string) {
  const script = `
    require(${JSON.stringify(fileURLToPath(import.meta.resolve("unix-dgram")))}).createSocket("unix_dgram").bind(${JSON.stringify(path)});
    require("node:fs").writeSync(1, "bound");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);`;
  const server = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(server.stdout, "data");
  return server;
}
