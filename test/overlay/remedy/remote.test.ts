import assert from "node:assert/strict";
import type { DiagnoseInput, NamespaceInput } from "../../../overlay/diagnose/input.ts";
import { undoFileOf } from "../../../overlay/remedy/note.ts";
import { planRemedy, type PlanInput } from "../../../overlay/remedy/plan.ts";
import { activeKey, probesOf } from "../../../overlay/remedy/probes.ts";
import { decodeUndoFile, encodeUndoFile } from "../../../overlay/remedy/undo-file.ts";
import { undoPlan } from "../../../overlay/remedy/undo-plan.ts";
import { truthWith } from "../truth/with.ts";
import { caseOf, commandsOf, now, wanted, withFirst } from "./wanted.ts";

const [gone, moved] = ["02:42:0a:00:00:05", "02:42:0a:00:00:04"] as const;
const missing = withFirst(caseOf("swarm-28.5-missing-self-row"), () => ({ truth: truthWith(gone) }));
const wrong = withFirst(caseOf("moved-to-the-other-host"), () => ({ truth: truthWith(moved) }));
const row = (mac: string): string => `bridge fdb replace ${mac} dev vxlan0 dst 172.31.240.9 self permanent`;

const plan = (input: DiagnoseInput, more: Partial<PlanInput> = {}) => planRemedy(wanted(input, more));
const first = ({ namespaces }: DiagnoseInput): NamespaceInput => namespaces[0] ?? assert.fail("no namespace");

/** What an undo would do once the plan is carried out. */
function undone(input: DiagnoseInput, restoreFault: boolean, engine: string) {
  const { actions } = plan(input);
  const file = decodeUndoFile(encodeUndoFile(undoFileOf(plan(input), input, "h", now)));
  const { tables, key, file: netns } = first(input);
  const macs = new Set(actions.map(({ mac }) => mac));
  const fdb = [
    ...tables.fdb.filter(({ mac, flags }) => !(macs.has(mac) && flags.includes("self"))),
    ...actions.map(({ mac }) => ({ mac, ifname: "vxlan0", dst: "172.31.240.9", flags: ["self"], state: "permanent" })),
  ];
  return undoPlan(file, new Map([[netns, { key, tables: { ...tables, fdb } }]]), { restoreFault, engine });
}

describe("overlay/remedy: rows of containers on other hosts", () => {
  it("a missing row, and one to the wrong host, are replaced by the very row that the engine writes", () => {
    for (const [input, mac, of] of [[missing, gone, "missing-fdb"] as const, [wrong, moved, "wrong-vtep"] as const]) {
      const { actions, heals, ambiguous, refused } = plan(input);
      const ours = actions.filter(({ remote }) => remote === true);
      assert.deepEqual(
        [ours.map(({ command }) => command.join(" ")), ours.map((one) => one.class)],
        [[row(mac)], [of]],
      );
      assert.ok(heals.some((one) => one.mac === mac));
      assert.deepEqual([ambiguous, refused], [[], []]);
    }
  });

  it("without truth nothing is written, and a person has to judge what harms", () => {
    const { actions, ambiguous } = plan(caseOf("swarm-28.5-missing-self-row"));
    assert.deepEqual([actions, ambiguous.map(({ rule }) => rule)], [[], ["truth"]]);
  });

  it("nothing is written where the address is a local container's, or two have it", () => {
    const local = first(missing).endpoints?.[0] ?? assert.fail("no endpoint");
    const told = truthWith(gone);
    const [[mac, place] = assert.fail("nothing told")] = told.elsewhere;
    const taken = withFirst(missing, () => ({
      truth: { ...told, elsewhere: new Map([[mac, { ...place, ip: local.ip }]]) },
    }));
    const twice = withFirst(missing, () => ({ truth: { ...told, twice: new Map([[place.ip, [place, place]]]) } }));
    for (const input of [taken, twice]) {
      assert.deepEqual(commandsOf(plan(input)), []);
      assert.ok(plan(input).ambiguous.length > 0);
    }
  });

  it("by itself only on engines that the tests ran, and on no encrypted network; a person may", () => {
    const untested = { ...missing, engine: { ...missing.engine, version: "19.03.1" } };
    const encrypted = withFirst(missing, () => ({ encrypted: true }));
    for (const input of [untested, encrypted]) {
      assert.deepEqual(commandsOf(plan(input)), []);
      assert.deepEqual(commandsOf(plan(input, { who: "operator" })), [row(gone)]);
    }
  });

  it("an undo leaves the cure, unless the fault is asked for", () => {
    assert.deepEqual(undone(missing, false, "28.5.2").actions, []);
    assert.deepEqual(
      undone(wrong, false, "20.10.24").actions.map(({ command }) => command.join(" ")),
      [],
    );
    assert.deepEqual(
      undone(missing, true, "28.5.2").actions.map(({ command }) => command.join(" ")),
      [`bridge fdb del ${gone} dev vxlan0 dst 172.31.240.9 self`],
    );
    const back = undone(wrong, true, "20.10.24").actions.map(({ command }) => command.join(" "));
    assert.ok(
      back.some((line) => line.startsWith(`bridge fdb replace ${moved} dev vxlan0 dst 172.31.240.1 self`)),
      back.join("\n"),
    );
  });

  it("on engine 29 no self row is deleted, by an undo neither", () => {
    const { actions, kept } = undone(missing, true, "29.1.0");
    assert.deepEqual(actions, []);
    assert.match(kept[0]?.sentence ?? "", /on engine 29\.1\.0 none is deleted/);
  });

  it("is proved by a ping from here, before only where it does not loop", () => {
    for (const [input, mac, before] of [[missing, gone, true] as const, [wrong, moved, false] as const]) {
      const { actions } = plan(input);
      const active = new Set([activeKey(first(input).file, mac)]);
      const probes = probesOf(actions, { input, active, namespaceOf: () => "/proc/1/ns/net" });
      const ours = probes.filter(({ to }) => to.startsWith("r-"));
      assert.deepEqual(
        ours.map(({ alsoBefore }) => alsoBefore),
        [before],
      );
    }
  });
});
