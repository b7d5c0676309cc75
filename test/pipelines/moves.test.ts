import assert from "node:assert/strict";
import { moveWatch } from "../../pipelines/moves.ts";

const mac = "02:42:0a:00:00:02";
const second = 1_000_000;

describe("pipelines/moves", () => {
  it("counts a row on another port as a move, and a way back within the window as a flap", () => {
    const watch = moveWatch(2 * second);
    assert.equal(watch.learned(mac, 4, "veth", 0), "none", "the first");
    assert.equal(watch.learned(mac, 4, "veth", 10), "none", "again");
    assert.equal(watch.learned(mac, 3, "vxlan", 20), "moved");
    assert.equal(watch.learned(mac, 4, "veth", 2 * second), "flapped");
    assert.equal(watch.learned(mac, 3, "vxlan", 3 * second), "flapped");
    assert.equal(watch.learned(mac, 4, "veth", 9 * second), "moved", "too late to be a flap");
    assert.equal(watch.learned(mac, 5, "veth", 9 * second + 1), "moved", "from veth to veth");
  });

  it("does not take a row that was deleted and learned elsewhere for a move", () => {
    const watch = moveWatch();
    watch.learned(mac, 4, "veth", 0);
    watch.deleted(mac, 3);
    assert.equal(watch.learned(mac, 3, "vxlan", 1), "moved", "it was another row that was deleted");
    watch.deleted(mac, 3);
    assert.equal(watch.learned(mac, 4, "veth", 2), "none");
  });

  it("starts from where a dump found a MAC, unless more is known", () => {
    const watch = moveWatch();
    watch.found(mac, 4, "veth");
    assert.equal(watch.learned(mac, 3, "vxlan", 1), "moved");
    watch.found(mac, 4, "veth");
    assert.equal(watch.learned(mac, 3, "vxlan", 2), "none");
  });

  it("knows when a MAC got another VTEP", () => {
    const watch = moveWatch();
    assert.equal(watch.selfRow(mac, "192.0.2.1"), false);
    assert.equal(watch.selfRow(mac, "192.0.2.1"), false);
    assert.equal(watch.selfRow(mac, "192.0.2.2"), true);
    watch.foundSelfRow(mac, "192.0.2.3");
    assert.equal(watch.selfRow(mac, "192.0.2.2"), false);
    watch.selfRowDeleted(mac);
    assert.equal(watch.selfRow(mac, "192.0.2.9"), false);
  });

  it("forgets the oldest MACs of other hosts in a storm, and no local one", () => {
    const watch = moveWatch();
    watch.own(new Set([mac]));
    watch.learned(mac, 4, "veth", 0);
    watch.learned("02:42:0a:00:00:ff", 4, "veth", 0);
    for (let n = 0; n < 10_000; n++) watch.learned(`02:00:00:00:${n}`, 4, "veth", 1);
    assert.equal(watch.learned(mac, 3, "vxlan", 2), "moved");
    assert.equal(watch.learned("02:42:0a:00:00:ff", 3, "vxlan", 2), "none");
    assert.equal(watch.learned("02:00:00:00:9999", 3, "vxlan", 2), "moved");
  });
});
