import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { printable, table } from "../../../emit/console/table.ts";
import { cut, widthOf } from "../../../emit/console/width.ts";

interface Row {
  readonly name: string;
  readonly value: number;
}
const columns = [
  { title: "NAME", text: (row: Row) => row.name },
  {
    title: "VALUE",
    text: (row: Row) => String(row.value),
    right: true,
    color: (row: Row) => (row.value > 9 ? ("red" as const) : undefined),
  },
];

describe("emit/console/table", () => {
  it("aligns columns, the right ones to the right, without blanks at the end of a line", () => {
    const rows = [
      { name: "a", value: 1 },
      { name: "longer", value: 1000000 },
    ];
    assert.deepEqual(table(columns, rows, false), ["NAME      VALUE", "a             1", "longer  1000000"]);
    assert.deepEqual(table(columns, [], false), ["NAME  VALUE"]);
  });

  it("colours only if it may, and aligns all the same", () => {
    const rows = [
      { name: "a", value: 1 },
      { name: "b", value: 10 },
    ];
    const colored = table(columns, rows, true);
    assert.equal(colored[2], "b     \u001B[31m   10\u001B[39m");
    assert.deepEqual(
      colored.map((line) => stripVTControlCharacters(line)),
      table(columns, rows, false),
    );
  });

  it("lets no control character through to the terminal, and no second line", () => {
    const hostile = [
      "\u001B[2J\u001B]0;owned\u0007x",
      "a\nb",
      "a\rb",
      "a\tb",
      "\u009B31m",
      "a\u202Eb",
      "a\u2028b",
      "\u0000",
      "\uD800",
      "\u200B",
      "a\u007F",
    ];
    for (const name of hostile) {
      const lines = table(columns, [{ name, value: 1 }], true);
      assert.equal(lines.length, 2);
      assert.doesNotMatch(lines[1] ?? "", /[\p{C}\p{Zl}\p{Zp}]/u, JSON.stringify(name));
    }
    assert.equal(printable("net-1_\u00E4.\u7F51"), "net-1_\u00E4.\u7F51");
  });

  it("aligns by the columns that characters take, not by their number", () => {
    const rows = [
      { name: "\u7F51\u7EDC", value: 1 },
      { name: "\u{1F40B}", value: 2 },
      { name: "e\u0301", value: 3 },
      { name: "four", value: 4 },
    ];
    const ends = table(columns, rows, false).map((line) => widthOf(line));
    assert.deepEqual(ends, [11, 11, 11, 11, 11]);
  });

  it("cuts a text to the columns that there are", () => {
    assert.equal(cut("abcdef", 3), "abc");
    assert.equal(cut("abc", 9), "abc");
    assert.equal(cut("abc", -1), "");
    assert.equal(cut("\u7F51\u7EDC", 3), "\u7F51");
    assert.equal(cut("\u7F51\u7EDC", 1), "");
    assert.equal(cut("a\u{1F40B}b", 3), "a\u{1F40B}");
    assert.equal(cut("e\u0301x", 1), "e\u0301");
  });
});
