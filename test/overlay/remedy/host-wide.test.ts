import assert from "node:assert/strict";
import type { NeighbourLimits } from "../../../host/neighbour-limits.ts";
import type { Diagnosis, FindingClass } from "../../../overlay/diagnose/finding.ts";
import type { DiagnoseInput } from "../../../overlay/diagnose/input.ts";
import type { Link } from "../../../overlay/links.ts";
import { type HostFacts, hostCommand, type HostChange, planHostWide } from "../../../overlay/remedy/host-wide.ts";
import { actHostWide, type HostHands } from "../../../overlay/remedy/host-wide-act.ts";
import { decodeHostWideNote, encodeHostWideNote, undoHostWide } from "../../../overlay/remedy/host-wide-note.ts";

const stock: NeighbourLimits = { gc_thresh1: 128, gc_thresh2: 512, gc_thresh3: 1024 };
const engines: NeighbourLimits = { gc_thresh1: 8192, gc_thresh2: 49_152, gc_thresh3: 65_536 };
const left: Link = { ifindex: 9, name: "vx-000100-3acaf", kind: "vxlan", up: false };
const facts: HostFacts = { now: 100_000, limits: stock, memory: 2 ** 32, dockerAsOf: 100_000, engineStartedAt: 0 };

const seen = (of: FindingClass, links: readonly Link[] = [left]) => {
  const input: DiagnoseInput = {
    engine: { version: "20.10.24", driver: "classic" },
    ownVteps: [],
    namespaces: [],
    hostLinks: links,
  };
  const findings = links.map(({ name }) => {
    const nobody = { ip: null, mac: null, container: null, automatic: false } as const;
    return { ...nobody, class: of, state: "latent", device: name, evidence: "", remedy: "" } as const;
  });
  const diagnosis: Diagnosis = { namespaces: [], findings, unjudged: [], verdict: "healthy" };
  return { input, diagnosis };
};

const full = seen("neighbour-table-full");
const orphan = seen("orphan-vxlan-link");
const rules = (plan: ReturnType<typeof planHostWide>): readonly string[] => plan.refused.map(({ rule }) => rule);

const machine = (deny: Partial<HostHands> = {}) => {
  const now = { limits: { ...stock }, links: [left], waited: 0 };
  const hands: HostHands = {
    limits: () => now.limits,
    setLimit: (name, value) => void (now.limits[name] = value),
    links: async () => now.links,
    deleteLink: async (name) => {
      now.links = now.links.filter((link) => link.name !== name);
      return "";
    },
    pause: async (ms) => void (now.waited += ms),
    ...deny,
  };
  return { now, hands };
};

