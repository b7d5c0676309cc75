import assert from "node:assert/strict";
import { errorText } from "../../agent/error-text.ts";

const because = (message: string, cause: unknown) => new Error(message, { cause });

describe("agent/error-text", () => {
  it("adds the cause, once, and not behind advice", () => {
    assert.equal(errorText(because("cannot read a", new Error("ENOENT"))), "cannot read a: ENOENT");
    assert.equal(errorText(because("a: b", because("c", new Error("d")))), "a: b: c: d");
    assert.equal(errorText(because("cannot read a: ENOENT", new Error("ENOENT"))), "cannot read a: ENOENT");
    assert.equal(errorText(because("no socket. Is it running?", new Error("ENOENT"))), "no socket. Is it running?");
    assert.equal(errorText(because("no right. Run it as root.", new Error("EACCES"))), "no right. Run it as root.");
    assert.equal(errorText("thrown text"), "thrown text");
  });
});
