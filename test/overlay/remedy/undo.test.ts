import assert from "node:assert/strict";
import * as fc from "fast-check";
import { runIn } from "../../../host/iproute2/run.ts";
import type { DiagnoseInput } from "../../../overlay/diagnose/input.ts";
import type { Endpoint } from "../../../overlay/endpoints.ts";
import { readTables, type Tables } from "../../../overlay/tables.ts";
import { fdbLine, neighbourLine } from "../../../overlay/words.ts";
import { isDone } from "../../../overlay/remedy/change.ts";
import { undoFileOf } from "../../../overlay/remedy/note.ts";
import { planRemedy, type Plan, strategies, type Strategy } from "../../../overlay/remedy/plan.ts";
import { decodeUndoFile, encodeUndoFile, type UndoFile } from "../../../overlay/remedy/undo-file.ts";
import { undoPlan } from "../../../overlay/remedy/undo-plan.ts";
import { namespaceInode, namespaceKey } from "../../../host/netns/list.ts";
import { namespaceFolder } from "../../host/netns/stage.ts";
import { isRoot, needs } from "../../needs.ts";
import { caseOf, now, wanted } from "./wanted.ts";

const broken = caseOf("broken-outage");
const noteOf = (strategy: Strategy): UndoFile => undoFileOf(planRemedy(wanted(broken, { strategy })), broken, "h", now);
const netns = "1-3acafc45f1";

const planned = (file: UndoFile, state: Tables, restoreFault = false, engine = "20.10.24", key = "1@1") =>
  undoPlan(file, new Map([[netns, { key, tables: state }]]), { restoreFault, engine });

const lines = ({ actions }: ReturnType<typeof undoPlan>): readonly string[] =>
  actions.map(({ command }) => command.join(" "));

const mac = (n: number): string => `02:42:0a:00:00:0${n}`;

const textOf = ({ fdb, neighbours, links }: Tables): readonly string[] =>
  [
    ...fdb.filter((row) => row.mac.startsWith("02:42:")).map(fdbLine),
    ...neighbours.map(neighbourLine),
    ...links.map(({ name, portLearning }) => `${name} learning ${portLearning}`),
  ].toSorted();

describe("overlay/remedy: the undo file", () => {
  for (const strategy of strategies) {
    it(`reads what it wrote: ${strategy}`, () => {
      const file = noteOf(strategy);
      assert.ok(file.namespaces[0]!.entries.length > 0);
      assert.deepEqual(decodeUndoFile(encodeUndoFile(file)), file);
    });
  }

  const whole = encodeUndoFile(noteOf("pin"));
  const pin = '"kind": "pin",\n            "mac": "02:42:0a:00:00:02"';
  const refused: readonly [what: string, was: string, is: string, reason: RegExp][] = [
    ["another version", '"version": 1', '"version": 2', /version 2/],
    ["a key more", '"version": 1', '"version": 1, "exec": "x"', /"exec"/],
    ["a key less", '"host": "h",', "", /lacks host/],
    ["a path for a name", `"file": "${netns}"`, '"file": "../../proc/1/ns/net"', /no name of a namespace/],
    ["another change", '"kind": "pin"', '"kind": "flush"', /no change of a cleanup/],
    ["a pin to put back", '"kind": "put-bridge-row"', '"kind": "pin", "ifindex": 7', /no change of a cleanup/],
    ["a group address", pin, pin.replace("02:42", "01:00"), /not a mac/],
    ["zero for a MAC", pin, pin.replace("02:42:0a:00:00:02", "00:00:00:00:00:00"), /not a mac/],
    ["an option for a device", '"dev": "veth0"', '"dev": "-all"', /not a dev/],
    ["a NUL", '"dev": "vxlan0"', '"dev": "vxlan0\\u0000"', /not a dev/],
    ["half of it", whole.slice(200), "", /not JSON/],
  ];
  for (const [what, was, is, reason] of refused) {
    it(`refuses ${what}, naming the place`, () => {
      assert.ok(whole.includes(was), was);
      const text = whole.replace(was, is);
      assert.throws(() => decodeUndoFile(text), { name: "BadFile", message: reason });
    });
  }

  it("never throws anything but BadFile, whatever it is given", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.throws(() => decodeUndoFile(text), { name: "BadFile" });
      }),
    );
  });
});

