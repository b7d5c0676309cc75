import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { Step } from "../../../agent/demo/timeline.ts";
import { wordsOf } from "../../../agent/demo/words.ts";
import { widthOf } from "../../../emit/console/width.ts";
import { arp } from "./told/arp.ts";
import { fleet } from "./told/fleet.ts";
import { missingFdb } from "./told/missing-fdb.ts";
import { outage } from "./told/outage.ts";

/** What `overlaywatch demo --json` printed, and in `told/NAME.txt` how it is told. `OVERLAYWATCH_UPDATE_GOLDEN=1` rewrites the latter. */
const timelines: Readonly<Record<string, readonly Step[]>> = { outage, fleet, arp, "missing-fdb": missingFdb };
const update = process.env["OVERLAYWATCH_UPDATE_GOLDEN"] === "1";
const names = Object.keys(timelines);

const toldOf = (name: string, options = { colors: false, columns: 80 }) =>
  (timelines[name] ?? []).map((step) => wordsOf(step, options)).join("");

describe("agent/demo: the story in words", () => {
  for (const name of names) {
    it(`${name}: as it was told`, () => {
      const path = `test/agent/demo/told/${name}.txt`;
      const text = toldOf(name);
      if (update || !existsSync(path)) writeFileSync(path, text);
      assert.equal(text, readFileSync(path, "utf8"));
    });
  }

  it("is in docs/demo.md as the first of them was told", () => {
    const page = readFileSync("docs/demo.md", "utf8");
    const shown = /(?<=^```text\nA Docker overlay network .*\n\n)[^]*?(?=^```$)/mu;
    if (update)
      writeFileSync(
        "docs/demo.md",
        page.replace(shown, () => toldOf("outage")),
      );
    assert.equal(shown.exec(readFileSync("docs/demo.md", "utf8"))?.[0], toldOf("outage"));
  });

  it("fits 80 columns, and colours change nothing but colours", () => {
    for (const name of names) {
      const text = toldOf(name);
      assert.deepEqual(
        text.split("\n").filter((line) => widthOf(line) > 80),
        [],
        name,
      );
      const colored = toldOf(name, { colors: true, columns: 80 });
      assert.notEqual(colored, text);
      assert.equal(stripVTControlCharacters(colored), text);
    }
  });

  it("says what was measured: errors that grew are not called none, nor is a change on another host left out", () => {
    const agent = outage.find((step) => step.step === "agent");
    const cure = outage.find((step) => step.step === "cure");
    assert.ok(agent !== undefined && cure !== undefined);
    const options = { colors: false, columns: 1000 };
    const loud = { ...agent, containers: agent.containers.map((one) => ({ ...one, now: { ...one.now, drops: 3 } })) };
    assert.match(
      wordsOf(agent, options),
      /: nothing to page on \(errors and drops, which the agent does not send, were 0\)/u,
    );
    assert.match(wordsOf(loud, options), /Errors or drops grew, which the agent does not send/u);
    assert.match(wordsOf(cure, options), /On dockerhost1, and nowhere else, /u);
    assert.match(wordsOf({ ...cure, elsewhere: ["dockerhost2"] }, options), /On dockerhost1, and on dockerhost2, /u);
    assert.match(wordsOf({ ...cure, commands: [], message: "paused" }, options), /nothing was changed: paused/u);
    const rows = { step: "seen", at_s: 1, host: "h", metric: "m", containers: [] } as const;
    assert.match(wordsOf({ ...rows, value: 1 }, options), /m = 1 for h: 1 row of its tables does harm now\./u);
    assert.match(wordsOf({ ...rows, value: 2 }, options), /m = 2 for h: 2 rows of its tables do harm now\./u);
    const loss = { from: "A1", to: "B1", percent: 0 };
    assert.match(
      wordsOf({ step: "by_itself", at_s: 4, loss }, options),
      /^ {2}\+4\.0 s {2}ended .*learned the right ports again by itself\. A1 to B1: 0 % of pings lost\. Once more:$/mu,
    );
    assert.match(wordsOf({ step: "finding", at_s: 1, host: "h", findings: [] }, options), /finds nothing any more/u);
  });

  it("lets no name steer the terminal", () => {
    const text = wordsOf(
      { step: "page", at_s: 1, monitor: "a\u001B[2Jb", host: "h\nx", code: 202, trace: "t" },
      { colors: false, columns: 80 },
    );
    assert.ok(!text.includes("\u001B") && text.split("\n").length <= 4, text);
  });
});
