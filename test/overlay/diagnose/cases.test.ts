import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import { readCase } from "./case.ts";

/** A regression is a folder; what it holds is said in case.ts. `OVERLAYWATCH_UPDATE_GOLDEN=1` rewrites what is expected. */
const update = process.env["OVERLAYWATCH_UPDATE_GOLDEN"] === "1";
const cases = "test/overlay/diagnose/cases";

describe("overlay/diagnose, on tables of real hosts", () => {
  for (const name of readdirSync(cases)) {
    it(name.replaceAll("-", " "), () => {
      const expected = join(cases, name, "expected.json");
      const actual = `${JSON.stringify(diagnose(readCase(join(cases, name))), undefined, 2)}\n`;
      if (update) writeFileSync(expected, actual);
      assert.equal(actual, readFileSync(expected, "utf8"));
    });
  }
});