describe("overlay/remedy/host-wide", () => {
  it("raises the limits to the engine's own, the last first, and never lowers one", () => {
    const commands = (limits: NeighbourLimits) =>
      planHostWide("neighbour-table-full", full, { ...facts, limits }).changes.map((one) => hostCommand(one).join(" "));
    assert.deepEqual(commands(stock), [
      "sysctl -w net.ipv4.neigh.default.gc_thresh3=65536",
      "sysctl -w net.ipv4.neigh.default.gc_thresh2=49152",
      "sysctl -w net.ipv4.neigh.default.gc_thresh1=8192",
    ]);
    assert.deepEqual(commands({ ...engines, gc_thresh2: 512 }), ["sysctl -w net.ipv4.neigh.default.gc_thresh2=49152"]);
    const higher = planHostWide("neighbour-table-full", full, {
      ...facts,
      limits: { ...engines, gc_thresh3: 100_000 },
    });
    assert.deepEqual([higher.changes, rules(higher)], [[], ["raise-only"]]);
  });

  it("refuses without memory or limits to read, and does nothing where there is no such finding", () => {
    const of = (more: Partial<HostFacts>) => planHostWide("neighbour-table-full", full, { ...facts, ...more });
    assert.deepEqual(rules(of({ memory: 2 ** 20 })), ["memory"]);
    assert.deepEqual(rules(of({ memory: undefined })), ["memory"]);
    assert.deepEqual(rules(of({ limits: undefined })), ["access"]);
    assert.deepEqual(planHostWide("neighbour-table-full", orphan, facts), { changes: [], refused: [] });
    assert.deepEqual(planHostWide("orphan-vxlan-link", full, facts), { changes: [], refused: [] });
  });

  it("deletes a device that was left, and none that is up, a bridge's port, or made while the engine starts", () => {
    const plan = planHostWide("orphan-vxlan-link", orphan, facts);
    assert.deepEqual(plan, { changes: [{ kind: "delete-link", name: left.name, ifindex: 9 }], refused: [] });
    const used = [
      { ...left, up: true },
      { ...left, name: "vx-000101-3acaf", master: { name: "br0" } },
    ];
    const none = planHostWide("orphan-vxlan-link", seen("orphan-vxlan-link", used), facts);
    assert.deepEqual([none.changes, rules(none)], [[], ["in-use", "in-use"]]);
    const of = (more: Partial<HostFacts>) => rules(planHostWide("orphan-vxlan-link", orphan, { ...facts, ...more }));
    assert.deepEqual(of({ engineStartedAt: 50_000 }), ["settled-engine"]);
    assert.deepEqual(of({ engineStartedAt: undefined }), ["settled-engine"]);
    assert.deepEqual(of({ dockerAsOf: undefined }), ["settled-engine"]);
  });

  const raises = planHostWide("neighbour-table-full", full, facts).changes;
  const deletes = planHostWide("orphan-vxlan-link", orphan, facts).changes;

  it("looks at every limit after it was written, and puts all back where one did not go up", async () => {
    const fine = machine();
    assert.equal((await actHostWide(raises, fine.hands)).outcome, "cured");
    assert.deepEqual(fine.now.limits, engines);
    const deaf = machine();
    const setLimit: HostHands["setLimit"] = (name, value) => {
      if (value !== 49_152) deaf.now.limits[name] = value;
    };
    const { outcome, results, notes } = await actHostWide(raises, { ...deaf.hands, setLimit });
    assert.deepEqual([outcome, results[0]], ["undone", "undone"]);
    assert.match(notes.join(), /gc_thresh2 is 512 after 49152 was written/);
    assert.deepEqual(deaf.now.limits, stock);
    const stuck = machine({ setLimit: () => assert.fail("read-only file system") });
    const failed = await actHostWide(raises, stuck.hands);
    assert.match(failed.notes.join(), /read-only file system/);
  });

  it("waits before it deletes a device, and lets one alone that went, was made anew, or came into use", async () => {
    const fine = machine();
    assert.equal((await actHostWide(deletes, fine.hands)).outcome, "cured");
    assert.deepEqual([fine.now.links, fine.now.waited], [[], 10_000]);
    for (const links of [[], [{ ...left, ifindex: 10 }], [{ ...left, up: true }]]) {
      const other = machine({ links: async () => links, deleteLink: async () => assert.fail("deleted") });
      const { outcome, results } = await actHostWide(deletes, other.hands);
      assert.deepEqual([outcome, results], ["refused", ["not done"]]);
    }
    const stays = machine({ deleteLink: async () => "Device or resource busy" });
    const { outcome, notes } = await actHostWide(deletes, stays.hands);
    assert.deepEqual([outcome, /is still there: Device or resource busy/.test(notes.join())], ["refused", true]);
  });

  const note = { version: 1, kind: "host-wide", createdAt: 1, host: "h", changes: [...raises, ...deletes] } as const;

  it("its undo file is read strictly, and other undo files are none", () => {
    assert.deepEqual(decodeHostWideNote(encodeHostWideNote(note)), note);
    assert.equal(decodeHostWideNote('{"version":1,"namespaces":[]}'), undefined);
    const bad = (changes: readonly unknown[], more = {}) =>
      assert.throws(() => decodeHostWideNote(JSON.stringify({ ...note, changes, ...more })), { name: "BadFile" });
    bad([{ kind: "raise", name: "../../../kernel/sysrq", from: 0, to: 1 }]);
    bad([{ kind: "raise", name: "gc_thresh3", from: -1, to: 1 }]);
    bad([{ kind: "delete-link", name: "eth0" }]);
    bad([{ kind: "run", name: "gc_thresh3", from: 1, to: 1 }]);
    bad([], { version: 2 });
    bad([], { more: 1 });
  });

  it("puts limits back, the limit last, unless the table would be full again or somebody wrote since", () => {
    const undo = (limits: NeighbourLimits | undefined, used: number | undefined, fault = false) => {
      const { lowered, kept } = undoHostWide({ ...note, changes: raises }, { limits, used }, fault);
      return [lowered.map(({ name }) => name.at(-1)).join(""), kept.length];
    };
    assert.deepEqual(undo(engines, 100), ["123", 0]);
    assert.deepEqual(undo(engines, 900), ["", 3]);
    assert.deepEqual(undo(engines, undefined), ["", 3]);
    assert.deepEqual(undo(engines, 900, true), ["123", 0]);
    assert.deepEqual(undo(stock, 100), ["", 0], "back already");
    assert.deepEqual(undo({ ...engines, gc_thresh3: 70_000 }, 100), ["12", 1]);
    assert.deepEqual(undo(undefined, 100), ["", 3]);
    const device: readonly HostChange[] = deletes;
    assert.equal(undoHostWide({ ...note, changes: device }, { limits: undefined, used: 1 }, true).kept.length, 1);
  });
});
