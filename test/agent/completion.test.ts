import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { actions } from "../../agent/fleet/actions.ts";
import { cli } from "./cli.ts";
import { useFolder } from "./folder.ts";

const wrong = async (...args: readonly string[]) =>
  (({ code, err }) => `${code} ${err}`)(await cli(["completion", ...args]));

describe("agent/completion", () => {
  const { file } = useFolder();

  /** What a true bash offers for the words so far; the last one is being typed. */
  async function bash(...words: readonly string[]): Promise<readonly string[]> {
    const script = file("completion.bash", (await cli(["completion", "bash"])).out);
    const typed = ["overlaywatch", ...words].map((word) => `'${word}'`).join(" ");
    const ask = `source ${script}; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _overlaywatch; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const out = execFileSync("bash", ["--norc", "-uec", ask], { encoding: "utf8" });
    return out.split("\n").filter((line) => line !== "");
  }

  it("offers commands, actions and options to a true bash, and files where a value is wanted", async () => {
    assert.deepEqual(await bash("che"), ["check"]);
    assert.ok((await bash("")).includes("help"));
    assert.deepEqual(await bash("help", "doc"), ["docker-state-cleanup", "doctor"]);
    assert.deepEqual(await bash("monitors", "d"), ["drift", "destroy"]);
    assert.deepEqual(await bash("lab", "t"), ["traffic"]);
    assert.deepEqual((await bash("fleet", "")).toSorted(), [...Object.keys(actions), "status"].toSorted());
    assert.deepEqual(await bash("webhook", ""), ["test"]);
    assert.deepEqual(await bash("cleanup", "--s"), ["--strategy", "--state-dir"]);
    assert.deepEqual(await bash("completion", "z"), ["zsh"]);
    assert.deepEqual(await bash("check", "--pause", ""), [], "a value: left to bash, which offers files");
    assert.deepEqual(await bash("check", "--pause", "--r"), [], "that too is a value");
    assert.deepEqual(
      await bash("doctor", "--net"),
      ["--network", "--netns-dir"].filter((flag) => flag.startsWith("--net")),
    );
    assert.deepEqual(await bash("no-such-command", "--"), []);
  });

  it("is bound to the program's name, by whatever path it is called", async () => {
    const script = file("completion.bash", (await cli(["completion", "bash"])).out);
    const bound = execFileSync("bash", ["--norc", "-c", `source ${script}; complete -p overlaywatch`], {
      encoding: "utf8",
    });
    assert.equal(bound, "complete -o default -F _overlaywatch overlaywatch\n");
  });

  // Neither shell is needed to build this program: their scripts are held against the words that bash offers.
  it("says the same to zsh and fish, with quotes and colons of the summaries kept apart", async () => {
    const [zsh, fish] = [(await cli(["completion", "zsh"])).out, (await cli(["completion", "fish"])).out];
    assert.match(zsh, /^#compdef overlaywatch\n/u);
    assert.match(zsh, /^ {4}'monitors:monitors as code\\: validate, plan/mu);
    assert.match(zsh, /^ {4}'quickstart:a live table of this machine'\\''s containers/mu);
    assert.match(zsh, /^ {4}check\) _arguments '--pause=:value:_files' '--raw' .* '\*:operand:_files' ;;$/mu);
    assert.match(zsh, /^ {4}monitors\) _arguments .* '1:word:\(validate plan apply drift adopt destroy\)' ;;$/mu);
    assert.match(
      fish,
      /^complete -c overlaywatch -n __fish_use_subcommand -f -a quickstart -d 'a live table of this machine\\'s containers/mu,
    );
    assert.match(fish, /^complete -c overlaywatch -n '__fish_seen_subcommand_from check' -l pause -r$/mu);
    assert.match(fish, /^complete -c overlaywatch -n '__fish_seen_subcommand_from lab' -f -a mend$/mu);
    const commands = await bash("");
    for (const name of commands.filter((one) => !["help", "version", "--help", "--version"].includes(one))) {
      assert.ok(zsh.includes(`\n    ${name}) _arguments `), name);
      assert.ok(fish.includes(` -f -a ${name} -d '`), name);
    }
  });

  it("says what is wrong", async () => {
    assert.equal(
      await wrong("zhs"),
      "64 overlaywatch: completion zhs: there is no such shell here; did you mean zsh?\n",
    );
    assert.equal(
      await wrong("powershell"),
      "64 overlaywatch: completion powershell: there is no such shell here; there are bash, zsh, fish\n",
    );
    assert.equal(await wrong("bash", "x"), "64 overlaywatch: completion bash: unexpected x\n");
  });
});
