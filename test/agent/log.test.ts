import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { streamLog } from "../../agent/log.ts";

function logging() {
  const written: string[] = [];
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString("utf8"));
      done();
    },
  });
  let now = 0;
  const log = streamLog(out, () => now);
  return {
    log,
    lines: () => written.splice(0).join("").split("\n").slice(0, -1),
    after: (ms: number) => {
      now += ms;
    },
  };
}

describe("agent/log", () => {
  it("writes one line an entry: time, level, message", () => {
    const { log, lines } = logging();
    log.info("a");
    log.warn("b");
    log.error("c");
    assert.deepEqual(lines(), [
      "1970-01-01T00:00:00.000Z INFO a",
      "1970-01-01T00:00:00.000Z WARN b",
      "1970-01-01T00:00:00.000Z ERROR c",
    ]);
  });

  it("lets no message make a second line, nor steer a terminal", () => {
    const { log, lines } = logging();
    log.info("first\nsecond\r\n  third\n");
    log.warn("a\rb \u001B[2J\u009B31m\u0000\u2028\u202E");
    const [joined, clean, ...more] = lines();
    assert.equal(joined, "1970-01-01T00:00:00.000Z INFO first; second; third");
    assert.doesNotMatch(clean ?? "", /[\p{C}\p{Zl}]/u);
    assert.deepEqual(more, []);
  });

  it("says a lasting fault once a minute, and how often it was", () => {
    const { log, lines, after } = logging();
    for (let i = 0; i < 61; i++) {
      log.warn(`failed for the ${i}th time`, "key");
      after(1000);
    }
    assert.deepEqual(
      lines().map((line) => line.slice(25)),
      ["WARN failed for the 0th time", "WARN failed for the 60th time (59 more of it since)"],
    );
  });

  it("takes the message for the key where there is none, and holds no other back", () => {
    const { log, lines } = logging();
    for (let i = 0; i < 3; i++) log.error("same");
    log.error("other");
    log.warn("with a key", "same key");
    assert.equal(lines().length, 3);
  });

  it("never holds information back", () => {
    const { log, lines } = logging();
    for (let i = 0; i < 3; i++) log.info("same");
    assert.equal(lines().length, 3);
  });

  it("does not grow without bound", () => {
    const { log, lines } = logging();
    for (let i = 0; i < 3000; i++) log.warn(`message ${i}`);
    assert.equal(lines().length, 3000);
  });
});
