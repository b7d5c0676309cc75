import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

interface Documented {
  readonly message: string;
  readonly exit: string;
}

/** The table of mistakes in docs/troubleshooting.md: what is said by it to be said. */
const table: ReadonlyMap<string, Documented> = new Map(
  [
    ...(
      /^## The likeliest mistakes.*?(?=^## )/msu.exec(readFileSync("docs/troubleshooting.md", "utf8"))?.[0] ?? ""
    ).matchAll(/^\| (?!mistake)(\S.*?) +\| (`.+?`) +\| (.+?) +\|$/gmu),
  ].map(([, mistake = "", message = "", exit = ""]) => [mistake, { message: message.slice(1, -1), exit }]),
);

const asked = new Set<string>();

/** Mistakes of the table whose message no test of this process has asked for. */
export const unasked = (): readonly string[] => [...table.keys()].filter((mistake) => !asked.has(mistake));

const plain = (text: string): string => text.replaceAll("`", "").replaceAll(/\s+/gu, " ");

/** That it says what the table has, with what is only an example there replaced by what it was here. */
export function assertDocumented(
  mistake: string,
  said: string,
  exit: number | "runs on",
  examples: Readonly<Record<string, string>> = {},
): void {
  const { message, exit: told } = table.get(mistake) ?? assert.fail(`the table has no ${mistake}`);
  asked.add(mistake);
  let expected = message;
  for (const [example, here] of Object.entries(examples)) {
    assert.ok(expected.includes(example), `${mistake}: no ${example} in: ${message}`);
    expected = expected.replaceAll(example, here);
  }
  assert.ok(plain(said).includes(plain(expected)), `${mistake}: ${expected}\nbut it says: ${said}`);
  assert.equal(String(exit), told, mistake);
}