describe("overlay/remedy: the undo", () => {
  const tables = broken.namespaces[0]!.tables;
  const pinned = caseOf("pinned-poison-kept").namespaces[0]!.tables;
  it("takes a pin away only after the rows that would loop", () => {
    assert.deepEqual(lines(planned(noteOf("pin"), pinned)).slice(0, 3), [
      "ip neigh del 10.0.0.3 dev vxlan0",
      "bridge fdb del 02:42:0a:00:00:03 dev vxlan0 dst 172.31.240.1 self",
      "bridge fdb del 02:42:0a:00:00:03 dev veth1 master",
    ]);
  });

  it("keeps a pin whose self rows must not go (engine 29), or lead to another host, and says so", () => {
    const modern = planned(noteOf("pin"), pinned, false, "29.1.0");
    assert.deepEqual([modern.actions, modern.kept.length], [[], 2]);
    assert.match(modern.kept[0]!.sentence, /pin of 02:42:0a:00:00:03 stays/);
    const fdb = pinned.fdb.map((row) => (row.dst === "172.31.240.1" ? { ...row, dst: "172.31.240.2" } : row));
    assert.deepEqual(planned(noteOf("pin"), { ...pinned, fdb }).actions, []);
  });

  it("a pin that went with its veth is not looked for on a new veth of the same name", () => {
    const links = pinned.links.map((link) =>
      link.name.startsWith("veth") ? { ...link, ifindex: link.ifindex + 100 } : link,
    );
    assert.deepEqual(lines(planned(noteOf("pin"), { ...pinned, links })), []);
    assert.deepEqual(lines(planned(noteOf("pin"), { ...pinned, links }, true)), []);
  });

  it("does nothing in a namespace that was made anew", () => {
    const plan = planned(noteOf("pin"), pinned, true, "20.10.24", "1@2");
    assert.deepEqual(plan.actions, []);
    assert.match(plan.kept[0]!.sentence, /made anew/);
  });

  it("does nothing where nothing was done yet", () => {
    for (const strategy of strategies) {
      assert.deepEqual(lines(planned(noteOf(strategy), tables)), []);
      assert.deepEqual(lines(planned(noteOf(strategy), tables, true)), [], strategy);
    }
  });

  it("never puts a row of the fault back unless told to", () => {
    const clean = { ...tables, neighbours: [], fdb: tables.fdb.filter(({ ifname }) => ifname !== "vxlan0") };
    assert.deepEqual(lines(planned(noteOf("clean"), clean)), []);
    assert.equal(lines(planned(noteOf("clean"), clean, true)).length, 6);
  });

  it("leaves a self row alone that somebody wrote since", () => {
    const fdb = tables.fdb.map((row) => (row.dst === "172.31.240.1" ? { ...row, dst: "172.31.240.7" } : row));
    const plan = planned(noteOf("clean"), { ...tables, fdb }, true);
    assert.ok(!lines(plan).some((line) => line.includes(" self ")));
    assert.match(
      plan.kept.map(({ sentence }) => sentence).join("\n"),
      /somebody wrote since: 02:42:.* dst 172\.31\.240\.7/,
    );
  });
});

