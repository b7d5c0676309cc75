import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { undoFolder } from "../../../host/undo-folder.ts";
import { act, type Treatment } from "../../../overlay/remedy/act.ts";
import type { Hands } from "../../../overlay/remedy/hands.ts";
import { type Strategy, strategies } from "../../../overlay/remedy/plan.ts";
import { takeBack } from "../../../overlay/remedy/take-back.ts";
import { decodeUndoFile, encodeUndoFile } from "../../../overlay/remedy/undo-file.ts";
import { sized } from "../../accept/length.ts";
import { isRoot, needs } from "../../needs.ts";
import { netns, overlayStage, textOf, vtep } from "./stage.ts";

const engine = "20.10.24";
const healing: readonly Strategy[] = ["pin", "clean", "learning-off"];

const resultsOf = ({ results }: Treatment): readonly string[] => [...results.values()];

const unable: Hands["probe"] = async (targets) => targets.map(() => new Error("no right to"));
const losing: Hands["probe"] = async (targets) => targets.map(() => 0.3);

/** The tables as a kernel before 4.20 would show them. */
const withoutSticky = (hands: Hands): Hands["look"] => {
  return async (file) => {
    const tables = await hands.look(file);
    const fdb = tables.fdb.map((row) => ({ ...row, flags: row.flags.filter((flag) => flag !== "sticky") }));
    return { ...tables, fdb };
  };
};

