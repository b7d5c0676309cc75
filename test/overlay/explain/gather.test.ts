import assert from "node:assert/strict";
import { advertisedBy } from "../../../overlay/explain/gather.ts";

describe("overlay/explain: what is gathered", () => {
  it("tells by which address a host is known, and none where that is no IPv4", () => {
    const by = (clusterAdvertise: string, swarmAddress: string) => advertisedBy({ clusterAdvertise, swarmAddress });
    assert.deepEqual(
      [
        by("10.1.2.3:2376", ""),
        by("", "10.1.2.3"),
        by("10.1.2.3:2376", "10.9.9.9"),
        by("", ""),
        advertisedBy(undefined),
      ],
      ["10.1.2.3", "10.1.2.3", "10.1.2.3", "", ""],
    );
    assert.deepEqual([by("[fd00::1]:2376", ""), by("", "fd00::1"), by("web-1:2376", "")], ["", "", ""]);
  });
});
