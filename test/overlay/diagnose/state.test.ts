import assert from "node:assert/strict";
import { without } from "../../../overlay/truth/truth.ts";
import { truthWith } from "../truth/with.ts";
import { countReads } from "../../../overlay/diagnose/activity.ts";
import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import type { Finding } from "../../../overlay/diagnose/finding.ts";
import type { Activity, DiagnoseInput, NamespaceInput } from "../../../overlay/diagnose/input.ts";
import { readCase } from "./case.ts";

const of = (name: string): DiagnoseInput => readCase(`test/overlay/diagnose/cases/${name}`);
const a = "02:42:0a:00:00:02";

const changed = (input: DiagnoseInput, change: (first: NamespaceInput) => Partial<NamespaceInput>): DiagnoseInput => {
  return { ...input, namespaces: input.namespaces.map((one, at) => (at === 0 ? { ...one, ...change(one) } : one)) };
};

const findings = (input: DiagnoseInput): readonly Finding[] =>
  diagnose(input).namespaces.flatMap((one) => one.findings);

const stateOfA = (activity: Activity): string | undefined =>
  findings(changed(of("broken-outage"), () => ({ activity: new Map([[a, activity]]) }))).find(
    ({ mac, class: found }) => mac === a && found === "local-mac-on-vxlan-port",
  )?.state;

const stateIn = (input: DiagnoseInput) => findings(input).find(({ class: one }) => one === "missing-fdb")?.state;

const judged = (used: number, limit: number, more: Partial<DiagnoseInput> = {}) =>
  diagnose({ ...of("healthy-classic-20.10"), neighbours: { used, limit }, ...more }).findings.map(({ state }) => state);

describe("overlay/diagnose: active or latent", () => {
  it("most of ten reads, or more than half of the time, and not a bit less", () => {
    assert.equal(stateOfA({ reads: 10, onVxlan: 6 }), "active");
    assert.equal(stateOfA({ reads: 10, onVxlan: 5 }), "latent");
    assert.equal(stateOfA({ share: 0.501, reads: 0, onVxlan: 0 }), "active");
    assert.equal(stateOfA({ share: 0.5, reads: 0, onVxlan: 0 }), "latent");
  });

  it("the recorder's share decides over the reads", () => {
    assert.equal(stateOfA({ share: 0.009, reads: 10, onVxlan: 10 }), "latent");
  });

  it("fewer than five reads say nothing, and the verdict says so", () => {
    assert.equal(stateOfA({ reads: 4, onVxlan: 4 }), "latent");
    const few = changed(of("broken-outage"), () => ({ activity: new Map([[a, { reads: 4, onVxlan: 4 }]]) }));
    assert.equal(diagnose(few).verdict, "unknown");
  });

  it("a sender that the dump shows in its good moment is active all the same", () => {
    const flipped = changed(of("broken-outage"), ({ tables }) => ({
      tables: {
        ...tables,
        fdb: tables.fdb.map((row) => (row.mac === a && row.master !== undefined ? { ...row, ifname: "veth0" } : row)),
      },
    }));
    const found = findings(flipped).filter(({ mac, class: one }) => mac === a && one === "local-mac-on-vxlan-port");
    assert.deepEqual(
      found.map(({ state, evidence }) => [state, evidence]),
      [["active", `${a} dev vxlan0 master br0 (on it in 10 of 10 reads)`]],
    );
  });

  it("a pin on another port than its own does not count as one", () => {
    const astray = changed(of("pinned-poison-kept"), ({ tables }) => ({
      tables: {
        ...tables,
        fdb: tables.fdb.map((row) =>
          row.mac === a && row.flags.includes("sticky") ? { ...row, ifname: "veth2" } : row,
        ),
      },
    }));
    assert.ok(!findings(astray).some(({ mac, state }) => mac === a && state === "mitigated"));
  });

  it("counts a MAC once a read, by its plain row where a VLAN's twin is elsewhere", () => {
    const { tables } = of("broken-outage").namespaces[0]!;
    const row = { mac: a, flags: [], master: "br0", state: "" };
    const good = [
      { ...row, ifname: "vxlan0", vlan: 1 },
      { ...row, ifname: "veth0" },
    ];
    const bad = [
      { ...row, ifname: "vxlan0" },
      { ...row, ifname: "veth0", vlan: 1 },
    ];
    const own = [{ ...row, ifname: "vxlan0", master: "br0", flags: ["self"] }];
    assert.deepEqual([...countReads([a], tables.links, [good, bad, own, []])], [[a, { reads: 4, onVxlan: 1 }]]);
  });
});

