import assert from "node:assert/strict";
import { isSameHost } from "../../../overlay/cluster/machines.ts";
import { knownVteps } from "../../../overlay/cluster/telling.ts";
import { changed, cluster, vtepOf, withSpace } from "./made.ts";
import { three } from "./said.ts";

const dataPath = (host: number): string => `192.168.7.${host}`;
/** Below the addresses that hosts tell. */
const low = (host: number): string => `10.9.9.${host}`;

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

  it("gives each host one voice about another's data path, and the address that it tells the last word", () => {
    const all = cluster({ hosts: 4, containers: 2, driver: "swarm", dataPath });
    // It has more rows than all others together, and leads them to the bridge that every engine has.
    const liar = withSpace(all, 1, ({ fdb }) => ({
      fdb: fdb.flatMap((row) =>
        row.dst === undefined ? [row] : Array.from({ length: 9 }, () => ({ ...row, dst: "172.17.0.1" })),
      ),
    }));
    const { known } = knownVteps(
      liar.map((one) => ({
        ...one,
        tables: {
          ...one.tables,
          ownVteps: one.tables.ownVteps.filter((own) => one.host !== "web-1" || own !== "172.17.0.1"),
        },
      })),
    );
    assert.deepEqual([known.get(vtepOf(2)), known.get(vtepOf(3))], [dataPath(2), dataPath(3)]);
    // One leads to the data path, one to what it tells.
    const swarm = cluster({ hosts: 3, containers: 1, driver: "swarm", dataPath: low });
    const two = withSpace(swarm, 1, ({ fdb }) => ({
      fdb: fdb.map((row) => (row.dst === low(2) ? { ...row, dst: vtepOf(2) } : row)),
    }));
    assert.equal(knownVteps(two).known.get(vtepOf(2)), vtepOf(2));
    assert.equal(knownVteps(swarm).known.get(vtepOf(2)), low(2));
    // What leads back to who has it is no word about another.
    const own = changed(two, 3, ({ ownVteps }) => ({ ownVteps: [...ownVteps, low(2)] }));
    const only = withSpace(own, 1, ({ fdb }) => ({ fdb: fdb.filter(({ dst }) => dst !== vtepOf(2)) }));
    assert.equal(knownVteps(only).assumed.has(vtepOf(2)), true);
  });
});
