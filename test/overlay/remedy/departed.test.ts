import assert from "node:assert/strict";
import type { DiagnoseInput } from "../../../overlay/diagnose/input.ts";
import { returned } from "../../../overlay/remedy/departed.ts";
import { decodeLimits, encodeLimits } from "../../../overlay/remedy/limits-file.ts";
import { after, type Limits } from "../../../overlay/remedy/limits.ts";
import { NotDone, operate, type Results } from "../../../overlay/remedy/operate.ts";
import { planRemedy } from "../../../overlay/remedy/plan.ts";
import { caseOf, commandsOf, now, wanted, withFirst } from "./wanted.ts";

const broken = caseOf("broken-outage");
const [a, b] = ["02:42:0a:00:00:02", "02:42:0a:00:00:03"] as const;
const networkId = broken.namespaces[0]?.network?.id ?? "";
const pinned: Limits = { version: 1, heals: [], pins: [{ at: 1, networkId, mac: a }] };

/** The captured host once the container of that MAC has left, and its port with it. */
const without = (mac: string): DiagnoseInput =>
  withFirst(broken, ({ endpoints = [], tables }) => {
    const port = endpoints.find((endpoint) => endpoint.mac === mac)?.veth?.name;
    const others = endpoints.filter((endpoint) => endpoint.mac !== mac);
    return {
      endpoints: others,
      tables: {
        ...tables,
        links: tables.links.filter(({ name }) => name !== port),
        fdb: tables.fdb.filter(({ ifname }) => ifname !== port),
      },
    };
  });

const plan = (input: DiagnoseInput, limits = pinned, repin = true) => planRemedy(wanted(input, { limits, repin }));
const of = (mac: string, ip: string) => (commands: readonly string[]) =>
  commands.filter((command) => command.includes(mac) || command.includes(`${ip} `));
const ofA = of(a, "10.0.0.2");

const noHands = { probe: async () => [], keep: async () => "", pause: async () => undefined };

