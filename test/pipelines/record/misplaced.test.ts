import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import type { PortClass } from "../../../pipelines/ports.ts";
import { misplacedWatch } from "../../../pipelines/record/misplaced.ts";
import { manualClock } from "../../host/manual-clock.ts";

const mac = "02:42:0a:00:00:02";

function stage() {
  const clock = manualClock(0);
  const said: string[] = [];
  const world = {
    share: 0,
    container: "A1",
    reads: Array.of<PortClass | "none" | Error>("vxlan"),
    doubts: 0,
    failures: 0,
    read: 0,
  };
  const watch = misplacedWatch({
    readPorts: async () => {
      const port = world.reads[world.read++ % world.reads.length] ?? "none";
      if (port instanceof Error) throw port;
      return port === "none" ? new Map() : new Map([[mac, port]]);
    },
    share: () => world.share,
    container: () => (world.container === "" ? undefined : world.container),
    say: (state, suspect) => void said.push(`${state} ${suspect.container} ${suspect.share}`),
    doubt: () => void world.doubts++,
    failed: () => void world.failures++,
    monotonic: clock.monotonic,
  });
  const look = async (share: number, ms = 250): Promise<void> => {
    world.share = share;
    clock.advance(ms);
    watch.look([mac]);
    for (let n = 0; n < 10; n++) await turn();
  };
  return { said, world, watch, look };
}

describe("pipelines/record/misplaced", () => {
  it("is said when the share crosses a half and the table confirms it, again every 10 s, and when it is over", async () => {
    const { said, watch, look } = stage();
    await look(0.5);
    assert.deepEqual(said, []);
    await look(0.51);
    assert.deepEqual(watch.on(), ["A1"]);
    for (let n = 0; n < 41; n++) await look(0.99);
    await look(0.4);
    await look(0.3);
    assert.deepEqual(said, ["on A1 0.51", "on A1 0.99", "off A1 0.4"]);
    assert.deepEqual(watch.on(), []);
  });

  it("is not said where the table shows the right port in most reads; then events were lost", async () => {
    const { said, world, look } = stage();
    world.reads = ["vxlan", "veth", "none"];
    await look(0.9);
    assert.deepEqual([said, world.doubts, world.read], [[], 1, 3]);
    await look(0.9);
    assert.equal(world.read, 3, "left alone for a second");
    world.reads = ["vxlan", "vxlan", "veth"];
    world.read = 0;
    await look(0.9, 1000);
    assert.deepEqual(said, ["on A1 0.9"]);
  });

  it("is neither on nor off where the table can not be read, and asked again", async () => {
    const { said, world, look } = stage();
    world.reads = [new Error("no bridge")];
    await look(0.9);
    assert.deepEqual([said, world.failures], [[], 1]);
    world.reads = ["vxlan"];
    await look(0.9);
    assert.deepEqual(said, ["on A1 0.9"]);
  });

  it("is over with its container, with another container of that MAC, and with the namespace", async () => {
    const one = stage();
    await one.look(0.9);
    one.world.container = "";
    await one.look(0);
    assert.deepEqual(one.said, ["on A1 0.9", "off A1 0"]);
    const two = stage();
    await two.look(0.9);
    two.world.container = "B1";
    await two.look(0.9);
    assert.deepEqual(two.said, ["on A1 0.9", "off A1 0.9", "on B1 0.9"]);
    two.watch.end();
    assert.deepEqual(two.said.at(-1), "off B1 0.9");
  });
});