describe("overlay/diagnose: rows of others", () => {
  const missing = of("swarm-28.5-missing-self-row");
  const first = missing.namespaces[0]!;
  it("a missing row seen once is what the engine writes next; twice it harms", () => {
    assert.equal(stateIn(missing), "active");
    assert.equal(
      stateIn({ ...missing, namespaces: missing.namespaces.map(({ later: _later, ...one }) => one) }),
      "latent",
    );
    const healed = { ...first.tables, neighbours: [] };
    assert.equal(stateIn(changed(missing, () => ({ later: healed }))), "latent");
  });

  it("on a classic engine the container may be gone: only truth makes it active", () => {
    const classic = { ...missing, engine: { version: "20.10.24", driver: "classic" } } as const;
    assert.equal(stateIn(classic), "latent");
    assert.equal(stateIn(changed(classic, () => ({ truth: truthWith("02:42:0a:00:00:05") }))), "active");
    assert.equal(stateIn(changed(missing, () => ({ truth: truthWith() }))), undefined, "an orphan");
  });

  it("a neighbour row with another MAC than its container's drops all frames to it, and is no orphan", () => {
    const [row] = first.tables.neighbours.filter(({ mac }) => mac === "02:42:0a:00:00:05");
    assert.ok(row !== undefined);
    const wrong = { ...first.tables, neighbours: [{ ...row, mac: "02:42:0a:00:00:63" }] };
    const seen = (more: object) =>
      findings(
        changed(missing, () => ({ tables: wrong, later: wrong, truth: truthWith("02:42:0a:00:00:05"), ...more })),
      )
        .filter(({ mac }) => mac === "02:42:0a:00:00:05" || mac === "02:42:0a:00:00:63")
        .map(({ class: is, state, mac, automatic }) => [is, state, mac, automatic]);
    assert.deepEqual(seen({}), [["wrong-neighbour", "active", "02:42:0a:00:00:05", false]]);
    assert.deepEqual(seen({ later: first.tables }), []);
    const truth = truthWith("02:42:0a:00:00:05");
    const why = { why: "it was told once", blind: false };
    assert.deepEqual(seen({ truth: without(truth, new Map([["02:42:0a:00:00:05", why]])) }), [
      ["missing-fdb", "latent", "02:42:0a:00:00:63", false],
    ]);
  });

  it("while traffic keeps a learned row alive nothing is lost yet", () => {
    const learned = { mac: "02:42:0a:00:00:05", ifname: "vxlan0", dst: "172.31.240.2", flags: ["self"], state: "" };
    const tables = { ...first.tables, fdb: [...first.tables.fdb, learned] };
    assert.equal(stateIn(changed(missing, () => ({ tables, later: tables }))), "latent");
    assert.equal(stateIn(changed(missing, () => ({ tables, later: first.tables }))), "latent");
    assert.equal(stateIn(changed(missing, () => ({ later: tables }))), "latent");
  });

  it("a loop for a container that runs elsewhere harms: the second half of moby#29024", () => {
    const moved = changed(of("moved-to-the-other-host"), () => ({ truth: truthWith("02:42:0a:00:00:04") }));
    const found = findings(moved).find(({ mac }) => mac === "02:42:0a:00:00:04");
    assert.deepEqual([found?.class, found?.state, found?.automatic], ["wrong-vtep", "active", true]);
  });

  it("a vxlan device in the host's namespace counts only if it was there before, and never by any other name", () => {
    const link = { ifindex: 9, name: "vx-000100-3acaf", kind: "vxlan", up: false } as const;
    const other = { ...link, ifindex: 10, name: "vxlan.calico" };
    const host = { ...of("healthy-classic-20.10"), hostLinks: [link, other] };
    assert.deepEqual(diagnose(host).findings, []);
    assert.deepEqual(
      diagnose({ ...host, hostLinksBefore: [link, other] }).findings.map(({ device, state }) => [device, state]),
      [["vx-000100-3acaf", "latent"]],
    );
  });

  it("tables of the host are judged only with a limit, latent before they are full", () => {
    assert.deepEqual(
      [judged(799, 1000), judged(800, 1000), judged(990, 1000), judged(5, 0)],
      [[], ["latent"], ["active"], []],
    );
  });

  it("a full table of neighbours in which everybody finds a place harms nobody", () => {
    assert.deepEqual(judged(1000, 1000, { neighboursRefused: 0 }), ["latent"]);
    assert.deepEqual(judged(1000, 1000, { neighboursRefused: 1 }), ["active"]);
    assert.deepEqual(judged(900, 1000, { neighboursRefused: 1 }), ["latent"]);
  });
});
