import assert from "node:assert/strict";
import { askArp } from "../../../host/sockets/arp.ts";
import { answeredMac, arpRequest } from "../../../host/sockets/arp-packet.ts";

const ends = { mac: "02:42:0a:00:00:02", ip: 0x0a000002, target: 0x0a000003 };
const answerer = "02:42:0a:00:00:03";

/** As the target would send it. */
function answerTo(frame: Uint8Array): Uint8Array {
  const answer = arpRequest({ mac: answerer, ip: ends.target, target: ends.ip });
  answer.set(frame.subarray(6, 12), 0);
  answer[21] = 2;
  return answer;
}

describe("host/sockets/arp", () => {
  it("makes the request of RFC 826, byte by byte", () => {
    const hex = Buffer.from(arpRequest(ends)).toString("hex");
    assert.equal(
      hex.slice(0, 84),
      "ffffffffffff02420a0000020806000108000604000102420a0000020a0000020000000000000a000003",
    );
    assert.equal(hex.length, 120);
  });

  it("takes the MAC of an answer to its own question, and of nothing else", () => {
    const answer = answerTo(arpRequest(ends));
    assert.equal(answeredMac(answer, ends), answerer);
    assert.equal(answeredMac(answer, { ...ends, target: 0x0a000004 }), undefined);
    assert.equal(answeredMac(answer, { ...ends, ip: 0x0a000004 }), undefined);
    assert.equal(answeredMac(arpRequest(ends), ends), undefined);
    assert.equal(answeredMac(answer.subarray(0, 41), ends), undefined);
  });

  it("gives an error where there is no such namespace", async () => {
    const asked = await askArp({ ...ends, netns: "/proc/0/ns/net", ifindex: 1, waitMs: 10 });
    assert.ok(asked instanceof Error);
    assert.match(asked.message, /no ARP request was sent: .*ENOENT/);
  });
});
