import assert from "node:assert/strict";
import { LabUsageError, parseContainerName, parseHost, parseName, parseShape, sameShape } from "../../lab/shape.ts";

describe("lab/shape", () => {
  it("gives the seed's cluster unless told", () => {
    assert.deepEqual(parseShape({}), { hosts: 2, driver: "classic", engine: "20.10", containers: 2 });
  });

  it("takes what a command line gives, and lets the driver follow the engine", () => {
    const options = { hosts: "3", engine: "28.5", containers: "0" };
    assert.deepEqual(parseShape(options), { hosts: 3, driver: "swarm", engine: "28.5", containers: 0 });
    assert.equal(parseShape({ driver: "swarm" }).engine, "20.10");
  });

  it("refuses classic overlays on an engine that can not make them", () => {
    assert.throws(() => parseShape({ driver: "classic", engine: "26.1" }), /no --cluster-store any more/);
  });

  const wrong = [
    { hosts: "0" },
    { hosts: "10" },
    { hosts: "2x" },
    { hosts: -1 },
    { hosts: 1.5 },
    { containers: "27" },
    { driver: "bridge" },
    { engine: "29.0" },
    { engine: "20.10; id" },
  ];
  for (const options of wrong) {
    it(`refuses ${JSON.stringify(options)}, naming the option`, () => {
      const [option] = Object.keys(options);
      assert.throws(
        () => parseShape(options),
        (error) => error instanceof LabUsageError && error.message.startsWith(`--${option} `),
      );
    });
  }

  it("takes no name that would leave the lab's folder or mean something to a shell", () => {
    for (const name of ["", "..", "a/b", "-a", "A", "a b", "a$b", "a\nb", "x".repeat(32)]) {
      assert.throws(() => parseName(name), LabUsageError, name);
    }
    assert.equal(parseName("lab-2"), "lab-2");
    for (const name of ["", "--rm", "a b", "../A1", "A1\n"])
      assert.throws(() => parseContainerName(name), LabUsageError);
    assert.equal(parseContainerName("B1"), "B1");
  });

  it("finds a host by number and by name", () => {
    assert.equal(parseHost("2", 2), 2);
    assert.equal(parseHost("dockerhost1", 2), 1);
    assert.equal(parseHost(2, 3), 2);
    for (const host of ["3", "0", "dockerhost", "host1", "-1", ""])
      assert.throws(() => parseHost(host, 2), LabUsageError);
  });

  it("tells shapes apart by every part", () => {
    const base = parseShape({});
    assert.ok(sameShape(base, parseShape({ hosts: 2 })));
    for (const other of [{ hosts: 3 }, { containers: 3 }, { driver: "swarm" }, { engine: "28.5" }]) {
      assert.ok(!sameShape(base, parseShape(other)), JSON.stringify(other));
    }
  });
});