describe("overlay/remedy: acting, in an overlay that loops for real", function () {
  this.timeout(30_000);
  const stage = overlayStage();
  const noted = (): ReturnType<typeof decodeUndoFile> =>
    decodeUndoFile(readFileSync(join(stage.state, "undo", "note.unfinished.json"), "utf8"));

  before("needs root", function () {
    needs(this, "root", isRoot());
    stage.make();
  });
  after(() => stage.clear());
  beforeEach(async () => {
    await stage.poison();
    assert.deepEqual(await stage.loss(), [1], "the two are cut off before each test");
  });

  for (const strategy of healing) {
    it(`${strategy}: cured, and proved by pings of both`, async () => {
      const { plan, patient } = await stage.planned(strategy);
      const treatment = await act(plan, patient, stage.hands());
      assert.equal(treatment.outcome, "cured", treatment.notes.join("; "));
      assert.ok(resultsOf(treatment).every((result) => result === "done"));
      const losses = treatment.losses.map(({ before, after }) => [before, after]);
      assert.deepEqual(losses, [
        [1, 0],
        [1, 0],
      ]);
      assert.deepEqual(await stage.loss(), [0]);
    });

    it(`${strategy}: undone exactly, and undone without the fault`, async () => {
      const before = textOf(await stage.read());
      const { plan, patient } = await stage.planned(strategy);
      await act(plan, patient, stage.hands());
      const exact = await takeBack(noted(), { restoreFault: true, engine }, stage.hands());
      assert.ok(exact.done);
      assert.deepEqual(textOf(await stage.read()), before);
      assert.deepEqual(await stage.loss(), [1]);
      const second = await stage.planned(strategy);
      await act(second.plan, second.patient, stage.hands());
      assert.ok((await takeBack(noted(), { restoreFault: false, engine }, stage.hands())).done);
      assert.deepEqual(await stage.loss(), [0]);
      assert.ok(
        !textOf(await stage.read()).some((line) => line.includes("sticky") || line === "vxlan0 learning false"),
      );
    });
  }

  it("arp: does not help, says so with figures, and leaves everything as it was", async () => {
    const before = textOf(await stage.read());
    const { plan, patient } = await stage.planned("arp");
    const treatment = await act(plan, patient, stage.hands());
    assert.equal(treatment.outcome, "undone");
    assert.deepEqual(resultsOf(treatment), ["undone", "undone"]);
    assert.deepEqual(
      treatment.losses.map(({ after }) => after),
      [1, 1],
    );
    assert.match(treatment.notes.join("\n"), /on the vxlan port in 2 of 2 reads/);
    assert.deepEqual(textOf(await stage.read()), before);
  });

  it("the undo file is on the disk before the first write, for root's eyes only", async () => {
    const { plan, patient } = await stage.planned("clean");
    let noteAtFirst = "";
    const hands = stage.hands();
    const run: Hands["run"] = async (...args) => {
      if (noteAtFirst === "") noteAtFirst = readFileSync(join(stage.state, "undo", "note.unfinished.json"), "utf8");
      return hands.run(...args);
    };
    await act(plan, patient, { ...hands, run });
    assert.equal(decodeUndoFile(noteAtFirst).namespaces[0]!.entries.length, plan.actions.length);
    assert.equal(statSync(join(stage.state, "undo", "note.unfinished.json")).mode & 0o777, 0o600);
    assert.equal(statSync(join(stage.state, "undo")).mode & 0o777, 0o700);
  });

  for (const [what, make] of [
    ["a file where its folder belongs", (dir: string) => writeFileSync(dir, "")],
    [
      "a full disk",
      (dir: string) => {
        mkdirSync(dir);
        execFileSync("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", dir]);
        writeFileSync(join(dir, "filler"), "x".repeat(4096));
      },
    ],
  ] as const) {
    it(`nothing is done without the undo file: ${what}`, async () => {
      const dir = join(stage.state, what.replaceAll(" ", "-"));
      make(dir);
      const before = textOf(await stage.read());
      const { plan, patient } = await stage.planned("pin");
      const folder = undoFolder(dir);
      try {
        const keep: Hands["keep"] = async (file) => folder.keep("note", encodeUndoFile(file));
        const treatment = await act(plan, patient, stage.hands({ keep }));
        assert.equal(treatment.outcome, "refused");
        assert.match(treatment.notes.join(), /nothing was done.*(EEXIST|ENOTDIR|ENOSPC)/);
        assert.deepEqual(textOf(await stage.read()), before);
      } finally {
        if (what === "a full disk") execFileSync("/usr/bin/umount", [dir]);
      }
    });
  }

  it("an objection at the last moment stops it", async () => {
    const { plan, patient } = await stage.planned("pin");
    const before = textOf(await stage.read());
    const treatment = await act(plan, { ...patient, objection: () => "Docker went" }, stage.hands());
    assert.deepEqual([treatment.outcome, treatment.notes], ["refused", ["Docker went"]]);
    assert.deepEqual(textOf(await stage.read()), before);
  });

  it("a command that says it succeeded, and did nothing, is not believed", async () => {
    const before = textOf(await stage.read());
    const { plan, patient } = await stage.planned("clean");
    const hands = stage.hands();
    const run: Hands["run"] = async (file, command) =>
      command.includes("self") && command.includes("del") ? "" : hands.run(file, command);
    const treatment = await act(plan, patient, { ...hands, run });
    assert.equal(treatment.outcome, "undone");
    assert.match(
      treatment.notes.join("\n"),
      /run 3 times, and not seen: .*no 02:42:0a:00:00:0\d dev vxlan0 dst .* self/,
    );
    assert.deepEqual(textOf(await stage.read()), before);
  });

  it("a row that leads elsewhere since it was read is not deleted", async () => {
    const { plan, patient } = await stage.planned("clean");
    stage.bridge("fdb replace 02:42:0a:00:00:02 dev vxlan0 dst 172.31.240.9 self permanent");
    await act(plan, patient, stage.hands());
    const lines = textOf(await stage.read());
    assert.ok(
      lines.some((line) => line.includes("dst 172.31.240.9")),
      lines.join("\n"),
    );
    assert.ok(!lines.some((line) => line.includes(`02:42:0a:00:00:03 dev vxlan0 dst ${vtep}`)));
    stage.bridge("fdb del 02:42:0a:00:00:02 dev vxlan0 dst 172.31.240.9 self");
  });

  it("a row that is gone already when it is to be deleted is no failure", async () => {
    const { plan, patient } = await stage.planned("clean");
    stage.ip(netns, "neigh del 10.0.0.2 dev vxlan0");
    assert.equal((await act(plan, patient, stage.hands())).outcome, "cured");
  });

  it("where the kernel does not keep pins, it takes them back, switches learning off, and says so", async () => {
    const before = textOf(await stage.read());
    const { plan, patient } = await stage.planned("pin");
    const hands = stage.hands();
    const treatment = await act(plan, patient, { ...hands, look: withoutSticky(hands) });
    assert.equal(treatment.outcome, "cured", treatment.notes.join("; "));
    assert.match(treatment.notes.join(), /can not keep pins.*learning was switched off/);
    assert.deepEqual(resultsOf(treatment).slice(0, 2), [
      "taken back: this kernel does not keep the sticky flag",
      "not tried",
    ]);
    const lines = textOf(await stage.read());
    assert.ok(
      lines.includes("vxlan0 learning false") && !lines.some((line) => line.includes("sticky")),
      lines.join("\n"),
    );
    assert.ok((await takeBack(noted(), { restoreFault: true, engine }, stage.hands())).done);
    assert.deepEqual(textOf(await stage.read()), before);
  });

  it("a port that is another one since it was read gets no pin", async () => {
    const { plan, patient } = await stage.planned("pin");
    const other = plan.actions.map((one) => ({ ...one, change: { ...one.change, ifindex: 4711 } }));
    const before = textOf(await stage.read());
    const treatment = await act({ ...plan, actions: other }, patient, stage.hands());
    assert.equal(treatment.outcome, "undone");
    assert.match(treatment.notes.join(), /the port is another one by now/);
    assert.deepEqual(textOf(await stage.read()), before);
  });

  it("without a way to probe, rows and readings prove it, and it is said", async () => {
    const { plan, patient } = await stage.planned("pin");
    const treatment = await act(plan, patient, stage.hands({ probe: unable }));
    assert.equal(treatment.outcome, "cured");
    assert.deepEqual(treatment.losses[0], { from: "c3", to: "c2", before: null, after: null, why: "no right to" });
  });

  it("pings that are still lost undo it, though the rows are right", async () => {
    const { plan, patient } = await stage.planned("pin");
    const treatment = await act(plan, patient, stage.hands({ probe: losing }));
    assert.equal(treatment.outcome, "undone");
    assert.match(treatment.notes.join(), /30 % of the pings from c\d to c\d are lost/);
  });

  it("what can not be undone is said to be left", async () => {
    const { plan, patient } = await stage.planned("pin");
    const hands = stage.hands({ probe: async (targets) => targets.map(() => 1) });
    let writes = 0;
    const run: Hands["run"] = async (...args) => (++writes > plan.actions.length ? "no" : hands.run(...args));
    const treatment = await act(plan, patient, { ...hands, run });
    assert.deepEqual([treatment.outcome, ...resultsOf(treatment)], ["failed", "not undone", "not undone"]);
    assert.ok((await takeBack(noted(), { restoreFault: true, engine }, stage.hands())).done);
  });

  for (const strategy of sized<readonly Strategy[]>(strategies, ["pin", "clean"])) {
    it(`${strategy}: killed before or after any write, both the undo and the next run find a sane state`, async function () {
      this.timeout(sized(600_000, 60_000));
      const before = textOf(await stage.read());
      const { plan } = await stage.planned(strategy);
      const last = plan.actions.length * 2 - 1;
      for (const kill of sized([...Array(last + 1).keys()], [1])) {
        await killedAt(strategy, kill);
        const restored = await takeBack(noted(), { restoreFault: true, engine }, stage.hands());
        assert.ok(restored.done, `killed at ${kill}`);
        assert.deepEqual(textOf(await stage.read()), before, `killed at ${kill}`);
        await killedAt(strategy, kill);
        await stage.poison();
        const next = await stage.planned("pin");
        if (next.plan.actions.length > 0)
          assert.equal((await act(next.plan, next.patient, stage.hands())).outcome, "cured", `killed at ${kill}`);
        assert.deepEqual(await stage.loss(), [0], `killed at ${kill}`);
        assert.ok((await takeBack(noted(), { restoreFault: false, engine }, stage.hands())).done);
        await released();
      }
    });
  }

  /** A run that does not come back from its nth moment: even ones are before a write, odd ones after it. */
  async function killedAt(strategy: Strategy, moment: number): Promise<void> {
    const { plan, patient } = await stage.planned(strategy);
    const hands = stage.hands();
    let [moments, die] = [0, (): void => undefined];
    const death = new Promise<void>((resolve) => void (die = resolve));
    const never = new Promise<string>(() => undefined);
    const run: Hands["run"] = async (...args) => {
      if (moments++ === moment) return (die(), never);
      const said = await hands.run(...args);
      if (moments++ === moment) return (die(), never);
      return said;
    };
    await Promise.race([death, act(plan, patient, { ...hands, run })]);
  }

  async function released(): Promise<void> {
    for (const n of [2, 3])
      for (const dev of ["vxlan0", `veth${n}`])
        await stage.hands().run(netns, ["bridge", "fdb", "del", `02:42:0a:00:00:0${n}`, "dev", dev, "master"]);
    await stage.poison();
  }

  it("a namespace that was made anew between read and write gets nothing", async () => {
    const { plan, patient } = await stage.planned("pin");
    const hands = stage.hands();
    stage.folder.remove(netns);
    for (const name of ["c2", "c3"]) stage.folder.remove(name);
    stage.make();
    await stage.poison();
    const before = textOf(await stage.read());
    const treatment = await act(plan, { ...patient, probes: [] }, hands);
    assert.equal(treatment.outcome, "undone");
    assert.match(treatment.notes.join(), /gone, or was made anew since it was read/);
    assert.deepEqual(textOf(await stage.read()), before);
  });
});
