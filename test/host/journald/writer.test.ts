import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Journal, openJournal } from "../../../host/journald/writer.ts";
import { until } from "../until.ts";

const faulty = new URL("./faulty-worker.js", import.meta.url);

describe("host/journald: the writer, when its thread does wrong", () => {
  let folder: string;
  let journal: Journal;
  let said: string[];
  const open = (program = faulty, ackMs = 5000): void => {
    said = [];
    const log = (level: string, message: string): void => void said.push(`${level}: ${message}`);
    journal = openJournal({ log, program, ackMs, backoffMs: [10, 20] });
  };
  const write = (message: string): boolean => journal.write({ message, priority: 6, fields: {} });

  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "overlaywatch-journald-"))));
  afterEach(async () => {
    await journal.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("gives a batch whose thread died to the next thread", async () => {
    open();
    assert.ok(write(`die ${join(folder, "died")}`) && write("another"));
    await until("written", () => journal.stats().written === 2);
    const { lost, queued, restarts, state } = journal.stats();
    assert.deepEqual({ lost, queued, restarts, state }, { lost: 0, queued: 0, restarts: 1, state: "ok" });
    assert.match(said.join("\n"), /^warn: the journal is refusing: .*died \(ordered to die\)\. 2 entries wait/u);
  });

  it("goes on trying where the thread can not even start", async () => {
    open(new URL("file:///nowhere/worker.js"));
    assert.ok(write("one"));
    await until("restarted", () => journal.stats().restarts > 3);
    assert.equal(journal.stats().state, "refusing");
    assert.equal(journal.stats().queued, 1);
    assert.equal(said.length, 1);
    await journal.close();
    assert.equal(journal.stats().lost, 1);
    assert.match(said[1] ?? "", /^warn: 1 entries may not have been written .*Cannot find module/u);
  });

  it("says once that it hangs, and takes the late answer", async () => {
    open(faulty, 100);
    assert.ok(write("late"));
    await until("hung", () => journal.stats().state === "hung");
    await until("written", () => journal.stats().written === 1);
    assert.equal(journal.stats().hangs, 1);
    assert.match(said.join("\n"), /^warn: the journal is hung: no answer for 100 ms[^\n]*\ninfo: [^\n]* again$/u);
  });

  it("counts as lost what the system will never take, and goes on", async () => {
    open();
    assert.ok(write("bad"));
    await until("done", () => journal.stats().queued === 0);
    assert.ok(write("good"));
    await until("written", () => journal.stats().written === 1);
    assert.equal(journal.stats().lost, 1);
    assert.equal(journal.stats().lastError, "EMSGSIZE");
  });
});