describe("overlay/remedy/departed", () => {
  it("takes away what a pinned container left, so that its address is asked for anew, and nobody is pinged for it", () => {
    const found = plan(without(a));
    assert.deepEqual(ofA(commandsOf(found)), [
      "ip neigh del 10.0.0.2 dev vxlan0",
      `bridge fdb del ${a} dev vxlan0 dst 172.31.240.1 self`,
      "ip neigh replace 10.0.0.2 dev br0 use",
    ]);
    const mine = found.actions.filter(({ mac }) => mac === a);
    assert.ok(mine.every(({ departed, container }) => departed === true && container === "(gone)"));
    assert.ok(!found.heals.some(({ mac }) => mac === a), "it is no heal");
  });

  it("leaves rows of a MAC that was not pinned, and all where nobody asked", () => {
    assert.deepEqual(ofA(commandsOf(plan(without(a), { ...pinned, pins: [] }))), []);
    assert.deepEqual(
      ofA(commandsOf(plan(without(a), { ...pinned, pins: [{ at: 1, networkId: "another", mac: a }] }))),
      [],
    );
    assert.deepEqual(ofA(commandsOf(plan(without(a), pinned, false))), []);
    assert.deepEqual(of(b, "10.0.0.3")(commandsOf(plan(without(b)))), []);
  });

  it("leaves them while somebody here may have the MAC", () => {
    assert.ok(
      ofA(commandsOf(plan(broken))).every((command) => !command.includes(" del ")),
      "its container is here",
    );
    const unlisted = withFirst(broken, ({ endpoints = [] }) => ({
      endpoints: endpoints.filter(({ mac }) => mac !== a),
    }));
    const behind = withFirst(unlisted, ({ tables }) => {
      const port = tables.links.find(({ kind, master }) => kind === "veth" && master !== undefined);
      assert.ok(port);
      const row = { mac: a, ifname: port.name, flags: [], master: port.master?.name ?? "", state: "" };
      return { tables: { ...tables, fdb: [...tables.fdb, row] } };
    });
    assert.deepEqual(ofA(commandsOf(plan(behind))), [], "one that Docker does not list yet");
    const left = without(a);
    const [first] = left.namespaces;
    assert.ok(first);
    const { endpoints: _endpoints, ...untold } = first;
    assert.deepEqual(plan({ ...left, namespaces: [untold] }).actions, [], "Docker did not tell");
  });

  it("leaves a row to another host: whether it is right is not known here", () => {
    const moved = withFirst(without(a), ({ tables }) => ({
      tables: {
        ...tables,
        fdb: tables.fdb.map((row) => (row.mac === a && row.dst !== undefined ? { ...row, dst: "172.31.240.2" } : row)),
      },
    }));
    assert.deepEqual(ofA(commandsOf(plan(moved))), []);
  });

  it("tries twice each time that a container leaves, for the engine may write the same again", () => {
    const leave = (limits: Limits): Limits => after(limits, { kind: "left", networkId, mac: a });
    const [once, twice] = [leave(pinned), leave(leave(pinned))];
    assert.equal(ofA(commandsOf(plan(without(a), once))).length, 3);
    assert.deepEqual(ofA(commandsOf(plan(without(a), twice))), []);
    assert.deepEqual(decodeLimits(encodeLimits(twice)), twice, "kept");
    assert.deepEqual(returned(without(a), twice), [], "not here yet");
    const [back] = returned(broken, twice);
    assert.equal(back?.mac, a);
    const again = after(twice, { kind: "returned", networkId, mac: a });
    assert.deepEqual(again, pinned);
    assert.deepEqual(returned(broken, again), []);
    assert.deepEqual(after(twice, { kind: "pinned", at: 2, networkId, mac: a }).pins, [{ at: 2, networkId, mac: a }]);
    assert.deepEqual(after(pinned, { kind: "left", networkId, mac: b }), pinned, "one that was never pinned");
  });

  it("takes away a neighbour that nothing leads to: the engine leaves it where the container had been elsewhere before", () => {
    const alone = withFirst(without(a), ({ tables }) => ({
      tables: { ...tables, fdb: tables.fdb.filter((row) => row.mac !== a || row.dst === undefined) },
    }));
    assert.deepEqual(ofA(commandsOf(plan(alone))), [
      "ip neigh del 10.0.0.2 dev vxlan0",
      "ip neigh replace 10.0.0.2 dev br0 use",
    ]);
  });

  it("asks anew where the bridge's own table has the address from before", () => {
    const asked = withFirst(without(a), ({ tables }) => ({
      tables: {
        ...tables,
        neighbours: [...tables.neighbours, { ip: "10.0.0.2", dev: "br0", mac: a, state: ["STALE"] }],
      },
    }));
    assert.deepEqual(ofA(commandsOf(plan(asked))).slice(-2), [
      `bridge fdb del ${a} dev vxlan0 dst 172.31.240.1 self`,
      "ip neigh replace 10.0.0.2 dev br0 use",
    ]);
    assert.ok(commandsOf(plan(asked)).includes("ip neigh del 10.0.0.2 dev br0"));
  });

  it("that can not be done is no reason to undo the cure of another", async () => {
    const { actions } = plan(without(a));
    const mine = actions.filter(({ mac }) => mac === a);
    assert.equal(mine.length, 3);
    const results: Results = new Map();
    const tables = without(a).namespaces[0]?.tables;
    assert.ok(tables);
    const hands = { look: async () => tables, run: async () => "no such command" };
    assert.equal(await operate(mine, results, { ...noHands, ...hands }), undefined);
    assert.ok([...results.values()].every((result) => result.startsWith("not done: ")));
    const [pin] = actions.filter(({ change }) => change.kind === "pin");
    assert.ok(pin);
    await assert.rejects(operate([pin], results, { ...noHands, ...hands }), NotDone);
  });

  it("deletes no self row where a missing one is the fault, nor while the breaker is open or all is paused", () => {
    const engine29 = { ...without(a), engine: { ...broken.engine, version: "29.0.0" } };
    assert.deepEqual(
      planRemedy(wanted(engine29, { limits: pinned, repin: true, who: "operator" })).actions.filter(
        ({ mac }) => mac === a,
      ),
      [],
    );
    for (const more of [
      { breaker: { at: now, reason: "x" } },
      { paused: { until: now + 1000, reason: "x" } },
      { killed: { at: now, reason: "x" } },
    ])
      assert.deepEqual(plan(without(a), { ...pinned, ...more }).actions, []);
  });
});