describe("overlay/remedy, on the kernel's own tables", () => {
  const folder = namespaceFolder();
  const file = "1-0123456789";
  const { signal } = new AbortController();

  before("needs root", function () {
    needs(this, "root", isRoot());
    // As dockerd makes it, with two containers, and everything wrong about both.
    folder.make(file);
    const ip = (line: string): unknown => folder.run(file, ["ip", ...line.split(" ")]);
    ip("link add br0 type bridge");
    ip("link add vxlan0 type vxlan id 256 dstport 4789 proxy l2miss l3miss learning");
    for (const name of ["veth2", "veth3"]) ip(`link add ${name} type veth peer name in-${name}`);
    // A port of a bridge that is down takes no learned row (EPERM).
    ip("link set br0 up");
    for (const name of ["vxlan0", "veth2", "veth3"]) ip(`link set ${name} master br0 up`);
  });
  after(() => folder.clear());

  function poison(): void {
    folder.run(file, ["bridge", "link", "set", "dev", "vxlan0", "learning", "on"]);
    for (const n of [2, 3]) {
      folder.run(file, [
        "ip",
        "neigh",
        "replace",
        `10.0.0.${n}`,
        "lladdr",
        mac(n),
        "dev",
        "vxlan0",
        "nud",
        "permanent",
      ]);
      folder.run(file, [
        "bridge",
        "fdb",
        "replace",
        mac(n),
        "dev",
        "vxlan0",
        "dst",
        "172.31.240.1",
        "self",
        "permanent",
      ]);
      folder.run(file, ["bridge", "fdb", "replace", mac(n), "dev", "vxlan0", "master", "dynamic"]);
    }
  }

  const read = async (): Promise<Tables> =>
    readTables({ path: folder.path(file), inode: namespaceInode(folder.path(file))! }, signal);

  function hostOf(tables: Tables): DiagnoseInput {
    const endpoint = (n: number): Endpoint => ({
      owner: { kind: "container", name: `C${n}`, id: `${n}`.repeat(64) },
      ip: `10.0.0.${n}`,
      mac: mac(n),
      veth: tables.links.find(({ name }) => name === `veth${n}`)!,
    });
    const endpoints = [endpoint(2), endpoint(3)];
    const activity = new Map(endpoints.map((one) => [one.mac, { reads: 10, onVxlan: 10 }]));
    const network = { id: "0123456789".padEnd(64, "a"), name: "n" };
    const namespace = {
      file,
      key: namespaceKey(folder.path(file))!,
      kind: "overlay",
      network,
      tables,
      endpoints,
      activity,
    } as const;
    return { engine: { version: "20.10.24", driver: "classic" }, ownVteps: ["172.31.240.1"], namespaces: [namespace] };
  }

  async function act(plan: Pick<Plan, "actions">, count = Infinity): Promise<void> {
    for (const { command, change } of plan.actions.slice(0, count)) {
      await runIn(folder.path(file), command, { signal });
      assert.ok(isDone(change, await read()), command.join(" "));
    }
  }

  for (const strategy of strategies) {
    it(`${strategy}: every write is seen done; from every step the undo restores exactly what was`, async function () {
      this.timeout(30_000);
      poison();
      const before = await read();
      const host = hostOf(before);
      const plan = planRemedy(wanted(host, { strategy }));
      const note = decodeUndoFile(encodeUndoFile(undoFileOf(plan, host, "h", now)));
      assert.ok(plan.actions.length >= 2);
      for (let steps = 0; steps <= plan.actions.length; steps++) {
        await act(plan, steps);
        const state = new Map([[file, { key: host.namespaces[0]!.key, tables: await read() }]]);
        const { actions } = undoPlan(note, state, { restoreFault: true, engine: "20.10.24" });
        assert.equal(actions.length, steps);
        for (const { command } of actions) await runIn(folder.path(file), command, { signal });
        assert.deepEqual(textOf(await read()), textOf(before), `after ${steps} steps`);
      }
    });

    it(`${strategy}: undone without the fault, no row that loops has no pin above it`, async () => {
      poison();
      const host = hostOf(await read());
      const plan = planRemedy(wanted(host, { strategy }));
      const note = undoFileOf(plan, host, "h", now);
      await act(plan);
      const state = new Map([[file, { key: host.namespaces[0]!.key, tables: await read() }]]);
      for (const { command, change } of undoPlan(note, state, { restoreFault: false, engine: "20.10.24" }).actions) {
        await runIn(folder.path(file), command, { signal });
        assert.ok(isDone(change, await read()), command.join(" "));
      }
      const left = textOf(await read());
      assert.ok(!left.some((line) => line.includes("sticky")), left.join("\n"));
      assert.ok(!left.includes("vxlan0 learning false"));
      if (strategy !== "arp")
        assert.ok(!left.some((line) => / dev vxlan0 .* self|vxlan0 master/.test(line)), left.join("\n"));
    });
  }
});
