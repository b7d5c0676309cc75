import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Collector } from "../../collectors/collector.ts";
import { collectors } from "../../collectors/registry.ts";
import { replay, transcript } from "./replay.ts";

/** A regression is a folder: how to add one is in replay.ts. `OVERLAYWATCH_UPDATE_GOLDEN=1` rewrites what is expected. */
const update = process.env["OVERLAYWATCH_UPDATE_GOLDEN"] === "1";
const known: readonly Collector[] = collectors;

for (const collector of known) {
  const cases = join("test/collectors", collector.name, "cases");
  describe(`collectors/${collector.name}, on captures of real hosts`, () => {
    for (const name of existsSync(cases) ? readdirSync(cases) : []) {
      it(name.replaceAll("-", " "), async () => {
        const expected = join(cases, name, "expected.out");
        const actual = transcript(await replay(collector, join(cases, name)));
        if (update) writeFileSync(expected, actual);
        assert.equal(actual, readFileSync(expected, "utf8"));
      });
    }
  });
}
