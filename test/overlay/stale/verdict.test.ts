import assert from "node:assert/strict";
import { type Statement, verdictOf } from "../../../overlay/stale/verdict.ts";

const all = ["store", "address", "peers", "containers"] as const;
const said = (...pairs: readonly (readonly [Statement["witness"], Statement["says"]])[]) =>
  pairs.map(([witness, says]): Statement => ({ witness, says, sentence: "" }));
const silence = all.map((witness) => [witness, "silent"] as const);

describe("overlay/stale/verdict", () => {
  it("takes four silent witnesses for dead, and not three", () => {
    assert.equal(verdictOf(said(...silence)), "dead");
    assert.equal(verdictOf(said(...silence, ["peers", "silent"])), "dead");
    for (const missing of all)
      assert.equal(verdictOf(said(...silence.filter(([witness]) => witness !== missing))), "unsure", missing);
    assert.equal(verdictOf([]), "unsure");
  });

  it("one sign of life is enough against all others", () => {
    for (const witness of all)
      assert.equal(verdictOf(said(...silence, [witness, "alive"], ["self", "unsure"])), "alive");
  });

  it("one that can not be asked, or this host cut off, makes it unsure", () => {
    for (const witness of [...all, "self"] as const)
      assert.equal(verdictOf(said(...silence, [witness, "unsure"])), "unsure", witness);
  });
});
