import assert from "node:assert/strict";
import { floodGate, mostHosts } from "../../../dispatch/nats/flood.ts";

function opened() {
  const clock = { now: 0 };
  const said: string[] = [];
  const admits = floodGate(
    (_, key) => said.push(key),
    () => clock.now,
  );
  const taken = (key: string, count: number) => Array.from({ length: count }, () => admits(key)).filter(Boolean).length;
  return { clock, said, taken };
}

describe("dispatch/nats: what a host sends", () => {
  it("is read up to a hundred messages at once and ten a second, and what is more is said once a minute", () => {
    const { clock, said, taken } = opened();
    assert.equal(taken("a", 500), 100);
    assert.deepEqual(said, ["a"]);
    clock.now += 1000;
    assert.equal(taken("a", 500), 10);
    assert.deepEqual(said, ["a"]);
    clock.now += 60_000;
    assert.equal(taken("a", 500), 100);
    assert.deepEqual(said, ["a", "a"]);
  });

  it("takes nothing from what another may send", () => {
    const { said, taken } = opened();
    taken("a", 5000);
    assert.equal(taken("b", 100), 100);
    assert.deepEqual(said, ["a"]);
  });

  it("is counted for so many hosts, and of more the oldest is forgotten", () => {
    const { taken } = opened();
    assert.equal(taken("first", 200), 100);
    for (let host = 0; host < mostHosts - 1; host++) taken(`h${host}`, 1);
    assert.equal(taken("first", 1), 0, "it is remembered");
    for (let host = 0; host < mostHosts; host++) taken(`i${host}`, 1);
    assert.equal(taken("first", 1), 1, "it was forgotten");
  });
});
