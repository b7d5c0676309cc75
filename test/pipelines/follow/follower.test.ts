import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../host/until.ts";
import { isRoot, needs } from "../../needs.ts";
import { type FollowerProgram, followerProgram } from "./follower-program.ts";
import { type PrivateJournal, privateJournal } from "./private-journal.ts";
import { MadeUpRecorder } from "./recorder.ts";

const events = "netlink.events";

describe("pipelines/follow, beside a real journald", function () {
  this.timeout(60_000);
  let journal: PrivateJournal;
  let follower: FollowerProgram;
  const checkpoint = () => join(follower.stateDir, "pipeline-checkpoint.json");
  const saved = () => existsSync(checkpoint());
  const counted = (count: number, seconds = 15) =>
    until(
      `${count} events are counted: ${follower.sum(events)}; ${follower.err()}`,
      () => follower.sum(events) >= count,
      seconds * 1000,
    );

  before(function () {
    needs(this, "root", isRoot());
    needs(this, "systemd-journald", existsSync("/lib/systemd/systemd-journald"));
  });

  beforeEach(async () => {
    journal = await privateJournal();
    follower = await followerProgram(journal);
  });

  afterEach(async () => {
    await follower.close();
    await journal.close();
  });

  it("begins where the journal ends, and counts each event once by network, object and action", async () => {
    const recorder = new MadeUpRecorder();
    await journal.write(recorder.events(50));
    await sleep(300);
    follower.start();
    await until("the first checkpoint", saved);
    await journal.write([
      ...recorder.events(20),
      recorder.event({ object: "neigh", action: "miss", count: 30, moves: 3, flaps: 2, vtepChanges: 1 }),
      recorder.event({ network: "net2", count: 7 }),
      recorder.entry("overrun", { socket: "bridge", count: 11 }),
      recorder.entry("overrun", { socket: "inet", count: 5 }),
      recorder.entry("gap", { since: 1_000_000, until: 3_500_000 }),
      recorder.entry("heartbeat"),
    ]);
    await counted(57);
    assert.equal(follower.sum(events, { docker_network: "net1", object: "fdb", action: "new" }), 20);
    assert.equal(follower.sum(events, { docker_network: "net1", object: "neigh", action: "miss" }), 30);
    assert.equal(follower.sum(events, { docker_network: "net2" }), 7);
    assert.deepEqual(
      ["fdb.moves", "fdb.flaps", "fdb.vtep_changes", "pipeline.gaps", "pipeline.gap.seconds"].map((name) =>
        follower.sum(name),
      ),
      [3, 2, 1, 1, 3],
    );
    assert.equal(follower.sum("netlink.lost", { cause: "overrun", socket: "bridge" }), 11);
    assert.equal(follower.sum("netlink.lost", { cause: "overrun", socket: "inet" }), 5);
    assert.equal(follower.sum("netlink.lost"), 16);
    assert.equal(await follower.kill("SIGTERM"), 0);
    assert.equal(follower.sum(events), 57);
  });

  it("lets no second one count the same again", async () => {
    follower.start();
    await until("the first checkpoint", saved);
    const { code, err } = await follower.second();
    assert.equal(code, 75, err);
    assert.match(err, /pipeline-follow\.lock is held by another follower: two would count everything twice/u);
  });

  it("goes on where it ended, and tells what was written meanwhile as of then", async () => {
    const recorder = new MadeUpRecorder();
    follower.start();
    await until("the first checkpoint", saved);
    await journal.write(recorder.events(10));
    await counted(10);
    assert.equal(await follower.kill("SIGTERM"), 0);
    const from = Math.floor(Date.now() / 1000);
    await journal.write(recorder.events(500));
    const to = Math.ceil(Date.now() / 1000);
    await sleep(16_000);
    follower.start();
    await counted(510);
    await journal.write(recorder.events(3));
    await counted(513);
    assert.equal(follower.sum("netlink.lost"), 0);
    const late = follower
      .metrics()
      .filter(({ name, timestamp }) => name === `overlaywatch.${events}` && timestamp !== undefined);
    assert.equal(
      late.reduce((sum, { values = [] }) => sum + (values[0] ?? 0), 0),
      500,
    );
    for (const { timestamp = 0 } of late) assert.ok(timestamp >= from - 10 && timestamp <= to + 10, String(timestamp));
  });

  it("counts a hole in the recorder's numbers as what it cost, and what comes again as nothing", async () => {
    const recorder = new MadeUpRecorder();
    follower.start();
    await until("the first checkpoint", saved);
    const written = recorder.events(20, { count: 5 });
    await journal.write([...written.slice(0, 4), ...written.slice(9), ...written.slice(2, 12)]);
    await counted(75);
    await journal.write([recorder.entry("heartbeat")]);
    await sleep(1500);
    assert.equal(follower.sum(events), 75);
    assert.equal(follower.sum("netlink.lost", { cause: "gap", socket: "journal" }), 25);
    assert.equal(follower.sum("pipeline.replayed"), 10);
  });

  it("believes root alone, and counts what others write under our name", async () => {
    const recorder = new MadeUpRecorder();
    follower.start();
    await until("the first checkpoint", saved);
    const forged = new MadeUpRecorder();
    const { epoch } = forged;
    const lines = {
      SYSLOG_IDENTIFIER: "overlaywatch",
      OVERLAYWATCH_VERSION: "1",
      OVERLAYWATCH_HOST: "h",
      OVERLAYWATCH_KIND: "event",
      OVERLAYWATCH_EPOCH: epoch,
    };
    journal.writeAs(65534, {
      MESSAGE: "x",
      ...lines,
      OVERLAYWATCH_SEQ: "1",
      OVERLAYWATCH_TOTAL: "1000",
      OVERLAYWATCH_COUNT: "1000",
    });
    journal.writeAs(65534, {
      MESSAGE: "x",
      SYSLOG_IDENTIFIER: "systemd-journald",
      MESSAGE_ID: "a596d6fe7bfa4994828e72309e95d61e",
      N_DROPPED: "9",
    });
    journal.writeAs(0, { MESSAGE: "x", ...lines, OVERLAYWATCH_SEQ: "1.5", OVERLAYWATCH_TOTAL: "1" });
    journal.writeAs(0, {
      MESSAGE: "x",
      ...lines,
      OVERLAYWATCH_SEQ: "1",
      OVERLAYWATCH_TOTAL: "1",
      OVERLAYWATCH_COUNT: "0.5",
    });
    journal.writeAs(0, { MESSAGE: "x", SYSLOG_IDENTIFIER: "overlaywatch", OVERLAYWATCH_KIND: "evil\tkind" });
    await journal.write(recorder.events(3, { network: "a|b#c:d\u0007\ne" }));
    await counted(3);
    assert.equal(follower.sum(events), 3);
    assert.equal(follower.sum("pipeline.malformed", { reason: "foreign" }), 1);
    assert.equal(follower.sum("pipeline.malformed", { reason: "invalid" }), 3);
    assert.equal(follower.listening.receiver.stats().udp.invalidLines, 0);
  });

  it("lives through rotation, vacuum and a new journald, and counts what none of them lost", async () => {
    const recorder = new MadeUpRecorder();
    follower.start();
    await until("the first checkpoint", saved);
    await journal.write(recorder.events(100));
    journal.signal("SIGUSR2");
    await journal.write(recorder.events(100));
    await counted(200);
    journal.journalctl("--vacuum-files=1");
    await journal.write(recorder.events(100));
    await counted(300);
    let missed = 0;
    await journal.restart("SIGTERM", () => void (missed = recorder.events(40).length));
    await journal.write(recorder.events(60));
    await counted(360);
    assert.equal(follower.sum(events), 360);
    assert.equal(follower.sum("netlink.lost"), missed);
  });

  it("tells at once who is misplaced, goes on while it lasts, and tells its end", async () => {
    const recorder = new MadeUpRecorder();
    follower.start();
    await until("the first checkpoint", saved);
    const values = () =>
      follower
        .metrics()
        .filter(({ name }) => name === "overlaywatch.fdb.misplaced")
        .map(({ values: [value] = [], tags }) => ({ value, tags }));
    const about = { network: "net1", container: "web" } as const;
    await journal.write([recorder.entry("misplaced", { ...about, state: "on", share: 0.99 })]);
    const began = performance.now();
    await until("it is told", () => values().length > 0);
    assert.ok(performance.now() - began < 900, `${performance.now() - began} ms`);
    assert.ok(["docker_network:net1", "container_name:web"].every((tag) => values()[0]?.tags.includes(tag)));
    await until("it is told again", () => values().length >= 3);
    assert.deepEqual(new Set(values().map(({ value }) => value)), new Set([1]));
    await journal.write([recorder.entry("misplaced", { ...about, state: "off", share: 0 })]);
    await until("its end is told", () => values().at(-1)?.value === 0);
  });

  for (const [what, text] of [
    ["empty", ""],
    ["torn", '{"version":1,"written":17'],
    ["of a later version", '{"version":99}'],
    ["of another shape", '{"version":1,"cursor":5}'],
  ] as const) {
    it(`says that a checkpoint is ${what}, moves it aside and begins at the end`, async () => {
      const recorder = new MadeUpRecorder();
      await journal.write(recorder.events(5));
      mkdirSync(follower.stateDir, { recursive: true });
      writeFileSync(checkpoint(), text);
      follower.start();
      await until("the new checkpoint", () => saved() && readFileSync(checkpoint(), "utf8").includes('"epochs"'));
      await journal.write(recorder.events(4));
      await counted(4);
      assert.equal(follower.sum(events), 4);
      assert.equal(follower.sum("netlink.lost"), 0);
      assert.match(follower.err(), /checkpoint .* is of no use/u);
      assert.equal(readFileSync(`${checkpoint()}.bad`, "utf8"), text);
    });
  }

  it("goes on from a time where journalctl refuses the cursor, and counts nothing twice", async () => {
    const recorder = new MadeUpRecorder();
    follower.start();
    await until("the first checkpoint", saved);
    await journal.write(recorder.events(10));
    await counted(10);
    assert.equal(await follower.kill("SIGTERM"), 0);
    const text = readFileSync(checkpoint(), "utf8");
    writeFileSync(checkpoint(), text.replace(/"cursor":"[^"]*"/u, '"cursor":"nonsense"'));
    await journal.write(recorder.events(10));
    follower.start();
    await counted(20);
    await sleep(1200);
    assert.equal(follower.sum(events), 20);
    assert.equal(follower.sum("pipeline.cursor.resets"), 1);
    assert.equal(follower.sum("netlink.lost"), 0);
  });
});
