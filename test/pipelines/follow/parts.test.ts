import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sample } from "../../../emit/sample.ts";
import { liveClock } from "../../../host/clock.ts";
import { fieldsOf } from "../../../pipelines/entry.ts";
import { readingArgs } from "../../../pipelines/follow/command-line.ts";
import { judge } from "../../../pipelines/follow/health.ts";
import { Outgoing } from "../../../pipelines/follow/outgoing.ts";
import { Pending } from "../../../pipelines/follow/pending.ts";
import { Progress } from "../../../pipelines/follow/progress.ts";
import { Book, series } from "../../../pipelines/follow/series.ts";
import { openStore } from "../../../pipelines/follow/store.ts";
import { Tally } from "../../../pipelines/follow/tally.ts";
import { MadeUpRecorder } from "./recorder.ts";

describe("pipelines/follow/command-line", () => {
  it("goes on from a cursor, and from a time where there is none, in a namespace of journald's where told", () => {
    const args = readingArgs({ cursor: "s=1;i=2", read: 5 }, "", false);
    assert.ok(args.includes("--cursor=s=1;i=2") && !args.includes("-f"));
    assert.deepEqual(args.slice(-3), [
      "SYSLOG_IDENTIFIER=overlaywatch",
      "+",
      "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e",
    ]);
    const other = readingArgs({ read: 1_700_000_000_123_456 }, "ow", true);
    for (const arg of ["--since=@1700000000.123456", "--namespace=+ow", "-f"]) assert.ok(other.includes(arg), arg);
  });

  it("asks for every field that counting reads, and not for the text", () => {
    const [fields = ""] = readingArgs({ read: 0 }, "", false).filter((arg) => arg.startsWith("--output-fields="));
    const asked = new Set(fields.slice("--output-fields=".length).split(","));
    const recorder = new MadeUpRecorder();
    const written = fieldsOf(
      recorder.event({ networkId: "x", moves: 1, flaps: 1, vtepChanges: 1, since: 1, until: 1 }),
    );
    for (const name of Object.keys(written)) assert.ok(asked.has(name), name);
    assert.ok(asked.has("_UID") && asked.has("MESSAGE_ID") && !asked.has("MESSAGE"));
  });
});

describe("pipelines/follow/pending", () => {
  const second = 1_000_000;
  const cell = new Book().cell(series.events("n", "fdb", "new"));
  const put = (pending: Pending, at: number, now: number) =>
    void pending.place({ stored: at * second, event: at * second }, now * second).set(cell, 1);

  it("sends a bucket once, when a newer one has begun, and puts what still comes for it into the next", () => {
    const pending = new Pending();
    put(pending, 101, 200);
    assert.equal(pending.isReady(false), false);
    put(pending, 112, 200);
    assert.equal(pending.isReady(false), true);
    assert.deepEqual(
      pending.takeLate(10, false).map(({ at }) => at),
      [105],
    );
    put(pending, 103, 200);
    put(pending, 99, 200);
    assert.deepEqual(
      pending.takeLate(10, true).map(({ at }) => at),
      [115],
    );
  });

  it("takes whole buckets up to the limit, the oldest first", () => {
    const pending = new Pending();
    for (const at of [130, 100, 120, 110]) put(pending, at, 200);
    assert.deepEqual(
      pending.takeLate(2, true).map(({ at }) => at),
      [105, 115],
    );
    assert.deepEqual(
      pending.takeLate(0, true).map(({ at }) => at),
      [125],
    );
  });

  it("has what was put back again, in its own bucket", () => {
    const pending = new Pending();
    put(pending, 101, 200);
    put(pending, 199, 200);
    const closed = pending.closed;
    const taken = [...pending.takeLate(10, true), ...pending.takeLive([])];
    pending.putBack(
      taken.map(({ value, at }) => [cell, value, at] as const),
      closed,
    );
    assert.deepEqual([...pending.takeLate(10, true), ...pending.takeLive([])], taken);
  });
});

