import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { terminalPicture } from "../../scripts/terminal-picture.ts";
import { documents } from "./written.ts";

const folder = "docs/pictures";
const pictures = readdirSync(folder).filter((name) => name.endsWith(".svg"));

const textsIn = (svg: string): readonly string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/gu)].map(([, text = ""]) =>
    text.replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&"),
  );

describe("docs: every picture", () => {
  it("has a title, a light and a dark theme, and nothing from elsewhere; a page shows it", () => {
    assert.ok(pictures.length >= 4);
    const pages = documents.map((file) => readFileSync(file, "utf8")).join("\n");
    for (const name of pictures) {
      const svg = readFileSync(`${folder}/${name}`, "utf8");
      assert.match(svg, /<title>[^<]{20,}<\/title>/u, name);
      assert.match(svg, /@media \(prefers-color-scheme: dark\)/u, name);
      assert.doesNotMatch(
        svg.replace('xmlns="http://www.w3.org/2000/svg"', ""),
        /https?:|@import|<script|<image/u,
        name,
      );
      assert.ok(pages.includes(`pictures/${name})`), `${name} is on no page`);
    }
  });

  it("of a terminal shows all that was recorded", () => {
    const shown = textsIn(readFileSync(`${folder}/outage.svg`, "utf8"))
      .join("")
      .replaceAll(/\s/gu, "");
    const recorded = stripVTControlCharacters(readFileSync(`${folder}/outage.txt`, "utf8")).replaceAll(/\s/gu, "");
    assert.equal(shown, recorded);
  });
});

describe("scripts/terminal-picture", () => {
  it("puts each piece where its column is, in its colour, with no markup of the text's own", () => {
    const svg = terminalPicture("ab \u001B[31mx<y\u001B[39m  \u001B[1mz\u001B[0m\r\n", "a & b");
    assert.deepEqual(textsIn(svg), ["ab", "x<y", "z"]);
    assert.match(svg, /<text class="red" x="39\.4" [^>]*>x&lt;y</u);
    assert.match(svg, /<text class="bold" x="78\.4" [^>]*>z</u);
    assert.match(svg, /<title>a &amp; b<\/title>/u);
  });

  it("refuses a colour that it has no class for", () => {
    assert.throws(() => terminalPicture("\u001B[35mx", "t"), /the colour 35/u);
  });
});
