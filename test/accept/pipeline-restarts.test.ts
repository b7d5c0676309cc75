import assert from "node:assert/strict";
import type { LabHost } from "../../lab/host.ts";
import { killJournald } from "../../lab/journal.ts";
import { pause, until } from "../../lab/process.ts";
import { stormMac } from "../../lab/storm.ts";
import { useLab } from "../lab/fixture.ts";
import { commandOf, namedBeside } from "./family.ts";
import { figure, sized } from "./length.ts";
import { Pipeline, type Stage, stage, type Stored } from "./pipeline.ts";
import { endAll } from "./program.ts";

const perSecond = 500;
/** Milliseconds between two kills. */
const moment = sized(1500, 600);
/** Milliseconds that what was written may have been late, and clocks be apart. */
const late = 100_000;

describe("accept: pipeline, restarts under 500 changes a second", function () {
  this.timeout(300_000);
  const lab = useLab();
  let host: LabHost;
  let idle: Stage;
  let pipeline: Pipeline;
  let serial = 0;

  before("an idle network", async () => {
    host = lab().host(1);
    idle = await stage(host, "idle", 9, ["I1"]);
  });
  beforeEach("pipeline whose entries are single", async () => {
    pipeline = await Pipeline.start(lab(), host, { maxEntries: 100_000 });
    await pipeline.waitForNetwork("idle");
    await pipeline.settled(1500);
  });
  afterEach("end", async () => {
    await pipeline.close();
    endAll();
  });
  after("network", async () => idle.remove());

  /** Changes while the work is done, each MAC a new one. Gives how many, and their first serial number. */
  async function stormDuring(work: () => Promise<void>): Promise<{ readonly forced: number; readonly first: number }> {
    const first = serial;
    const end = new AbortController();
    const storm = lab().storm({ networkId: idle.id, changes: 1_000_000, perSecond, first, signal: end.signal });
    await Promise.race([work(), storm]).finally(() => end.abort());
    const forced = await storm;
    serial += forced / 2;
    return { forced, first };
  }

  const kills = sized(30, 3);
  it(`${kills} kill -9 of the follower and ${kills} of journald: counted + measured losses = forced, none double`, async () => {
    const before = pipeline.counted("idle");
    const { forced, first } = await stormDuring(async () => {
      for (let i = 0; i < kills; i++) {
        await pause(200 + Math.random() * moment);
        await pipeline.follower.stop("SIGKILL");
        await pause(Math.random() * 300);
        pipeline.startFollower();
        await pause(200 + Math.random() * moment);
        await killJournald(host);
        await pause(Math.random() * 300);
        await lab().startJournald(host);
      }
      await pause(1000);
    });
    await pipeline.settled(sized(5000, 2500));
    const [counted, lost] = [pipeline.counted("idle") - before, pipeline.lost()];
    const ambiguous = pipeline.delivered.total("pipeline.ambiguous");
    const replayed = pipeline.delivered.total("pipeline.replayed");
    const all = changesIn(await pipeline.entries());
    const seen = [...new Set(all)];
    const twice = all.length - seen.length;
    figure(
      `${forced} forced: ${counted} counted, ${lost} lost (${lossesOf(pipeline)}), ${ambiguous} told as ambiguous; ${seen.length} in the journal; ${twice} of them twice; ${replayed} entries replayed`,
    );
    // Where journald took an entry and died before it said so, it is written again: then it must be known as a replay.
    assert.ok(
      twice <= replayed,
      `${twice} changes stand twice in the journal, and ${replayed} entries were known as replays`,
    );
    assert.deepEqual(strangers(seen, first, forced), []);
    assert.ok(counted + lost <= forced, `${counted} + ${lost} of ${forced}: some are counted double`);
    assert.ok(counted + lost + ambiguous >= forced, `${counted} + ${lost} of ${forced}: some are lost unsaid`);
    assert.ok(counted <= seen.length, `${counted} counted of ${seen.length} in the journal`);
  });

  const starts = sized(20, 2);
  it(`${starts} kill -9 of the recorder: each a gap with start and end, nothing missing outside, none double`, async () => {
    const before = pipeline.counted("idle");
    const { forced, first } = await stormDuring(async () => {
      for (let i = 0; i < starts; i++) {
        await pause(moment + Math.random() * moment);
        const known = (await gaps(pipeline)).length;
        await pipeline.recorder.stop("SIGKILL");
        await pause(Math.random() * 1000);
        pipeline.startRecorder();
        await pipeline.waitFor(async () => (await gaps(pipeline)).length > known, "a gap entry");
      }
      await pause(1000);
    });
    await pipeline.settled(sized(4000, 2500));
    const entries = await pipeline.entries();
    const seen = changesIn(entries);
    const all = (await gaps(pipeline)).slice(-starts);
    const missing = holes(entries, first, forced);
    const seconds = all.reduce((sum, { since, until: end }) => sum + (end! - since!) / 1_000_000, 0);
    figure(
      `${forced} forced: ${seen.length} in the journal, ${pipeline.counted("idle") - before} counted; ${starts} gaps of ${(seconds / starts).toFixed(1)} s, ${missing.length} holes, all inside of them`,
    );
    assert.equal(new Set(seen).size, seen.length, "a change stands twice in the journal");
    assert.deepEqual(strangers(seen, first, forced), []);
    for (const { since, until: end } of all) assert.ok(since! < end!, `a gap from ${since} to ${end}`);
    const outside = missing.filter((hole) => !all.some((gap) => covers(gap, hole)));
    assert.deepEqual(outside, [], "holes outside of every gap");
    assert.equal(pipeline.counted("idle") - before, seen.length);
    assert.equal(pipeline.lost(), 0);
    assert.equal(pipeline.delivered.total("pipeline.gaps"), (await gaps(pipeline)).length);
    // What a killed recorder leaves behind must not listen for ever.
    const namespaces = new Set(entries.filter(({ kind }) => kind === "namespace").map(({ netns }) => netns)).size;
    await until(
      () => monitors(host).length <= 2 * namespaces || undefined,
      5_000,
      () => new Error(`${namespaces} namespaces, but these listen: ${monitors(host).join("; ")}`),
    );
  });
});

