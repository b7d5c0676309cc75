import assert from "node:assert/strict";
import { cli } from "../agent/cli.ts";

const flagsIn = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/--([a-z][a-z-]*)/gu)].map(([, flag = ""]) => flag));

/** What a completed command offers: its options are those that it parses by. */
async function parsedBy(command: string): Promise<readonly string[]> {
  const { out } = await cli(["completion", "bash"]);
  const [, flags = ""] = new RegExp(`^ {4}${command}\\) .*flags="([^"]*)"`, "mu").exec(out) ?? [];
  return flags.split(" ").map((flag) => flag.slice(2));
}

const everywhere = ["json", "config", "docker-socket", "netns-dir", "host-root", "state-dir", "help"];

describe("contract: the help of every command", () => {
  let commands: readonly string[] = [];
  before(async () => {
    const { out } = await cli(["help"]);
    commands = [...out.matchAll(/^ {2}([a-z][a-z-]*) +\S/gmu)].map(([, name = ""]) => name);
    assert.ok(commands.length >= 18, out);
  });

  it("begins with its usage, has an example of itself, and says its exit codes", async () => {
    for (const name of commands) {
      const { out } = await cli(["help", name]);
      const shape = new RegExp(
        `^usage: overlaywatch ${name}\\b.*\\n[^]*\\n\\nExample: overlaywatch ${name}( .*)?\\n\\nExit code 0: `,
        "u",
      );
      assert.match(out, shape, name);
    }
  });

  it("names every option that the command has, and no other", async () => {
    for (const name of commands) {
      const { out } = await cli(["help", name]);
      const own = out.slice(0, out.indexOf("\nEverywhere:\n"));
      const parsed = await parsedBy(name);
      const unsaid = parsed.filter((flag) => !everywhere.includes(flag) && !flagsIn(own).has(flag));
      assert.deepEqual(unsaid, [], `${name} has options that its help does not name`);
      // At the beginning of a line an option is explained; within a text another command's may be named.
      const told = [...own.matchAll(/^ +--([a-z][a-z-]*)/gmu)].map(([, flag = ""]) => flag);
      assert.deepEqual(
        told.filter((flag) => !parsed.includes(flag)),
        [],
        `${name} does not know what its help explains`,
      );
    }
  });

  it("has examples whose options the command knows", async () => {
    for (const name of commands) {
      const { out } = await cli(["help", name]);
      const [, example = ""] = /^Example: (.*)$/mu.exec(out) ?? [];
      const parsed = await parsedBy(name);
      assert.deepEqual(
        [...flagsIn(example)].filter((flag) => !parsed.includes(flag)),
        [],
        example,
      );
    }
  });
});
