import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ownFiles } from "../contract/repository.ts";
import { documents } from "./written.ts";

const pages = ownFiles().filter((file) => file.endsWith(".md"));

/** Without code: what stands in it is no link, and no heading. */
const prose = (file: string): string =>
  readFileSync(file, "utf8")
    .replaceAll(/^ *```[^]*?^ *```$/gmu, "")
    .replaceAll(/`[^`\n]*`/gu, (code) => code.replaceAll(/[[\]()]/gu, ""));

const targetsIn = (file: string): readonly string[] =>
  [...prose(file).matchAll(/\]\(([^)\s]+)\)/gu)].map(([, target = ""]) => target);

/** As GitHub makes them: lower case, spaces to dashes, whatever is no letter, digit, dash or underscore left out. */
function anchorsIn(file: string): readonly string[] {
  const seen = new Map<string, number>();
  return [...prose(file).matchAll(/^#{1,6} (.+)$/gmu)].map(([, title = ""]) => {
    const slug = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/gu, "-");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}

/** Why the link leads nowhere; undefined where it leads somewhere, or outside. */
function broken(from: string, target: string): string | undefined {
  if (/^[a-z]+:/u.test(target)) return target.startsWith("https://") ? undefined : "not https";
  const [path = "", anchor] = target.split("#");
  const to = path === "" ? from : join(dirname(from), path);
  if (!existsSync(to)) return "no such file";
  if (anchor === undefined || statSync(to).isDirectory()) return undefined;
  return anchorsIn(to).includes(anchor) ? undefined : `no such heading in ${to}`;
}

describe("docs: every link", () => {
  it("leads to a file that is there, and to a heading in it", () => {
    const all = pages.flatMap((from) => targetsIn(from).map((target) => ({ from, target, why: broken(from, target) })));
    assert.ok(all.length > 80, `only ${all.length} were found`);
    assert.deepEqual(
      all.filter(({ why }) => why !== undefined),
      [],
    );
  });

  it("is told where it leads nowhere", () => {
    assert.equal(broken("README.md", "docs/nothing.md"), "no such file");
    assert.equal(broken("README.md", "docs/fleet.md#nothing"), "no such heading in docs/fleet.md");
    assert.equal(broken("docs/fleet.md", "#who-comes-and-goes"), undefined);
  });

  it("is on the first page for every page of docs", () => {
    const linked = targetsIn("README.md").map((target) => target.split("#")[0]);
    assert.deepEqual(
      documents.filter((file) => file !== "README.md" && !linked.includes(file)),
      [],
    );
  });
});
