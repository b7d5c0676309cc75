import assert from "node:assert/strict";
import { sharedTablesOf } from "../../../overlay/examine/shared-tables.ts";

const { signal } = new AbortController();

async function told(...readings: readonly (readonly [used: number, refused: number])[]) {
  let at = 0;
  const sharedTables = () => {
    const [used, refused] = readings[at++] ?? assert.fail("read once more");
    return { neighbours: { used, limit: 1000, refused } };
  };
  return { ...(await sharedTablesOf({ sharedTables }, signal)), reads: at };
}

describe("overlay/examine: tables of the whole host", () => {
  it("are read once, and a full one again, so that it is seen whether anybody finds no place", async () => {
    const calm = await told([989, 70]);
    assert.deepEqual([calm.reads, calm.neighboursRefused], [1, undefined]);
    const full = await told([990, 70], [1000, 75]);
    assert.deepEqual([full.reads, full.neighboursRefused, full.neighbours?.used], [2, 5, 1000]);
  });

  it("are not told where they are not shown", async () => {
    assert.deepEqual(await sharedTablesOf({ sharedTables: () => ({}) }, signal), {});
  });
});
