import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { JournalctlFailed, queryJournal, readJournal } from "../../../host/journald/reader.ts";
import { identify, isAlive } from "../../../lab/process.ts";
import { needs } from "../../needs.ts";
import { until } from "../until.ts";
import { hasJournald } from "./own-journald.ts";

const reader = new URL("../../../host/journald/reader.js", import.meta.url).href;

const why = (words: RegExp) => (error: unknown) => error instanceof Error && words.test(String(error.cause));

describe("host/journald: journalctl", function () {
  this.timeout(20_000);

  before(function () {
    needs(this, "journalctl", hasJournald());
  });

  it("gives what it prints", async () => {
    assert.match((await queryJournal(["--version"])).toString(), /^systemd \d+/u);
  });

  it("that fails is told with its code and its own words", async () => {
    await assert.rejects(queryJournal(["--no-such-option"]), (error) => {
      assert.ok(error instanceof JournalctlFailed);
      assert.equal(error.end.code, 1);
      assert.match(error.message, /^journalctl --no-such-option: exit code 1: .*unrecognized option/u);
      return true;
    });
  });

  it("that prints too much, or takes too long, is ended", async () => {
    await assert.rejects(queryJournal(["--version"], { maxBytes: 10 }), why(/more than 10 bytes/u));
    await assert.rejects(queryJournal(["-f", "-n0"], { timeoutMs: 300 }), why(/TimeoutError/u));
    const stop = new AbortController();
    const query = queryJournal(["-f", "-n0"], { signal: stop.signal });
    stop.abort(new Error("enough"));
    await assert.rejects(query, why(/enough/u));
  });

  it("ends when its signal is aborted, and is not started where that was before", async () => {
    const stop = new AbortController();
    const reading = readJournal({ args: ["-f", "-n0"], onChunk: () => undefined, signal: stop.signal });
    stop.abort();
    assert.equal((await reading.ended).aborted, true);
    assert.throws(
      () => readJournal({ args: ["--version"], onChunk: () => undefined, signal: stop.signal }),
      /AbortError/u,
    );
  });

  it("does not outlive the program that started it", async () => {
    const script = `
      const { readJournal } = await import(${JSON.stringify(reader)});
      readJournal({ args: ["-f", "-n0"], onChunk: () => undefined, signal: new AbortController().signal });
      const { readFileSync } = await import("node:fs");
      const children = \`/proc/self/task/\${process.pid}/children\`;
      const name = (pid) => readFileSync(\`/proc/\${pid}/comm\`, "utf8").trim();
      const look = () => {
        const pid = readFileSync(children, "utf8").trim();
        if (pid !== "" && name(pid) === "journalctl") console.log(pid);
        else setTimeout(look, 10);
      };
      look();`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
    });
    const child = identify(pid);
    assert.ok(child);
    assert.equal(isAlive(child), true);
    // By itself it would only end when it looks at its pipe.
    process.kill(pid, "SIGSTOP");
    parent.kill("SIGKILL");
    await until("journalctl has ended", () => !isAlive(child));
  });
});
