import assert from "node:assert/strict";
import { seriesKey } from "../../emit/sample.ts";

describe("emit/sample", () => {
  it("gives one series key whatever the order of the tags", () => {
    assert.equal(seriesKey("net.bytes_rcvd", { b: "2", a: "1" }), seriesKey("net.bytes_rcvd", { a: "1", b: "2" }));
  });
});
