import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { StoreError } from "../../../host/kv/store.ts";
import { storedValues } from "../../../host/kv/stores.ts";
import { listening } from "./serving.ts";

const { signal } = new AbortController();
const folder = "docker/network/v1.0/endpoint/n";

/** Opens a session, as `ConnectResponse` is written, and has `answer` for each request after it. */
const inSession = (answer: (socket: Socket, xid: number) => void) => (socket: Socket) => {
  let [waiting, isOpen] = [Buffer.alloc(0), false];
  socket.on("data", (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    for (let size = sizeIn(waiting); waiting.length >= size; size = sizeIn(waiting)) {
      if (isOpen) answer(socket, waiting.readInt32BE(4));
      else socket.write(opened());
      isOpen = true;
      waiting = waiting.subarray(size);
    }
  });
};
const sizeIn = (waiting: Buffer): number => (waiting.length < 4 ? 4 : 4 + waiting.readInt32BE(0));

function opened(): Buffer {
  const answer = Buffer.alloc(41);
  answer.writeInt32BE(37, 0);
  answer.writeInt32BE(10_000, 8);
  answer.writeBigInt64BE(7n, 12);
  answer.writeInt32BE(16, 20);
  return answer;
}

/** `ReplyHeader`: xid, zxid, error; then the answer itself. */
const reply = (xid: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(20);
  head.writeInt32BE(16 + body.length, 0);
  head.writeInt32BE(xid, 4);
  head.writeBigInt64BE(9n, 8);
  return Buffer.concat([head, body]);
};

/** What is no ZooKeeper, or an ill one; the true one's answers: test/accept/stores.test.ts. */
describe("host/kv: ZooKeeper", function () {
  this.timeout(20_000);
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) server.close();
    sockets.clear();
  });

  async function serving(on: (socket: Socket) => void): Promise<string> {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      on(socket);
    });
    servers.push(server);
    return listening(server);
  }

  const quick: readonly (readonly [what: string, told: RegExp, on: (socket: Socket) => void])[] = [
    [
      "a list of a billion names, which ends its client",
      /its client ended \(SIGTRAP\): .*invalid size|not done after 3000 ms/,
      inSession((to, xid) => to.write(reply(xid, Buffer.alloc(30, 0x41)))),
    ],
    [
      "another request's answer",
      /run time inconsistency/,
      inSession((to, xid) => to.write(reply(xid + 1, Buffer.alloc(8)))),
    ],
    [
      "an answer that is cut short",
      /run time inconsistency/,
      inSession((to) => to.write(Buffer.from([0, 0, 0, 6, 0, 0, 0, 1, 0, 0]))),
    ],
    ["the end, in the middle of it", /connection loss/, inSession((to) => void to.end())],
    [
      "a session that is over",
      /operation timeout/,
      (socket) => socket.write(Buffer.concat([Buffer.from([0, 0, 0, 37]), Buffer.alloc(37)])),
    ],
  ];
  for (const [what, told, on] of quick)
    it(`${what} is no answer, and never an empty list`, async () => {
      await assert.rejects(
        storedValues(`zk://${await serving(on)}`, folder, signal),
        (error) => error instanceof StoreError && told.test(error.message),
      );
    });

  it("tells which server is not there, is mute, or closes each connection as one without its majority does", async () => {
    const mute = await serving(() => undefined);
    const lonely = await serving((socket) => socket.once("data", () => socket.destroy()));
    const no = /it opens no session: has it lost its majority\?/u;
    const began = performance.now();
    await Promise.all([
      assert.rejects(storedValues(`zk://127.0.0.1:1,${mute}`, folder, signal), (error) => {
        assert.ok(error instanceof StoreError);
        assert.match(error.message, /127\.0\.0\.1:1: .*ECONNREFUSED/u);
        assert.match(error.message, no);
        return true;
      }),
      assert.rejects(storedValues(`zk://${lonely}`, folder, signal), no),
    ]);
    assert.ok(performance.now() - began < 6000);
  });

  it("ends at once with its signal", async () => {
    const mute = await serving(() => undefined);
    const ending = new AbortController();
    setTimeout(() => ending.abort(new Error("enough")), 300);
    const began = performance.now();
    await assert.rejects(storedValues(`zk://${mute},${mute}`, folder, ending.signal), /enough/);
    assert.ok(performance.now() - began < 1000);
  });
});
