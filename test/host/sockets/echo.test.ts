import assert from "node:assert/strict";
import { echo } from "../../../host/sockets/echo.ts";
import { answeredSequence, echoRequest } from "../../../host/sockets/echo-packet.ts";
import { isRoot, needs } from "../../needs.ts";
import { namespaceFolder } from "../netns/stage.ts";

const { signal } = new AbortController();

/** Milliseconds of a probe. */
async function time(netns: string, ip: string): Promise<number> {
  const began = performance.now();
  await echo([{ netns, ip }], { signal });
  return performance.now() - began;
}

describe("host/sockets: an echo request", () => {
  it("has a checksum that makes the sum of all words zero", () => {
    const words = new DataView(echoRequest(0xbeef, 7).buffer);
    let sum = 0;
    for (let at = 0; at < 64; at += 2) sum += words.getUint16(at);
    assert.equal(((sum & 0xffff) + (sum >>> 16)) & 0xffff, 0xffff);
  });

  it("is answered by a reply with its id, and by nothing else", () => {
    const reply = new Uint8Array([0x45, ...new Uint8Array(19), ...echoRequest(513, 9)]);
    assert.equal(answeredSequence(reply, 513), undefined, "a request is no reply");
    reply[20] = 0;
    assert.equal(answeredSequence(reply, 513), 9);
    assert.equal(answeredSequence(reply, 514), undefined);
    for (const length of [0, 1, 20, 27]) assert.equal(answeredSequence(reply.subarray(0, length), 513), undefined);
  });

  it("of a ping socket is answered without an IP header, by a reply with the kernel's id", () => {
    const reply = echoRequest(0, 9);
    assert.equal(answeredSequence(reply, undefined), undefined, "a request is no reply");
    reply[0] = 0;
    assert.equal(answeredSequence(reply, undefined), 9);
    assert.equal(answeredSequence(reply.subarray(0, 7), undefined), undefined);
  });
});

describe("host/sockets: echo from inside namespaces", () => {
  const folder = namespaceFolder();
  before("needs root", function () {
    needs(this, "root", isRoot());
    for (const name of ["one", "two"]) folder.make(name);
    const ip = (name: string, line: string): string => folder.run(name, ["ip", ...line.split(" ")]);
    ip("one", `link add left type veth peer name right netns ${folder.path("two")}`);
    ip("one", "addr add 10.9.0.1/24 dev left");
    ip("two", "addr add 10.9.0.2/24 dev right");
    ip("one", "link set left up");
    ip("two", "link set right up");
  });
  after(() => folder.clear());

  it("loses nothing where all is well, everything where nobody is, and says what it could not try", async () => {
    const [one, two] = [folder.path("one"), folder.path("two")];
    const found = await echo(
      [
        { netns: one, ip: "10.9.0.2" },
        { netns: two, ip: "10.9.0.1" },
        { netns: one, ip: "10.9.0.3" },
        { netns: one, ip: "192.0.2.1" },
        { netns: `${one}-not`, ip: "10.9.0.2" },
        { netns: one, ip: "x" },
      ],
      { signal },
    );
    assert.deepEqual(found.slice(0, 3), [0, 0, 1]);
    assert.match(String(found[3]), /connect: error 101/);
    assert.match(String(found[4]), /not probed: ENOENT/);
    assert.match(String(found[5]), /not an IPv4 address/);
  });

  it("leaves the process where it was", async () => {
    const before = folder.run("one", ["readlink", "/proc/self/ns/net"]);
    await echo([{ netns: folder.path("one"), ip: "10.9.0.2" }], { signal });
    const { readlinkSync } = await import("node:fs");
    assert.notEqual(readlinkSync("/proc/thread-self/ns/net"), before.trim());
  });

  it("is quick where all is answered, and bounded where nothing is", async () => {
    assert.ok((await time(folder.path("one"), "10.9.0.2")) < 400);
    assert.ok((await time(folder.path("one"), "10.9.0.3")) < 800);
  });
});
