import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { parseIndexes, parseNetDev } from "../../../collectors/interfaces/net-dev.ts";

const head = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;
const columns = (count: number) => Array.from({ length: count }, (_, i) => i + 1).join(" ");
const names = (text: string) => parseNetDev(head + text).interfaces.map(({ name }) => name);

describe("collectors/interfaces/net-dev", () => {
  it("reads a real file", () => {
    const file = "test/collectors/interfaces/cases/swarm-ingress/2/proc/19563/net/dev";
    const { interfaces, malformed } = parseNetDev(readFileSync(file, "utf8"));
    assert.deepEqual(
      interfaces.map(({ name }) => name),
      ["lo", "eth0", "eth1", "eth2"],
    );
    assert.deepEqual(malformed, []);
    assert.deepEqual(interfaces[3]?.values, {
      "net.bytes_rcvd": 238,
      "net.packets_rcvd": 3,
      "net.errors_rcvd": 0,
      "net.drops_rcvd": 0,
      "net.bytes_sent": 364,
      "net.packets_sent": 6,
      "net.errors_sent": 0,
      "net.drops_sent": 0,
    });
  });

  it("takes each counter from its column", () => {
    assert.deepEqual(parseNetDev(`${head}  eth0: ${columns(16)}\n`).interfaces[0]?.values, {
      "net.bytes_rcvd": 1,
      "net.packets_rcvd": 2,
      "net.errors_rcvd": 3,
      "net.drops_rcvd": 4,
      "net.bytes_sent": 9,
      "net.packets_sent": 10,
      "net.errors_sent": 11,
      "net.drops_sent": 12,
    });
  });

  it("reads names of every kind, and one that its counters follow at once", () => {
    const odd = ["eth0.100", "veth1a2b3c4", "a-b_c@d", "eth0:1", "%d", "\u{1F40B}", "0"];
    assert.deepEqual(names(odd.map((name) => `${name.padStart(6)}: ${columns(16)}\n`).join("")), odd);
    assert.deepEqual(names(`eth0:${columns(16)}\n`), ["eth0"]);
  });

  it("refuses what is not the kernel's form, and reads the rest", () => {
    const bad = [
      `  eth1: ${columns(10)}`,
      `  eth1: ${columns(15)}`,
      "  eth1:",
      "eth1",
      ` : ${columns(16)}`,
      `  a/b: ${columns(16)}`,
      `  eth1: ${columns(15)} -1`,
      `  eth1: ${columns(15)} 1.5`,
      `  eth1: ${columns(15)} ${"9".repeat(21)}`,
      "   ",
    ];
    const { interfaces, malformed } = parseNetDev(`${head}${bad.join("\n")}\n  eth0: ${columns(16)}\n`);
    assert.deepEqual(malformed, bad);
    assert.deepEqual(
      interfaces.map(({ name }) => name),
      ["eth0"],
    );
  });

  it("bears a column more, and none at all", () => {
    assert.deepEqual(names(`eth0: ${columns(17)}\n`), ["eth0"]);
    assert.deepEqual(parseNetDev(""), { interfaces: [], malformed: [] });
    assert.deepEqual(parseNetDev(head), { interfaces: [], malformed: [] });
  });

  it("bears the largest counter that the kernel has", () => {
    const [one] = parseNetDev(`${head}  eth0: ${"18446744073709551615 ".repeat(16)}\n`).interfaces;
    assert.equal(one?.values["net.bytes_rcvd"], 2 ** 64);
  });

  it("leaves out two interfaces whose names read alike, for they can not be told apart", () => {
    const text = Buffer.from(
      `${head}  e\xff: ${columns(16)}\n  e\xfe: ${columns(16)}\n  eth0: ${columns(16)}\n`,
      "latin1",
    ).toString("utf8");
    const { interfaces, malformed } = parseNetDev(text);
    assert.deepEqual(
      interfaces.map(({ name }) => name),
      ["eth0"],
    );
    assert.deepEqual(malformed, ["2 interfaces read as e\uFFFD"]);
  });

  it("never throws, and gives only whole numbers", () => {
    const piece = fc.constantFrom("eth0", ":", " ", "\n", "1", "16", head, columns(16), "\t", "-", "\u0000", "x/y");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        for (const { values } of parseNetDev(pieces.join("")).interfaces)
          for (const value of Object.values(values)) assert.ok(value >= 0 && Number.isFinite(value));
      }),
    );
  });

  it("reads an interface's index from net/igmp, which does not list one that is down", () => {
    const indexes = parseIndexes(
      readFileSync("test/collectors/interfaces/cases/link-down/2/proc/4105/net/igmp", "utf8"),
    );
    assert.deepEqual(
      [...indexes],
      [
        ["lo", 1],
        ["eth9", 31],
      ],
    );
  });
});