describe("pipelines/follow/progress", () => {
  let time = 0;
  const clock = { now: () => time, monotonic: () => time };
  const read = (progress: Progress, stored: number) =>
    progress.read(
      new Map([
        ["__REALTIME_TIMESTAMP", String(stored * 1000)],
        ["__CURSOR", `c${stored}`],
      ]),
      time,
    );

  it("is behind until the journal was read to its end, and again where an entry was long not read", () => {
    time = 100_000;
    const progress = new Progress(clock);
    assert.equal(progress.catchingUp, true);
    progress.reached(false);
    read(progress, 50_000);
    progress.settle();
    assert.equal(progress.catchingUp, true);
    progress.reached(true);
    assert.equal(progress.catchingUp, false);
    read(progress, 60_000);
    assert.equal(progress.catchingUp, true);
    assert.deepEqual(progress.place, { read: 60_000_000, cursor: "c60000" });
    time += 2001;
    progress.settle();
    assert.equal(progress.catchingUp, false);
  });

  it("suspects journalctl after 30 s of silence, and less often the longer it lasts", () => {
    time = 0;
    const progress = new Progress(clock);
    const stalled: number[] = [];
    for (; time <= 300_000; time += 1000) if (progress.isStalled()) stalled.push(time);
    assert.deepEqual(stalled, [30_000, 60_000, 120_000, 240_000]);
    read(progress, time);
    time += 30_000;
    assert.equal(progress.isStalled(), true);
  });

  it("keeps the time where the cursor is lost", () => {
    const progress = new Progress(clock, { cursor: "c", read: 7 });
    progress.loseCursor();
    assert.deepEqual(progress.place, { read: 7 });
  });
});

describe("pipelines/follow/health", () => {
  const well = { up: 100_000, silence: 5000, lag: 0, catchingUp: false, problem: undefined, unsaved: undefined };

  it("tells what an operator acts on, the worst first", () => {
    assert.deepEqual(judge(well), { status: "ok", message: "" });
    assert.equal(judge({ ...well, up: 20_000, silence: undefined }).status, "ok");
    assert.equal(judge({ ...well, silence: undefined }).status, "critical");
    assert.equal(judge({ ...well, silence: 31_000 }).status, "critical");
    assert.equal(judge({ ...well, silence: 500_000, lag: 61_000, catchingUp: true }).status, "warning");
    assert.equal(judge({ ...well, silence: 50_000, lag: 40_000, catchingUp: true }).status, "ok");
    assert.equal(judge({ ...well, unsaved: "no room" }).status, "warning");
    assert.match(judge({ ...well, problem: "no journalctl" }).message, /no journalctl/u);
  });
});

describe("pipelines/follow/outgoing", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "overlaywatch-outgoing-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function made(send: (samples: readonly Sample[]) => Promise<void>, stored = true) {
    const log: string[] = [];
    const say = (_: string, message: string) => void log.push(message);
    const path = join(folder, "state.json");
    const store = openStore({ path, clock: liveClock, boot: "b", log: say });
    const tally = new Tally();
    const progress = new Progress(liveClock, { cursor: "c", read: 1 });
    progress.reached(true);
    const outgoing = new Outgoing({ tally, progress, store, clock: liveClock, send, log: say }, stored);
    tally.add(new MadeUpRecorder().event({ count: 9 }), Date.now() * 1000, Date.now());
    return { outgoing, tally, path, log, store };
  }

  it("marks a batch before and after it is sent, and writes it down first", async () => {
    const seen: string[][] = [];
    const { outgoing } = made(async () => void seen.push(readdirSync(folder)));
    await outgoing.sendCounts(true);
    assert.equal(seen.length, 1);
    assert.deepEqual(
      seen[0]?.map((name) => name.replace(/[\da-f]{16}$/u, "ID")),
      ["state.json", "state.json@sending-ID"],
    );
    assert.match(readdirSync(folder).join(" "), /@sent-/u);
  });

  it("does not send again what could not be sent, for it may have gone", async () => {
    let sends = 0;
    const { outgoing, tally, log } = made(async () => {
      sends++;
      throw new Error("no route");
    });
    await outgoing.sendCounts(true);
    assert.equal(sends, 1);
    assert.deepEqual(tally.pending.takeLive([]), []);
    assert.match(log.join(), /no route/u);
  });

  it("holds counts back while the checkpoint can not be written, and sends them once it can", async () => {
    const sent: number[] = [];
    const { outgoing, path } = made(
      async (samples) =>
        void sent.push(...samples.filter(({ name }) => name === "netlink.events").map(({ value }) => value)),
    );
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "a file where the folder was");
    await outgoing.sendCounts(true);
    assert.deepEqual(sent, []);
    assert.match(outgoing.problem ?? "", /cannot write/u);
    rmSync(folder);
    await outgoing.sendCounts(true);
    assert.deepEqual(sent, [9]);
    assert.equal(outgoing.problem, undefined);
    assert.ok(existsSync(path));
  });

  it("sends all the same where no checkpoint was ever there: nothing can be counted twice by it", async () => {
    let sends = 0;
    const { outgoing } = made(async () => void sends++, false);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "");
    await outgoing.sendCounts(true);
    assert.equal(sends, 1);
    rmSync(folder);
  });
});
