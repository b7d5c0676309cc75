import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parseLine, splitPacket } from "../../../emit/dogstatsd/parse.ts";
import { parsePacket } from "./packet.ts";

const metric = (line: string, options = {}) => {
  const parsed = parseLine(line, options);
  return parsed.kind === "metric" ? parsed : undefined;
};
const value = (text: string) => metric(`m:${text}|g`)?.values?.[0];
const origin = (fields: string) => parseLine(`m:1|g|${fields}`, { originDetectionClient: true });

describe("emit/dogstatsd/parse", () => {
  it("reads a metric with everything, the optional fields in any order and the last of a kind winning", () => {
    assert.deepEqual(parseLine("page.views:1:2|c|T1656581400|@0.1|#old|@0.5|#env:dev,x"), {
      kind: "metric",
      name: "page.views",
      type: "count",
      values: [1, 2],
      sample_rate: 0.5,
      tags: ["env:dev", "x"],
      timestamp: 1656581400,
    });
  });

  it("reads bytes and text alike, also a window into a larger buffer", () => {
    const bytes = Buffer.from("xxa:1|gyy").subarray(2, 7);
    assert.deepEqual(parseLine(bytes), parseLine("a:1|g"));
    assert.deepEqual(parseLine(new Uint8Array(bytes)), parseLine("a:1|g"));
  });

  it("reads numbers as Go does", () => {
    const numbers = {
      ".5": 0.5,
      "5.": 5,
      "+1e3": 1000,
      "-0x1.8p1": -3,
      "0X_FFp0": 255,
      "0x1p-1074": 5e-324,
      "1_000.2_5": 1000.25,
      inf: Infinity,
      "-Infinity": -Infinity,
      nan: NaN,
    };
    for (const [text, expected] of Object.entries(numbers)) assert.deepEqual(value(text), expected, text);
    const refused = [
      "",
      " ",
      "1 ",
      "0x10",
      "0x.p1",
      "1e400",
      "0x1p2000",
      "+nan",
      "1__0",
      "_1",
      "1_",
      "1_.5",
      "--1",
      "e5",
    ];
    for (const text of refused) assert.equal(value(text), undefined, text);
  });

  it("refuses a timestamp that Go refuses, and skips it unread where timestamps are off", () => {
    assert.equal(metric("m:1|g|T+5")?.timestamp, 5);
    assert.equal(metric("m:1|g|T9223372036854775807")?.timestamp, 2 ** 63);
    for (const bad of ["T", "T0", "T-1", "T1.5", "T9223372036854775808", `T${"9".repeat(40)}`]) {
      assert.equal(parseLine(`m:1|g|${bad}`).kind, "invalid", bad);
      assert.equal(parseLine(`m:1|g|${bad}`, { readTimestamps: false }).kind, "metric", bad);
    }
  });

  it("reads where a client says that it runs only when told to", () => {
    const all = "c:ci-abc,in-42|e:it-true,cn-web,pu-7|card:low";
    const { local_data, external_data, cardinality } = { ...metric(`m:1|g|${all}`, { originDetectionClient: true }) };
    assert.deepEqual(local_data, { container_id: "abc", inode: 42 });
    assert.deepEqual(external_data, { init: true, container_name: "web", pod_uid: "7" });
    assert.equal(cardinality, "low");
    assert.deepEqual(metric(`m:1|g|${all}`), metric("m:1|g"));
    assert.deepEqual(origin("c:"), metric("m:1|g"));
    assert.deepEqual(origin("c:in-x"), metric("m:1|g"));
    assert.deepEqual(origin("c:cid-abc"), origin("c:abc"));
  });

  it("measures an event in bytes and keeps its defaults when an optional field is bad", () => {
    assert.equal(parseLine("_e{5,2}:é✓|ok").kind, "event");
    assert.equal(parseLine("_e{5,3}:é✓|ok").kind, "invalid");
    // The agent cuts the last byte of the header, whatever it is: a brace, an x, but not half of an é.
    assert.equal(parseLine("_e{1,1x:a|b").kind, "event");
    assert.equal(parseLine("_e{1,1é:a|b").kind, "invalid");
    const full = parseLine("_e{2,4}:é|a\\nb|d:12|h:web1|k:key|p:low|s:src|t:error|t:loud|d:x|#a,b:c");
    assert.deepEqual(full, {
      kind: "event",
      title: "é",
      text: "a\nb",
      priority: "low",
      alert_type: "error",
      tags: ["a", "b:c"],
      timestamp: 12,
      hostname: "web1",
      aggregation_key: "key",
      source_type: "src",
    });
  });

  it("reads a service check, whose message ends at a bar", () => {
    assert.deepEqual(parseLine("_sc|a.b|2|m:no|#x|d:5|h:web1"), {
      kind: "service_check",
      name: "a.b",
      status: "critical",
      tags: ["x"],
      timestamp: 5,
      hostname: "web1",
      message: "no",
    });
    for (const bad of ["_sc", "_sc|a", "_sc|a|", "_sc|a|4", "_sc||0", "_sc|a|0x"]) {
      assert.equal(parseLine(bad).kind, "invalid", bad);
    }
  });

  it("says what it refused, shortened and harmless on a terminal", () => {
    const parsed = parseLine(`a\u001b[2J${"x".repeat(500)}`);
    assert.ok(parsed.kind === "invalid");
    assert.ok(parsed.reason.length < 200 && !parsed.reason.includes("\u001b"), parsed.reason);
  });

  it("splits a packet at line feeds, drops one CR, skips empty lines, and lets no line harm another", () => {
    const lines = splitPacket(Buffer.from("\n\r\na:1|c\r\nb\r:2|c\n\n c:3|c\r"));
    assert.deepEqual(lines.map(String), ["a:1|c", "b\r:2|c", " c:3|c"]);
    const packet = parsePacket(Buffer.from("a:1|c\n_e{1\nb:1|c\n_sc|\n"));
    assert.deepEqual([packet.messages.length, packet.invalid_lines], [2, 2]);
  });

  it("never throws, and each of its messages is whole", () => {
    fc.assert(
      fc.property(hostileLine, fc.boolean(), (line, flag) => {
        const parsed = parseLine(line, { readTimestamps: flag, originDetectionClient: flag });
        assert.ok(["metric", "event", "service_check", "invalid"].includes(parsed.kind));
        if (parsed.kind === "metric") assert.ok(parsed.name !== "" && (parsed.values ?? [parsed.set_value]).length > 0);
      }),
      { numRuns: 3000 },
    );
  });

  it("loses no line of a packet, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const packet = Buffer.from(bytes);
        const { messages, invalid_lines } = parsePacket(packet);
        const lines = packet.toString("latin1").split("\n");
        assert.equal(messages.length + invalid_lines, lines.filter((line) => line.replace(/\r$/, "") !== "").length);
      }),
    );
  });

  it("takes no longer for a line that is built to be slow", () => {
    const long = 60_000;
    const started = performance.now();
    for (const digit of ["0", "1", "1.", "0x1", "1_", "1:", "|", ",", "T0"]) parseLine(`m:${digit.repeat(long)}x|g|T1`);
    for (const field of ["T", "@", "#"]) parseLine(`m:1|g|${field}${"0".repeat(long)}x`);
    // The square of the length would take minutes; this takes milliseconds.
    assert.ok(performance.now() - started < 5_000);
  });
});

/** Gibberish of the protocol's own pieces comes further than bytes at random. */
const piece = fc.constantFrom(
  "_e{",
  "_sc",
  "|",
  ":",
  "#",
  "@",
  "T",
  "c:",
  "e:",
  "card:",
  "1",
  "-1",
  "ms",
  "g",
  "}",
  ",",
  "\\n",
);
const hostileLine = fc
  .array(fc.oneof({ weight: 4, arbitrary: piece }, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 20 })
  .map((pieces) => pieces.join(""));
