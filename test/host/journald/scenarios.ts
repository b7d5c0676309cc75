import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { exportParser, type EntryFields } from "../../../host/journald/export.ts";
import { proveJournal } from "../../../host/journald/prove.ts";
import { queryJournal, readJournal } from "../../../host/journald/reader.ts";
import { type Journal, type JournalOptions, openJournal } from "../../../host/journald/writer.ts";
import type { OwnJournald } from "./own-journald.ts";

/** What runs inside the namespace of a journald of its own. Gives a figure to print. */
export type Scenario = (journald: OwnJournald) => Promise<string | undefined>;

const socket = "/run/systemd/journal/socket";
const mark = "SYSLOG_IDENTIFIER=overlaywatch";
const epoch = "0123456789abcdef0123456789abcdef";

interface Opened {
  readonly journal: Journal;
  readonly said: readonly string[];
}

function open(options: Partial<JournalOptions> = {}): Opened {
  const said: string[] = [];
  const log: JournalOptions["log"] = (level, message) => void said.push(`${level}: ${message}`);
  return { journal: openJournal({ log, backoffMs: [20, 100], ...options }), said };
}

/** As large as a recorder's. */
const fieldsOf = (seq: number): Record<string, string> => ({
  OVERLAYWATCH_VERSION: "1",
  OVERLAYWATCH_HOST: "dockerhost1",
  OVERLAYWATCH_KIND: "event",
  OVERLAYWATCH_EPOCH: epoch,
  OVERLAYWATCH_SEQ: String(seq),
  OVERLAYWATCH_NETWORK: "over",
  OVERLAYWATCH_OBJECT: "fdb",
  OVERLAYWATCH_ACTION: "new",
  OVERLAYWATCH_DEV: "veth1",
  OVERLAYWATCH_MAC: "02:42:0a:00:00:03",
});

/** Entries `from` to `to`, `to` itself not. Gives how many were taken. */
function write(journal: Journal, from: number, to: number): number {
  let taken = 0;
  for (let seq = from; seq < to; seq++)
    taken += journal.write({ message: "dev veth1 REACHABLE", priority: 6, fields: fieldsOf(seq) }) ? 1 : 0;
  return taken;
}

async function until(what: string, condition: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(5);
  }
}

const written = async ({ journal, said }: Opened): Promise<void> =>
  until(`all written; ${said.join("; ")}`, () => journal.stats().queued === 0, 60_000);

async function read(args: readonly string[]): Promise<EntryFields[]> {
  const entries: EntryFields[] = [];
  const parser = exportParser((fields) => void entries.push(fields));
  parser.push(await queryJournal(["-q", "-o", "export", ...args]));
  parser.end();
  assert.deepEqual(parser.stats(), { entries: entries.length, malformed: 0, oversized: 0, cut: 0 });
  return entries;
}

/** The numbers in the journal, each once. journald stores what is in its socket a moment later. */
async function numbers(expected: number): Promise<number[]> {
  let found: number[] = [];
  for (let tries = 0; tries < 100 && found.length < expected; tries++) {
    if (tries > 0) await sleep(50);
    const entries = await read([mark, "--output-fields=OVERLAYWATCH_SEQ"]);
    found = [...new Set(entries.map((fields) => Number(fields.get("OVERLAYWATCH_SEQ"))))].sort((a, b) => a - b);
  }
  return found;
}

const range = (to: number): number[] => Array.from({ length: to }, (_, seq) => seq);

/** Longest time that the event loop stood still meanwhile, in milliseconds. */
async function standstill(work: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  delay.disable();
  return delay.max / 1e6;
}

