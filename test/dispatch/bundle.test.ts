import assert from "node:assert/strict";
import { z } from "zod";
import { BadBundle, bundleIn } from "../../dispatch/bundle.ts";
import { bundleOf } from "../../overlay/explain/bundle.ts";
import { cluster } from "../overlay/cluster/made.ts";

const [first] = cluster({ hosts: 3, containers: 2 });
assert.ok(first !== undefined);
const whole = bundleOf(first.tables, "2026-11-26T01:00:00.000Z");

/** As another host may write it: the first list of that name has so many of this value more. */
function swollen(list: string, value: unknown, times: number): unknown {
  const more = Array.from({ length: times }, () => value);
  let isDone = false;
  return JSON.parse(JSON.stringify(whole), (key, had: unknown) => {
    if (isDone || key !== list) return had;
    isDone = true;
    return z.array(z.unknown()).parse(had).concat(more);
  });
}

const keys = (length: number) =>
  Object.fromEntries(Array.from({ length }, (_, at) => [`\u001B[31m${at}${"x".repeat(100)}\n`, 1]));

function refusal(value: unknown): string {
  try {
    bundleIn(value);
  } catch (error) {
    assert.ok(error instanceof BadBundle, String(error));
    return error.message;
  }
  return assert.fail("it was taken");
}

describe("dispatch/bundle", () => {
  it("takes what this program writes", () => {
    assert.deepEqual(bundleIn(JSON.parse(JSON.stringify(whole))), whole);
  });

  const lists = ["ownVteps", "flags", "fdb", "neighbours", "links", "members", "networks", "routes", "sampled", "mtus"];
  for (const list of lists)
    it(`refuses a million of what is no element of ${list} at once, and a few at the first of them`, () => {
      for (const times of [1_000_000, 200_000, 200]) {
        const value = swollen(list, 0, times);
        const began = performance.now();
        const why = times > 300_000 ? /^it holds more/u : new RegExp(`^tables\\.(?:.*\\.)?${list}(?:\\.\\d+)?: `, "u");
        assert.match(refusal(value), why);
        assert.ok(performance.now() - began < 1500, `${times}: ${Math.round(performance.now() - began)} ms`);
      }
    });

  it("refuses more containers than any host has, and a great many addresses", () => {
    const [member] = first.tables.networks[0]?.members ?? [];
    assert.match(refusal(swollen("members", member, 6000)), /networks\.0\.members: .*5000/u);
    assert.match(refusal(swollen("ownVteps", "10.0.0.1", 1100)), /ownVteps: .*1024/u);
  });

  it("says why in a line, whatever stands there, and to what has no end at once", () => {
    assert.match(refusal({ ...whole, tables: { ...whole.tables, ...keys(100_000) } }), /^it holds more/u);
    assert.match(refusal(JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)), /^it holds more/u);
    const said = refusal({ ...whole, ...keys(30) });
    assert.ok(said.length <= 300 && !said.includes("\u001B") && !said.includes("\n"), said.slice(0, 400));
  });
});