const gaps = async (pipeline: Pipeline): Promise<readonly Stored[]> => pipeline.entries("gap");

/** `new MAC` and `del MAC` of every storm, in the journal's order. */
const changesIn = (entries: readonly Stored[]): readonly string[] =>
  entries.flatMap(({ kind, action, mac, count }) =>
    kind === "event" && mac?.startsWith("06:0f:") === true ? [`${action} ${mac} ${count ?? 1}`] : [],
  );

const changeOf = (first: number, index: number): string =>
  `${index % 2 === 0 ? "new" : "del"} ${stormMac(first + Math.floor(index / 2))} 1`;

/** What is in the journal and was never forced, or folded. */
function strangers(seen: readonly string[], first: number, forced: number): readonly string[] {
  const all = new Set(Array.from({ length: forced }, (_, index) => changeOf(first, index)));
  return seen.filter((change) => !all.has(change));
}

interface Hole {
  readonly from: number;
  readonly to: number;
  readonly changes: number;
}

/** Changes that follow each other and are not in the journal: between which two events, in microseconds since the epoch. */
function holes(entries: readonly Stored[], first: number, forced: number): readonly Hole[] {
  const times = new Map(
    entries.flatMap((entry) =>
      entry.kind === "event" ? changesIn([entry]).map((c) => [c, entry.since!] as const) : [],
    ),
  );
  const found: Hole[] = [];
  let [from, changes] = [0, 0];
  for (let index = 0; index <= forced; index++) {
    const time = index === forced ? Infinity : times.get(changeOf(first, index));
    if (time === undefined) changes++;
    else {
      if (changes > 0) found.push({ from, to: time, changes });
      [from, changes] = [time, 0];
    }
  }
  return found;
}

/** The gap holds all of the hole: what came just before and just behind it was recorded. */
const covers = ({ since, until: end }: Stored, { from, to }: Hole): boolean =>
  since! <= from + late && end! >= to - late;

const lossesOf = ({ delivered }: Pipeline): string => {
  const sums = new Map<string, number>();
  for (const { name, tags, value } of delivered.arrived) {
    if (name !== "netlink.lost") continue;
    const key = `${tags["cause"]} ${tags["socket"]}`;
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return [...sums].map(([key, value]) => `${key} ${value}`).join(", ");
};

/** Processes on the host that listen to netlink. */
const monitors = (host: LabHost): readonly string[] =>
  namedBeside(host.pid, "ip")
    .map(commandOf)
    .filter((text) => text.includes("monitor"));
