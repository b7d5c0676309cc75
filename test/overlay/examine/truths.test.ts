import assert from "node:assert/strict";
import type { NetworkTask } from "../../../host/docker/tasks.ts";
import { StoreError } from "../../../host/kv/store.ts";
import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import type { NamespaceInput } from "../../../overlay/diagnose/input.ts";
import type { OverlayDriver } from "../../../overlay/engine.ts";
import { withoutAnswering } from "../../../overlay/examine/answering.ts";
import { lane } from "../../../overlay/examine/lane.ts";
import type { Look, Seen } from "../../../overlay/examine/look.ts";
import { truthMemory, type TruthOptions, withTruth } from "../../../overlay/examine/truths.ts";
import type { OverlayNamespace } from "../../../overlay/discover.ts";
import { emptyInventory } from "../../../host/docker/inventory.ts";
import { fixtureHost } from "../../../host/fixture.ts";
import { liveClock } from "../../../host/clock.ts";
import { readCase } from "../diagnose/case.ts";

const input = readCase("test/overlay/diagnose/cases/swarm-28.5-missing-self-row");
const [first = assert.fail("no namespace")] = input.namespaces;
const local = (first.endpoints ?? []).filter(({ owner }) => owner.kind === "container");
const [own = assert.fail("no VTEP")] = input.ownVteps;
const lost = "10.0.0.5";
const facts = { engine: input.engine, ownVteps: input.ownVteps };
const namespace: OverlayNamespace = { file: first.file, key: first.key, kind: "overlay", path: "/none", inode: 1 };

const task = (ip: string, hostIp: string, endpoint = `e-${ip}`): NetworkTask => ({ name: ip, ip, hostIp, endpoint });
const here = local.map(({ ip }) => task(ip, own));
const all = [...here, task(lost, "172.31.240.2")];

interface Stage {
  readonly tells: () => readonly NetworkTask[];
  readonly options?: Partial<TruthOptions>;
  readonly driver?: OverlayDriver;
}

const real = fixtureHost("test/collectors/overlay/cases/outage-then-mended/1", liveClock);

function lookOf(tells: Stage["tells"], losses: readonly (number | Error)[] = []): Look & { readonly pinged: string[] } {
  const pinged: string[] = [];
  const [some = assert.fail("no container")] = real.docker.inventory().containers;
  const containers = local.map(({ owner }) => ({ ...some, id: owner.id ?? "", name: owner.name, pid: 4 }));
  return {
    pinged,
    host: {
      proc: real.proc,
      docker: { inventory: () => ({ ...emptyInventory, state: "live", containers }) },
      overlays: {
        ...real.overlays,
        tasks: async () => Promise.resolve(tells()),
        reach: async (targets) => {
          pinged.push(...targets.map(({ pid, ip }) => `${pid} ${ip}`));
          return Promise.resolve(losses);
        },
      },
    },
    namespaces: [],
    twoAtOnce: lane(2),
    signal: new AbortController().signal,
  };
}

const seen: Seen = { namespace, input: first, strangers: 0 };

async function known({ tells, options, driver = "swarm" }: Stage) {
  const truth = { memory: truthMemory(), wait: false, ...options };
  const around = { facts, engine: undefined, driver, look: lookOf(tells), options: truth };
  return (await withTruth(seen, around)).input;
}

/** So many addresses that two containers are said to have, told twice, 10 s apart. */
async function duplicatesOf(tells: readonly NetworkTask[], before: readonly NetworkTask[]): Promise<number> {
  const one = await known({ tells: () => tells, options: { memory: told(before, 10_100) } });
  const { namespaces } = diagnose({ ...input, namespaces: [{ ...first, ...one }] });
  return namespaces.flatMap(({ findings }) => findings).filter((found) => found.class === "duplicate-ip").length;
}

const told = (places: readonly NetworkTask[], ...ages: readonly number[]) => {
  const memory = truthMemory();
  const mapped = places.map(({ ip, hostIp, name, endpoint }) => {
    const mac = ["02", "42", ...ip.split(".").map((part) => Number(part).toString(16).padStart(2, "0"))].join(":");
    return { ip, mac, vtep: hostIp, name, endpoint };
  });
  const telling = { places: mapped, doubts: 0, complete: false };
  for (const age of ages) memory.keep(first.network?.id ?? "", { telling, at: performance.now() - age });
  return memory;
};

const activeIn = (one: NamespaceInput): readonly string[] =>
  diagnose({ ...facts, namespaces: [one] }).namespaces.flatMap(({ findings }) =>
    findings.filter(({ state }) => state === "active").map((found) => found.class),
  );

