import assert from "node:assert/strict";
import { compareVersions, engineVersion, testedAs, testedEngines } from "../../overlay/engine.ts";
import { bugsOf, knownBugs } from "../../overlay/known-bugs.ts";
import { engines } from "../../lab/shape.ts";

const issuesOf = (engine: string | undefined, driver: "classic" | "swarm"): readonly string[] =>
  bugsOf(engine, driver).map(({ issue }) => issue);

describe("overlay/engine", () => {
  it("reads versions as engines of all times print them", () => {
    assert.deepEqual(engineVersion("20.10.24+dfsg1"), { major: 20, minor: 10 });
    assert.deepEqual(engineVersion("1.12.6-cs13"), { major: 1, minor: 12 });
    assert.deepEqual(engineVersion("17.03.2-ce"), { major: 17, minor: 3 });
    assert.deepEqual(engineVersion("28.5"), { major: 28, minor: 5 });
    for (const text of ["", "dev", "28", "v28.5.2", "28.5x", "28.5.2\n".repeat(2).slice(0, 3)])
      assert.equal(engineVersion(text), undefined, text);
  });

  it("knows 20.10 from 20.1, and orders by number", () => {
    assert.equal(testedAs({ major: 20, minor: 1 }, "classic"), undefined);
    assert.equal(testedAs({ major: 20, minor: 10 }, "classic")?.driver, "classic");
    assert.equal(testedAs({ major: 28, minor: 5 }, "classic"), undefined, "there is none");
    assert.ok(compareVersions({ major: 20, minor: 10 }, { major: 20, minor: 9 }) > 0);
    assert.ok(compareVersions({ major: 19, minor: 99 }, { major: 20, minor: 0 }) < 0);
  });

  it("heals unattended on the lab's engines and no other", () => {
    assert.deepEqual(new Set(testedEngines.map(({ version }) => version)), new Set(engines));
  });
});

describe("overlay/known-bugs", () => {
  it("every range and name is readable", () => {
    for (const { issue, from = "1.0", before = "99.0", lookFor } of knownBugs) {
      assert.match(issue, /^moby\/(moby|libnetwork)#\d+$/);
      const [first, past] = [engineVersion(from), engineVersion(before)];
      assert.ok(first !== undefined && past !== undefined && compareVersions(first, past) < 0, issue);
      assert.ok(lookFor.length > 20);
    }
  });

  it("a classic engine has the story's bug, and its second half only since 17.10", () => {
    assert.ok(issuesOf("20.10.24+dfsg1", "classic").includes("moby/moby#29024"));
    assert.ok(issuesOf("17.03.0-ce", "classic").includes("moby/moby#29024"));
    assert.ok(!issuesOf("17.09.0-ce", "classic").includes("moby/moby#35401"));
    assert.ok(issuesOf("17.10.0-ce", "classic").includes("moby/moby#35401"));
  });

  it("the missing row is 29's, the wrong family 28.2's alone", () => {
    assert.ok(issuesOf("29.1.0", "swarm").includes("moby/moby#52661"));
    assert.ok(!issuesOf("28.5.2", "swarm").includes("moby/moby#52661"));
    assert.ok(issuesOf("28.2.2", "swarm").includes("moby/moby#50232"));
    assert.ok(!issuesOf("28.3.0", "swarm").includes("moby/moby#50232"));
  });

  it("an unknown version may have all of its driver's", () => {
    const all = knownBugs.filter(({ driver }) => driver !== "classic").map(({ issue }) => issue);
    assert.deepEqual(issuesOf(undefined, "swarm"), all);
  });
});
