import assert from "node:assert/strict";
import * as fc from "fast-check";
import { containerFilter, containerPattern, includeExclude, nameFilter } from "../../collectors/filter.ts";
import { containerOf } from "./container.ts";

const matching = (pattern: string, names: readonly string[]) =>
  names.filter(nameFilter({ include: [pattern], exclude: [] }));

const fine = (text: string) => containerPattern.safeParse(text).success;

describe("collectors/filter", () => {
  it("matches a glob with the whole of a name", () => {
    const names = ["web", "web-1", "web-10", "my-web-1", "WEB-1"];
    assert.deepEqual(matching("web", names), ["web"]);
    assert.deepEqual(matching("web-*", names), ["web-1", "web-10"]);
    assert.deepEqual(matching("web-?", names), ["web-1"]);
    assert.deepEqual(matching("*web*1", names), ["web-1", "my-web-1"]);
    assert.deepEqual(matching("name:web", names), ["web"]);
  });

  it("takes all else in a glob for what it is", () => {
    assert.deepEqual(matching("a.b", ["a.b", "axb"]), ["a.b"]);
    assert.deepEqual(matching("(a|b)[c]{1}+^$\\d", ["(a|b)[c]{1}+^$\\d", "a"]), ["(a|b)[c]{1}+^$\\d"]);
    assert.deepEqual(matching("/", ["/", "x"]), ["/"]);
    assert.deepEqual(matching("?", ["\u{1F40B}", "ab"]), ["\u{1F40B}"]);
    assert.deepEqual(matching("a*b", ["a\nb"]), ["a\nb"]);
  });

  it("searches for a regular expression anywhere, unless it is anchored", () => {
    const names = ["web-1", "my-web-2", "db"];
    assert.deepEqual(matching("/web-\\d/", names), ["web-1", "my-web-2"]);
    assert.deepEqual(matching("/^web|^db$/", names), ["web-1", "db"]);
  });

  it("wants all without include, and lets exclude win", () => {
    const passes = nameFilter({ include: [], exclude: ["lo"] });
    assert.deepEqual(["lo", "eth0"].filter(passes), ["eth0"]);
    assert.equal(nameFilter({ include: ["web-*"], exclude: ["web-1"] })("web-1"), false);
  });

  it("looks at a container's name, image and labels, and at each only with the pattern that names it", () => {
    const container = containerOf({
      name: "web-1",
      image: "registry:5000/nginx:1.27",
      labels: { tier: "front", "a.b": "" },
    });
    const one = (pattern: string) => containerFilter({ include: [pattern], exclude: [] })(container);
    const yes = [
      "web-1",
      "web-*",
      "name:web-?",
      "name:/^web/",
      "image:*nginx*",
      "image:/^registry:5000/",
      "label:tier=front",
      "label:/^tier=/",
      "label:a.b=",
    ];
    const no = [
      "nginx*",
      "image*",
      "label*",
      "n*",
      "/nginx/",
      "/front/",
      "/name|image|label/",
      "*:*",
      "image:web-1",
      "name:tier=front",
      "label:front",
    ];
    assert.deepEqual(
      yes.filter((p) => !one(p)),
      [],
    );
    assert.deepEqual(no.filter(one), []);
  });

  it("does not leave out every container for a pattern like the start of a word", () => {
    assert.equal(
      containerFilter({ include: [], exclude: ["l*", "/m/"] })(containerOf({ name: "web", labels: { a: "b" } })),
      true,
    );
  });

  it("refuses what is no pattern", () => {
    assert.deepEqual(["", "/(/", "/a{2,1}/", "/\\/", "/a)|(b/", "name:", "image:", "label:/[/"].filter(fine), []);
    assert.deepEqual(
      ["*", "//", "/", "name:*", "image:/x/", "[", "a:b"].filter((text) => !fine(text)),
      [],
    );
    const names = includeExclude("interfaces");
    assert.equal(names.safeParse({ include: ["image:x"] }).success, false, "an interface has no image");
    assert.deepEqual(names.parse(undefined), { include: [], exclude: [] });
  });

  it("takes no longer for a glob and a label that are built to be slow", () => {
    const label = "a".repeat(20_000);
    const began = performance.now();
    assert.equal(
      containerFilter({ include: [`label:${"*a".repeat(12)}*b`], exclude: [] })(containerOf({ labels: { x: label } })),
      false,
    );
    assert.ok(performance.now() - began < 2000);
  });

  it("matches as the regular expression that a glob stands for", () => {
    const alphabet = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
    fc.assert(
      fc.property(alphabet, text, (glob, name) => {
        const expected = new RegExp(`^${glob.replaceAll("*", ".*").replaceAll("?", ".")}$`, "su").test(name);
        assert.equal(glob === "" ? name === "" : nameFilter({ include: [glob], exclude: [] })(name), expected);
      }),
      { numRuns: 2000 },
    );
  });
});
