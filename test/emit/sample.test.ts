import assert from "node:assert/strict";
import * as fc from "fast-check";
import { joinBySeries, type Sample, seriesKey } from "../../emit/sample.ts";

const word = fc.string({ unit: fc.constantFrom("a", "b", ",", ":", "|", '"', "\0"), maxLength: 4 });
const series = fc.tuple(word, fc.dictionary(word, word, { maxKeys: 3 }));

const sample = (name: string, value: number, tags: Sample["tags"]): Sample => ({
  name,
  type: "count",
  value,
  tags,
});

describe("emit/sample", () => {
  it("gives one series key whatever the order of the tags", () => {
    assert.equal(seriesKey("net.bytes_rcvd", { b: "2", a: "1" }), seriesKey("net.bytes_rcvd", { a: "1", b: "2" }));
  });

  it("gives two series two keys, whatever their names and tags hold", () => {
    assert.notEqual(seriesKey("n", { a: "1,b:2" }), seriesKey("n", { a: "1", b: "2" }));
    fc.assert(
      fc.property(series, series, ([name, tags], [otherName, otherTags]) => {
        const same = name === otherName && JSON.stringify(sorted(tags)) === JSON.stringify(sorted(otherTags));
        assert.equal(seriesKey(name, tags) === seriesKey(otherName, otherTags), same);
      }),
      { numRuns: 2000 },
    );
  });

  it("sums the samples of one series, and keeps the order of the first of each", () => {
    const all = [sample("b", 1, { x: "1" }), sample("a", 2, {}), sample("b", 4, { x: "1" }), sample("b", 8, {})];
    assert.deepEqual(joinBySeries(all, new Set(["a"])), [
      sample("b", 5, { x: "1" }),
      sample("a", 2, {}),
      sample("b", 8, {}),
    ]);
  });

  it("takes the worst of those that are joined by it, and sums no other", () => {
    const all = [
      sample("loss", 0, {}),
      sample("loss", 1, {}),
      sample("loss", 0.5, {}),
      sample("n", 2, {}),
      sample("n", 1, {}),
    ];
    assert.deepEqual(joinBySeries(all, new Set(["loss"])), [sample("loss", 1, {}), sample("n", 3, {})]);
  });
});

const sorted = (tags: Sample["tags"]) => Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
