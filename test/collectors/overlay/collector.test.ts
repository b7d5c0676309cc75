import assert from "node:assert/strict";
import { overlay } from "../../../collectors/overlay/collector.ts";
import { replay } from "../replay.ts";

const cases = "test/collectors/overlay/cases";

const series = (samples: readonly { name: string; tags: object }[] = []) =>
  samples.filter(({ name }) => name === "overlay.findings").map(({ tags }) => JSON.stringify(tags));

/** How many active findings the network has; undefined where nothing is told of it. */
const active = (samples: readonly { name: string; tags: Readonly<Record<string, string>>; value: number }[] = []) =>
  samples
    .filter(({ name, tags }) => name === "overlay.findings" && tags["docker_network"] === "testnet")
    .filter(({ tags }) => tags["state"] === "active")
    .reduce<number | undefined>((sum, { value }) => (sum ?? 0) + value, undefined);

describe("collectors/overlay", () => {
  it("says by its health what is cut off, and that it is well again", async () => {
    const [broken, mended] = await replay(overlay, `${cases}/outage-then-mended`);
    assert.equal(broken?.health?.status, "critical");
    assert.match(broken.health.message ?? "", /^6 active findings: .*B1 in testnet: self-loop/);
    assert.deepEqual(mended?.health, { status: "ok" });
  });

  it("sends every class and state of a network, those at 0 too, so that a finding that is gone is told as gone", async () => {
    const [broken, mended] = await replay(overlay, `${cases}/outage-then-mended`);
    assert.deepEqual(series(broken?.samples), series(mended?.samples));
    assert.equal(new Set(series(broken?.samples)).size, 3 * 3 + 2 + 4 + 2 + 2 + 1);
  });

  it("tells the findings of a network that left the host as gone, for as long as Datadog may need to hear it", async () => {
    const cycles = await replay(overlay, `${cases}/outage-then-gone`);
    assert.deepEqual(
      cycles.map(({ samples }) => active(samples)),
      [6, 0, undefined],
    );
  });

  it("has no health to tell where it may not look", async () => {
    const [denied] = await replay(overlay, `${cases}/no-right-to-enter`);
    assert.deepEqual([denied?.outcome, denied?.health, denied?.samples.length], ["absent", undefined, 0]);
  });
});