const roundTrip: Scenario = async () => {
  const opened = open();
  const values = {
    OVERLAYWATCH_A: "two\nlines\n\n__CURSOR=forged\nOVERLAYWATCH_B=forged",
    OVERLAYWATCH_B: "über 網路 🚒 \u001B[1m\t=x=",
    OVERLAYWATCH_C: "before\0after",
    OVERLAYWATCH_D: "",
    OVERLAYWATCH_E: "x".repeat(70_000),
    OVERLAYWATCH_F: "é".repeat(65_536),
  };
  opened.journal.write({ message: "a\nb", priority: 4, fields: values });
  opened.journal.write({ message: "", priority: 7, fields: {} });
  await written(opened);
  await until("stored", () => opened.journal.stats().written === 2);
  const [first, second] = await stored(2);
  const expected = { ...values, OVERLAYWATCH_C: "beforeafter", OVERLAYWATCH_E: "x".repeat(65_536) };
  for (const [name, value] of Object.entries({ ...expected, MESSAGE: "a\nb", PRIORITY: "4" }))
    assert.equal(first?.get(name), value, name);
  assert.equal(second?.get("PRIORITY"), "7");
  assert.equal(second?.get("_TRANSPORT"), "journal");
  await opened.journal.close();
  assert.equal(opened.journal.write({ message: "late", priority: 6, fields: {} }), false);
  assert.deepEqual(opened.said, []);
  return undefined;
};

async function stored(count: number): Promise<EntryFields[]> {
  let entries: EntryFields[] = [];
  for (let tries = 0; tries < 100 && entries.length < count; tries++) {
    if (tries > 0) await sleep(20);
    entries = await read([mark]);
  }
  return entries;
}

const killed: Scenario = async (journald) => {
  const opened = open();
  write(opened.journal, 0, 100);
  await written(opened);
  assert.deepEqual(await numbers(100), range(100));
  await journald.kill();
  assert.equal(write(opened.journal, 100, 600), 500);
  await until("refused", () => opened.journal.stats().state === "refusing");
  await sleep(300);
  assert.match(opened.journal.stats().lastError ?? "", /ECONNREFUSED/);
  assert.equal(opened.journal.stats().written, 100);
  await journald.start();
  await written(opened);
  assert.deepEqual(await numbers(600), range(600));
  assert.equal(opened.said.length, 2, opened.said.join("\n"));
  assert.match(opened.said[0] ?? "", /^warn: the journal is refusing: .* ECONNREFUSED/);
  assert.equal(opened.said[1], "info: the journal takes entries again");
  await opened.journal.close();
  return undefined;
};

const absent: Scenario = async () => {
  const opened = open({ maxQueue: 50 });
  let drained = 0;
  opened.journal.onDrained(() => void drained++);
  renameSync(socket, `${socket}.away`);
  assert.equal(write(opened.journal, 0, 60), 50);
  await until("absent", () => opened.journal.stats().state === "absent");
  assert.equal(write(opened.journal, 60, 61), 0);
  const { written: none, refused, queued } = opened.journal.stats();
  assert.deepEqual({ none, refused, queued }, { none: 0, refused: 11, queued: 50 });
  assert.equal(drained, 0);
  renameSync(`${socket}.away`, socket);
  await written(opened);
  assert.equal(drained, 1);
  assert.deepEqual(await numbers(50), range(50));
  assert.match(opened.said.join("\n"), /^warn: the journal is absent: ENOENT[^\n]*\ninfo: [^\n]*$/);
  await opened.journal.close();
  return undefined;
};

const hangs: Scenario = async (journald) => {
  const opened = open({ ackMs: 400 });
  write(opened.journal, 0, 1);
  await written(opened);
  journald.signal("SIGSTOP");
  const ms = await standstill(async () => {
    assert.equal(write(opened.journal, 1, 2000), 1999);
    await until("hung", () => opened.journal.stats().state === "hung");
    // Longer than a send may take.
    await sleep(1500);
  });
  const { hangs: times, queued } = opened.journal.stats();
  assert.equal(times, 1);
  assert.ok(queued > 1500, String(queued));
  journald.signal("SIGCONT");
  await written(opened);
  assert.deepEqual(await numbers(2000), range(2000));
  assert.equal(opened.said.length, 2, opened.said.join("\n"));
  await opened.journal.close();
  assert.ok(ms < 250, `the event loop stood still for ${ms} ms`);
  return `journald stopped for 2 s: nothing lost, event loop stood still for ${ms.toFixed(1)} ms at most`;
};

