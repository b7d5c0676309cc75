import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createSocket as createUnixSocket } from "unix-dgram";
import { startReceiver } from "../../../emit/dogstatsd/receiver.ts";
import { openUnix } from "../../../emit/dogstatsd/receive-unix.ts";
import { listen, newFolder, until } from "./listening.ts";

const ignore = () => undefined;

describe("emit/dogstatsd/receiver", () => {
  let folder: ReturnType<typeof newFolder>;
  let path = "";

  beforeEach(() => {
    folder = newFolder();
    path = join(folder.path, "dsd.socket");
  });

  afterEach(() => {
    folder.remove();
  });

  it("listens on both at once, and counts what comes by each", async () => {
    const invalid: string[] = [];
    const listening = await listen({
      udp: { port: 0 },
      uds: { path },
      onInvalid: (reason, { transport }) => invalid.push(`${transport} ${reason}`),
    });
    const { receiver, messages, arrivals } = listening;
    assert.ok(receiver.udp !== undefined && receiver.udp.port > 0);
    await sendUdp(receiver.udp.port, "a:1|g\nb:2|c\ngarbage\n");
    await until(() => messages.length === 2, "two messages by UDP");
    sendUnix(path, Buffer.from("\u0000\u0001\u00ff"), Buffer.from("c:3|g\r\n"));
    await until(() => messages.length === 3, "a message by the unix socket");
    assert.deepEqual(
      messages.map((message) => (message.kind === "metric" ? message.name : "")),
      ["a", "b", "c"],
    );
    assert.deepEqual(arrivals[2], { transport: "uds", datagramBytes: 7 });
    const { udp, uds } = receiver.stats();
    assert.deepEqual(udp, { datagrams: 1, bytes: 20, messages: 2, invalidLines: 1, largestDatagram: 20, oversized: 0 });
    assert.deepEqual(uds, { datagrams: 2, bytes: 11, messages: 1, invalidLines: 1, largestDatagram: 7, oversized: 0 });
    assert.deepEqual(
      invalid.map((line) => line.split(" ", 1)[0]),
      ["udp", "uds"],
    );
    await receiver.close();
    await receiver.close();
    assert.equal(lstatSync(path, { throwIfNoEntry: false }), undefined);
  });

  it("takes a datagram of 8192 bytes whole, and says which are more than an agent takes", async () => {
    const { receiver, messages, arrivals } = await listen({ uds: { path } });
    sendUnix(path, lineOf(8192), lineOf(8193));
    await until(() => messages.length === 2, "two messages");
    assert.deepEqual(
      arrivals.map((arrival) => arrival.datagramBytes),
      [8192, 8193],
    );
    assert.equal(receiver.stats().uds.oversized, 1);
    await receiver.close();
  });

  it("reads the UDP receive buffer back", async () => {
    const small = await startReceiver({ udp: { port: 0, receiveBufferBytes: 100_000 } }, ignore);
    const max = Number(readFileSync("/proc/sys/net/core/rmem_max", "utf8"));
    // The kernel doubles what it grants (socket(7), SO_RCVBUF).
    assert.equal(small.udp?.receiveBufferBytes, 2 * Math.min(max, 100_000));
    const usual = await startReceiver({ udp: { port: 0 } }, ignore);
    assert.equal(usual.udp?.receiveBufferBytes, 2 * Math.min(max, 4 * 1024 * 1024));
    await Promise.all([small.close(), usual.close()]);
  });

  it("lets anybody send and nobody read", async () => {
    const { receiver } = await listen({ uds: { path } });
    assert.equal(lstatSync(path).mode & 0o7777, 0o722);
    await receiver.close();
  });

  it("replaces a socket file that nobody listens on", async () => {
    const first = await listen({ uds: { path } });
    const kept = join(folder.path, "kept");
    renameSync(path, kept);
    await first.receiver.close();
    renameSync(kept, path);
    const second = await listen({ uds: { path } });
    sendUnix(path, Buffer.from("a:1|g"));
    await until(() => second.messages.length === 1, "a message");
    await second.receiver.close();
  });

  it("leaves a live socket, a socket of another type, a file and a folder alone", async () => {
    const live = await listen({ uds: { path } });
    await assert.rejects(startReceiver({ uds: { path } }, ignore), /another program listens there/);
    sendUnix(path, Buffer.from("a:1|g"));
    await until(() => live.messages.length === 1, "a message at the first");
    await live.receiver.close();

    const stream = createServer().listen(path);
    await until(() => stream.listening, "a stream server");
    await assert.rejects(startReceiver({ uds: { path } }, ignore), /connect: EPROTOTYPE/);
    await new Promise((resolve) => stream.close(resolve));

    writeFileSync(path, "kept");
    await assert.rejects(startReceiver({ uds: { path } }, ignore), /is no socket/);
    assert.equal(readFileSync(path, "utf8"), "kept");
    const sub = join(folder.path, "sub");
    mkdirSync(sub);
    await assert.rejects(startReceiver({ uds: { path: sub } }, ignore), /is no socket/);
    await assert.rejects(startReceiver({ uds: { path: join(sub, "none/x") } }, ignore), /bind: ENOENT/);
  });

  it("does not remove a socket file that another one has put in the place of its own", async () => {
    const first = await listen({ uds: { path } });
    renameSync(path, join(folder.path, "moved"));
    const second = await listen({ uds: { path } });
    await first.receiver.close();
    sendUnix(path, Buffer.from("a:1|g"));
    await until(() => second.messages.length === 1, "a message at the second");
    await second.receiver.close();
  });

  it("of many that start at once over a dead file lets one have the path, and that one hears", async () => {
    const dead = createUnixSocket("unix_dgram");
    dead.bind(path);
    dead.close();
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => listen({ uds: { path } })));
    const won = tries.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    assert.equal(won.length, 1);
    sendUnix(path, Buffer.from("a:1|g"));
    await until(() => won[0]?.messages.length === 1, "a message");
    await won[0]?.receiver.close();
  });

  it("closes the unix socket again when UDP can not be had", async () => {
    const holder = await startReceiver({ udp: { port: 0 } }, ignore);
    const port = holder.udp?.port ?? 0;
    await assert.rejects(startReceiver({ udp: { port }, uds: { path } }, ignore), (error: Error) => {
      assert.match(error.message, new RegExp(`UDP 127.0.0.1:${port}.*EADDRINUSE.*another port`));
      return error.cause instanceof Error;
    });
    assert.equal(lstatSync(path, { throwIfNoEntry: false }), undefined);
    await holder.close();
  });

  it("says what to do where the native addon is missing", async () => {
    await assert.rejects(openUnix(path, ignore, missingAddon), /npm rebuild unix-dgram/);
  });

  it("refuses to listen nowhere, and a path that the kernel would cut", async () => {
    await assert.rejects(startReceiver({}, ignore), /listen nowhere/);
    await assert.rejects(startReceiver({ uds: { path: `/tmp/${"x".repeat(200)}` } }, ignore), /205 bytes/);
  });
});

const missingAddon = () => Promise.reject(new Error("no such module"));
const lineOf = (bytes: number) => Buffer.from(`m:1|g|#${"x".repeat(bytes - 7)}`);

async function sendUdp(port: number, text: string): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise((resolve) => {
    socket.send(text, port, "127.0.0.1", resolve);
  });
  socket.close();
}

function sendUnix(path: string, ...datagrams: readonly Buffer[]): void {
  const socket = createUnixSocket("unix_dgram");
  socket.connect(path);
  for (const datagram of datagrams) socket.send(datagram);
  socket.close();
}
