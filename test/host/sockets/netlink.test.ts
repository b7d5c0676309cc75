import assert from "node:assert/strict";
import * as fc from "fast-check";
import { dumper } from "../../../host/sockets/dump.ts";
import type { Libc } from "../../../host/sockets/libc.ts";
import { dumpRequest, masks, NetlinkError, replyBuffer, takeReplies } from "../../../host/sockets/netlink.ts";
import { newTally } from "../../../host/sockets/states.ts";

const sequence = 7;
const [typeError, typeDone, typeSocket, interrupted] = [2, 3, 18, 0x10];

interface Shape {
  readonly flags?: number;
  readonly sequence?: number;
  readonly size?: number;
}

/** Little-endian, as this machine is. */
function message(type: number, body: Uint8Array, shape: Shape = {}): Buffer {
  const bytes = Buffer.alloc(16 + Math.ceil(body.length / 4) * 4);
  bytes.writeUInt32LE(shape.size ?? 16 + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(shape.flags ?? 2, 6);
  bytes.writeUInt32LE(shape.sequence ?? sequence, 8);
  bytes.set(body, 16);
  return bytes;
}

const socket = (state: number, shape?: Shape) =>
  message(
    typeSocket,
    Uint8Array.from({ length: 72 }, (_, i) => (i === 1 ? state : 0xff)),
    shape,
  );
const done = (shape?: Shape) => message(typeDone, Buffer.alloc(4), shape);

function code(errno: number): Uint8Array {
  const bytes = Buffer.alloc(20);
  bytes.writeInt32LE(-errno, 0);
  return bytes;
}

function take(...messages: readonly Uint8Array[]) {
  const bytes = Buffer.concat(messages);
  const buffer = replyBuffer(64 * 1024);
  buffer.bytes.set(bytes);
  const tally = newTally();
  const progress = takeReplies(buffer, bytes.length, sequence, tally);
  return { ...progress, counts: Object.fromEntries([...tally.entries()].filter(([, count]) => count > 0)) };
}

describe("host/sockets/netlink", () => {
  it("asks for the sockets of both families in the states wanted", () => {
    const request = Buffer.from(dumpRequest(masks.rest, sequence));
    assert.equal(request.readUInt32LE(0), request.length);
    assert.deepEqual([request[4], request[6], request[7], request[8], request[16]], [18, 1, 3, 7, 0]);
    assert.equal(request.readUInt32LE(68), 0b1_1011_1111_1100);
    assert.equal(masks.all, 0b1_1111_1111_1110);
    assert.equal(masks.listen, 1 << 10);
  });

  it("counts sockets by state until the end", () => {
    assert.deepEqual(take(socket(1), socket(10), socket(1)), {
      done: false,
      interrupted: false,
      counts: { 1: 2, 10: 1 },
    });
    assert.deepEqual(take(socket(6), done()), { done: true, interrupted: false, counts: { 6: 1 } });
  });

  it("passes over what answers another request, and what it does not know", () => {
    const others = [socket(1, { sequence: 6 }), done({ sequence: 6 }), message(99, Buffer.alloc(8))];
    assert.deepEqual(take(...others, socket(1)), { done: false, interrupted: false, counts: { 1: 1 } });
  });

  it("tells of an interruption on any message, the last one too", () => {
    assert.equal(take(socket(1, { flags: interrupted | 2 }), socket(1), done()).interrupted, true);
    assert.equal(take(socket(1), done({ flags: interrupted | 2 })).interrupted, true);
  });

  it("throws what the kernel answers, by name; an acknowledgement is none", () => {
    for (const [errno, name] of [
      [1, "EPERM"],
      [2, "ENOENT"],
      [95, "ENOTSUP"],
    ] as const) {
      const error = { name: "NetlinkError", message: `the kernel refused the dump: ${name}` };
      assert.throws(() => take(message(typeError, code(errno))), error);
      assert.throws(() => take(socket(1), message(typeDone, code(errno))), error);
    }
    assert.equal(take(message(typeError, code(0)), socket(1)).counts[1], 1);
    assert.equal(take(message(typeDone, Buffer.alloc(0))).done, true);
  });

  it("refuses messages that do not fit what was received", () => {
    for (const bytes of [
      socket(1).subarray(0, 15),
      socket(1).subarray(0, 80),
      socket(1, { size: 15 }),
      socket(1, { size: 0 }),
      socket(1, { size: 0xff_ff_ff_ff }),
      socket(1, { size: 84 }),
      Buffer.concat([socket(1), Buffer.alloc(4)]),
      message(typeSocket, Buffer.alloc(68)),
    ]) {
      assert.throws(() => take(bytes), NetlinkError);
    }
  });

  it("comes to an end with any bytes: an answer or a NetlinkError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          take(bytes);
        } catch (error) {
          assert.ok(error instanceof NetlinkError);
        }
      }),
    );
  });
});

/** A C library whose socket gives these answers, one a call: bytes, or a negative errno. */
function scripted(answers: (Uint8Array | number)[]) {
  const sent: number[] = [];
  const libc: Libc = {
    setns: () => 0,
    connect: () => 0,
    bindDevice: () => 0,
    socket: () => 3,
    send: (_fd, bytes) => {
      sent.push(Buffer.from(bytes).readUInt32LE(8));
      return bytes.length;
    },
    receive: (_fd, into) => {
      const answer = answers.shift() ?? 0;
      if (typeof answer === "number") return answer;
      // The request's sequence, as the kernel repeats it.
      const bytes = Buffer.from(answer);
      for (let at = 0; at + 16 <= bytes.length; at += bytes.readUInt32LE(at))
        bytes.writeUInt32LE(sent.at(-1) ?? 0, at + 8);
      into.set(bytes.subarray(0, into.length));
      return bytes.length;
    },
    poll: () => 0,
    close: () => 0,
  };
  return { dump: () => dumper(libc)(3, masks.all), sent };
}

const [eintr, eagain, enobufs] = [-4, -11, -105];
const broken = (): Buffer => Buffer.concat([socket(1, { flags: interrupted | 2 }), done()]);

describe("host/sockets/dump", () => {
  it("goes on after EINTR and EAGAIN, over several messages", () => {
    const { dump } = scripted([eintr, eagain, socket(1), eintr, Buffer.concat([socket(2), socket(1)]), done()]);
    const { tally, interrupted: cut } = dump();
    assert.deepEqual([tally[1], tally[2], cut], [2, 1, false]);
  });

  it("asks again where the dump was interrupted or messages were lost, and counts none twice", () => {
    const { dump, sent } = scripted([broken(), enobufs, socket(1), done(), socket(1), done()]);
    const { tally, interrupted: cut } = dump();
    assert.deepEqual([tally[1], cut, sent.length, new Set(sent).size], [1, false, 3, 3]);
  });

  it("says so where it is interrupted three times, and tries no more", () => {
    const { dump, sent } = scripted([broken(), broken(), broken()]);
    assert.deepEqual([dump().interrupted, sent.length], [true, 3]);
  });

  it("gives up on an error, on silence, on a closed socket and on what is too long", () => {
    for (const [answers, error] of [
      [[-13], /cannot receive a dump: EACCES/u],
      [[], /cannot receive/u],
      [Array.from({ length: 50 }, () => eagain), /did not answer a dump within 2 s/u],
      [[Buffer.concat(Array.from({ length: 800 }, () => socket(1)))], /is too long/u],
    ] as const) {
      assert.throws(() => scripted([...answers]).dump(), error);
    }
  });
});
