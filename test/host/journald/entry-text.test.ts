import assert from "node:assert/strict";
import * as fc from "fast-check";
import { entryEnd, entryText, itemEnd, longestValue } from "../../../host/journald/entry-text.ts";
import { entryQueue } from "../../../host/journald/queue.ts";

const text = (fields: Record<string, string>, message = "m", priority = 6): string =>
  entryText({ message, priority, fields }, "me");

describe("host/journald: an entry on its way to the thread that writes it", () => {
  it("can be taken apart again, whatever its values hold", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }))), (pairs) => {
        const texts = pairs.map(([message, value]) => text({ A: value }, message));
        const back = texts.length === 0 ? [] : texts.join(entryEnd).split(entryEnd);
        const expected = pairs.map(([message, value]) =>
          ["6", `MESSAGE=${message}`, "SYSLOG_IDENTIFIER=me", `A=${value}`].map((item) => item.replaceAll("\0", "")),
        );
        assert.deepEqual(
          back.map((entry) => entry.split(itemEnd)),
          expected,
        );
      }),
    );
  });

  it("has the identifier that its fields name", () => {
    assert.equal(text({ SYSLOG_IDENTIFIER: "other" }), "6\0MESSAGE=m\0SYSLOG_IDENTIFIER=other");
  });

  it("is refused for names and priorities that journald would drop without a word", () => {
    for (const name of ["", "lower", "_OWN", "9A", "A-B", "A=B", "MESSAGE", "PRIORITY", "A".repeat(65), "A\n"])
      assert.throws(() => text({ [name]: "x" }), TypeError, name);
    assert.doesNotThrow(() => text({ ["A".repeat(64)]: "x" }));
    for (const priority of [-1, 8, 1.5, Number.NaN]) assert.throws(() => text({}, "m", priority), TypeError);
  });

  it("is cut where a value is too long, between characters", () => {
    const value = `${"x".repeat(longestValue - 1)}🚒`;
    assert.equal(text({ A: value }).split(itemEnd).at(-1), `A=${"x".repeat(longestValue - 1)}`);
  });
});

describe("host/journald: the queue before that thread", () => {
  it("is bounded in number and in size, and gives batches of bounded size", () => {
    const queue = entryQueue(1000);
    const taken = Array.from({ length: 1200 }, (_, index) => queue.add(`e${index}`)).filter(Boolean).length;
    assert.equal(taken, 1000);
    const { count, text: batch } = queue.batch();
    assert.equal(batch.split(entryEnd).length, count);
    assert.equal(batch.split(entryEnd).at(-1), `e${count - 1}`);
    queue.drop(count);
    assert.equal(queue.length(), 1000 - count);
    assert.equal(queue.batch().text.split(entryEnd)[0], `e${count}`);
    const large = entryQueue(1000);
    while (large.add("x".repeat(8 * 1024 * 1024)));
    assert.equal(large.length(), 8);
    assert.equal(large.batch().count, 1);
    large.drop(8);
    assert.equal(large.add("x".repeat(8 * 1024 * 1024)), true);
  });
});