/** Node waits for its threads: one that sits in a send would keep the process for ever. */
const endsWhileHung: Scenario = async (journald) => {
  const opened = open({ ackMs: 400 });
  write(opened.journal, 0, 1);
  await written(opened);
  journald.signal("SIGSTOP");
  write(opened.journal, 1, 1000);
  await until("hung", () => opened.journal.stats().state === "hung");
  const began = performance.now();
  await opened.journal.close();
  const ms = performance.now() - began;
  assert.ok(ms < 1500, `close took ${ms} ms`);
  const { written: done, lost, queued } = opened.journal.stats();
  assert.equal(done + lost, 1000);
  assert.equal(queued, 0);
  assert.match(opened.said.at(-1) ?? "", new RegExp(`^warn: ${lost} entries may not have been written`, "u"));
  return undefined;
};

const throughput: Scenario = async () => {
  const opened = open({ maxQueue: 200_000 });
  const count = 60_000;
  let ms = 0;
  const still = await standstill(async () => {
    const began = performance.now();
    for (let from = 0; from < count; from += 250) {
      write(opened.journal, from, from + 250);
      await sleep(0);
    }
    await written(opened);
    ms = performance.now() - began;
  });
  assert.equal((await numbers(count)).length, count);
  await opened.journal.close();
  return `${Math.round((count / ms) * 1000)} entries/s of 12 fields, event loop stood still for ${still.toFixed(1)} ms at most`;
};

const proof: Scenario = async (journald) => {
  const opened = open({ ackMs: 300 });
  const good = await proveJournal(opened.journal);
  assert.equal(good.ok, true, JSON.stringify(good));
  assert.deepEqual(await read([mark]), []);
  renameSync(socket, `${socket}.away`);
  const without = await proveJournal(opened.journal, { timeoutMs: 300 });
  assert.match(without.ok ? "" : without.why, /^it is absent: ENOENT/);
  renameSync(`${socket}.away`, socket);
  const elsewhere = await proveJournal(opened.journal, { timeoutMs: 300, namespace: "other" });
  assert.match(elsewhere.ok ? "" : elsewhere.why, /namespace/);
  journald.signal("SIGSTOP");
  const hung = await proveJournal(opened.journal, { timeoutMs: 600 });
  assert.equal(hung.ok, false);
  journald.signal("SIGCONT");
  await opened.journal.close();
  return undefined;
};

const follow: Scenario = async () => {
  const opened = open();
  write(opened.journal, 0, 1);
  await written(opened);
  const seen: string[] = [];
  const parser = exportParser((fields) => void seen.push(fields.get("OVERLAYWATCH_SEQ") ?? "?"));
  const stop = new AbortController();
  const args = ["-q", "-f", "-n", "all", "-o", "export", mark];
  const reading = readJournal({ args, onChunk: parser.push, signal: stop.signal });
  await until("first entry", () => seen.length === 1);
  write(opened.journal, 1, 3000);
  await until("all entries", () => seen.length === 3000);
  reading.pause();
  write(opened.journal, 3000, 3001);
  await sleep(300);
  assert.equal(seen.length, 3000);
  reading.resume();
  await until("the last entry", () => seen.length === 3001);
  stop.abort();
  assert.deepEqual(await reading.ended, { code: undefined, signal: "SIGKILL", aborted: true, stderr: [] });
  assert.deepEqual(seen.map(Number), range(3001));
  await opened.journal.close();
  return undefined;
};

const twice: Scenario = async () => {
  for (const round of [0, 1, 2]) {
    const opened = open();
    // Time for the thread to start: the end comes half a second after the call, whatever the load.
    if (round === 2) await sleep(1000);
    write(opened.journal, round * 10, round * 10 + 10);
    if (round < 2) await written(opened);
    await opened.journal.close();
    assert.deepEqual(opened.said, []);
    assert.equal(opened.journal.stats().written, 10);
  }
  assert.deepEqual(await numbers(30), range(30));
  return undefined;
};

export const scenarios: Readonly<Record<string, Scenario>> = {
  "fields come back as they were written: lines, UTF-8, without NUL, cut at 64 Ki characters": roundTrip,
  "when journald is killed, entries wait and are written once it is back": killed,
  "where the socket is missing, entries wait up to the bound, then they are refused": absent,
  "when journald hangs, the event loop goes on, and nothing is lost": hangs,
  "a program can end while journald hangs, and says what it could not write": endsWhileHung,
  "a storm is written without a standstill": throughput,
  "the proof finds its entry, and says why where it does not": proof,
  "what is written shows in a reader that follows": follow,
  "closed and opened again, each entry is written once": twice,
};
