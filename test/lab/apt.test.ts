import assert from "node:assert/strict";
import { parseTargets } from "../../lab/apt.ts";

const line = (...fields: string[]) => fields.join("\t");

describe("lab/apt", () => {
  it("finds the release and its mirror among all that apt reads", () => {
    const text = [
      line("Translations", "Debian", "bookworm", "main", "http://mirror.example/wrong/"),
      line("Packages", "Debian", "bookworm-security", "main", "http://mirror.example/debian-security/"),
      line("Packages", "Debian", "bookworm-updates", "main", "http://mirror.example/debian/"),
      line("Packages", "Node Source", "nodistro", "main", "https://other.example/node/"),
      line("Packages", "Debian", "bookworm", "contrib", "http://mirror.example/contrib/"),
      line("Packages", "Debian", "bookworm", "main", "http://mirror.example/debian/"),
      "",
    ].join("\n");
    assert.deepEqual(parseTargets(text), { codename: "bookworm", address: "http://mirror.example/debian/" });
  });

  it("finds nothing in an empty list, without a release, or with an address that is none", () => {
    assert.equal(parseTargets(""), undefined);
    assert.equal(parseTargets(line("Packages", "Ubuntu", "noble", "main", "http://mirror.example/ubuntu/")), undefined);
    assert.equal(parseTargets(line("Packages", "Debian", "sid", "main", "http://a b/\nx")), undefined);
  });
});