describe("overlay/examine: where other hosts' containers are", () => {
  it("is believed at once where every row is as it is told, without a second question", async () => {
    let count = 0;
    const { truth } = await known({ tells: () => (count++, here) });
    assert.deepEqual([truth?.here.size, truth?.disputed.size, count], [local.length, 0, 1]);
  });

  it("is not believed of an odd row until it is told again 10 s later; what it waits for is no blindness", async () => {
    const { truth } = await known({ tells: () => all });
    const [doubt] = truth?.disputed.values() ?? [];
    assert.deepEqual([truth?.elsewhere.size, doubt?.blind], [0, false]);
    const young = await known({ tells: () => all, options: { memory: told(all, 9000) } });
    assert.equal(young.truth?.elsewhere.size, 0);
    const old = await known({ tells: () => all, options: { memory: told(all, 10_100) } });
    assert.equal(old.truth?.elsewhere.size, 1);
    const stale = await known({ tells: () => all, options: { memory: told(all, 121_000) } });
    assert.equal(stale.truth?.elsewhere.size, 0);
  });

  it("is believed at every look of who looks every 10 s, and comes a little early", async () => {
    for (const ages of [
      [19_990, 9990],
      [40_000, 30_010, 20_005, 9980],
      Array.from({ length: 30 }, (_, i) => 30_000 - i * 1000),
    ]) {
      const { truth } = await known({ tells: () => all, options: { memory: told(all, ...ages) } });
      assert.equal(truth?.elsewhere.size, 1, ages.join(" "));
    }
    // What is old enough is not what was told before that.
    const moved = truthMemory();
    const telling = { places: [], doubts: 0, complete: false };
    const now = performance.now();
    for (const ms of [0, 10_500, 11_000]) moved.keep("n", { telling, at: now + ms });
    assert.equal(moved.before("n", { telling, at: now + 20_400 })?.at, now);
    assert.equal(moved.before("n", { telling, at: now + 20_600 })?.at, now + 10_500);
    assert.equal(moved.before("n", { telling, at: now + 131_001 }), undefined);
  });

  it("is not believed where it was told otherwise before, and that matters to who waits", async () => {
    const moved = [...here, task(lost, "172.31.240.3")];
    const { truth } = await known({ tells: () => all, options: { memory: told(moved, 10_100) } });
    assert.deepEqual([truth?.elsewhere.size, [...(truth?.disputed.values() ?? [])][0]?.blind], [0, true]);
    const again = [...here, task(lost, "172.31.240.2", "started-again")];
    for (const wait of [false, true]) {
      const one = await known({ tells: () => all, options: { memory: told(again, 10_100), wait } });
      assert.deepEqual(
        [...(one.truth?.disputed.values() ?? [])].map(({ blind }) => blind),
        [wait],
      );
    }
  });

  it("is waited for, and said so, where it matters; a namespace that can not be read again leaves a doubt", async () => {
    const lines: string[] = [];
    const say = (line: string): void => void lines.push(line);
    const options = { memory: told(all, 9900), wait: true, say };
    const { truth } = await known({ tells: () => all, options });
    assert.match(lines.join(), /rows are not as the swarm tells; it is asked again in 1 s/);
    assert.match([...(truth?.disputed.values() ?? [])][0]?.why ?? "", /could not be read a second time/);
  });

  it("an address that is told elsewhere too is on its way, unless it is told so again 10 s later", async () => {
    const [mine = assert.fail("no container")] = local;
    const doubled = [...here, task(mine.ip, "172.31.240.2", "double")];
    const strange = [...here, task("10.0.0.77", "172.31.240.2", "one"), task("10.0.0.77", "172.31.240.3", "other")];
    const both = doubled.slice(1);
    assert.deepEqual([await duplicatesOf(both, here), await duplicatesOf(both, both)], [0, 1]);
    assert.deepEqual([await duplicatesOf(strange, here), await duplicatesOf(strange, strange)], [0, 1]);
  });

  const unbelieved: readonly (readonly [string, Stage, RegExp])[] = [
    ["who tells of no container here", { tells: () => [task(lost, "172.31.240.2")] }, /none of the \d containers here/],
    [
      "who has all containers elsewhere",
      { tells: () => here.map((one) => ({ ...one, hostIp: "172.31.240.3" })) },
      /none of the/,
    ],
    [
      "who does not answer",
      {
        tells: () => {
          throw new StoreError("nobody");
        },
      },
      /the swarm does not tell where other hosts' containers are: nobody/,
    ],
    [
      "an engine that is silent about its store",
      { tells: () => all, driver: "classic" },
      /the cluster store does not tell/,
    ],
  ];
  for (const [what, stage, why] of unbelieved)
    it(`${what} is not believed`, async () => {
      const { truth, untold } = await known(stage);
      assert.equal(truth, undefined);
      assert.match(untold ?? "", why);
    });

  const answers: readonly (readonly [
    what: string,
    answer: number | Error,
    active: readonly string[],
    why: RegExp | undefined,
  ])[] = [
    ["who answers one ping of five is not cut off, whatever is told", 0.8, [], /10\.0\.0\.5 answers /],
    ["who answers none is", 1, ["missing-fdb"], undefined],
    ["who could not be asked is taken as it is told", new Error("no right"), ["missing-fdb"], undefined],
  ];
  for (const [what, answer, active, why] of answers)
    it(what, async () => {
      const twice = await known({ tells: () => all, options: { memory: told(all, 10_100) } });
      const cutOff = { ...seen, input: { ...first, ...twice, later: first.tables } };
      const look = lookOf(() => all, [answer]);
      const [{ input: after } = assert.fail("nothing seen")] = await withoutAnswering([cutOff], facts, look);
      assert.deepEqual(look.pinged, [`4 ${lost}`]);
      assert.deepEqual(activeIn(after), active);
      assert.equal(after.truth?.elsewhere.size, active.length);
      const [doubt] = [...(after.truth?.disputed.values() ?? [])];
      if (why === undefined) assert.equal(doubt, undefined);
      else assert.match(doubt?.why ?? "", why);
    });

  it("who looks into a loop is not pinged", async () => {
    const loop = { mac: "02:42:0a:00:00:05", ifname: "vxlan0", dst: own, flags: ["self"], state: "permanent" };
    const tables = { ...first.tables, fdb: [...first.tables.fdb, loop] };
    const { truth } = await known({ tells: () => all, options: { memory: told(all, 10_100) } });
    assert.ok(truth !== undefined);
    const look = lookOf(() => all, [1]);
    await withoutAnswering([{ ...seen, input: { ...first, tables, truth } }], facts, look);
    assert.deepEqual(look.pinged, []);
  });
});
