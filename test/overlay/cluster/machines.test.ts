import assert from "node:assert/strict";
import { isSameHost } from "../../../overlay/cluster/machines.ts";
import { three } from "./said.ts";

describe("overlay/cluster/machines", () => {
  it("knows a host by two tellings, and not for one of another site", () => {
    const [one, two] = three.map(({ tables }) => tables);
    assert.ok(one !== undefined && two !== undefined);
    const other = one.networks.map((network) => ({ ...network, id: "b".repeat(64) }));
    assert.deepEqual(
      [
        isSameHost(one, { ...one, host: "otherwise" }),
        isSameHost(one, two),
        isSameHost(one, { ...one, networks: other }),
        isSameHost({ ...one, advertised: "" }, { ...one, advertised: "" }),
      ],
      [true, false, false, false],
    );
  });
});
