import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveClock } from "../../../host/clock.ts";
import { emptyInventory, type Inventory } from "../../../host/docker/inventory.ts";
import { fixtureHost } from "../../../host/fixture.ts";
import { type Host, NotAvailable, type OverlayView } from "../../../host/host.ts";
import { ProgramError } from "../../../host/iproute2/error.ts";
import type { Examination } from "../../../overlay/examine/examination.ts";
import { examine, type ExamineOptions } from "../../../overlay/examine/examine.ts";
import { endpointMemory } from "../../../overlay/examine/remembered.ts";
import { lane } from "../../../overlay/examine/lane.ts";

const [broken, mended] = ["1", "2"].map((cycle) => `test/collectors/overlay/cases/outage-then-mended/${cycle}`);
assert.ok(broken !== undefined && mended !== undefined);

interface Change {
  readonly inventory?: (told: Inventory) => Inventory;
  readonly run?: (real: OverlayView["run"]) => OverlayView["run"];
  readonly keyOf?: OverlayView["keyOf"];
  readonly options?: ExamineOptions;
  readonly namespaces?: OverlayView["namespaces"];
}

interface Looked extends Examination {
  readonly processes: readonly string[];
  /** Most at one moment. */
  readonly most: number;
}

/** A captured host, changed by what a test is about. */
async function look(folder: string, change: Change = {}, signal = new AbortController().signal): Promise<Looked> {
  const host = fixtureHost(folder, liveClock);
  const processes: string[] = [];
  let [running, most] = [0, 0];
  const real = change.run?.(host.overlays.run) ?? host.overlays.run;
  const run: OverlayView["run"] = async (netns, argv, options) => {
    processes.push(argv.join(" "));
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return real(netns, argv, options).finally(() => running--);
  };
  const told = change.inventory?.(host.docker.inventory()) ?? host.docker.inventory();
  const changed: Host = {
    ...host,
    docker: { inventory: () => told },
    overlays: {
      ...host.overlays,
      ...(change.keyOf && { keyOf: change.keyOf }),
      ...(change.namespaces && { namespaces: change.namespaces }),
      run,
    },
  };
  const engine = await host.overlays.engine(signal);
  return { ...(await examine(changed, engine, change.options ?? {}, signal)), processes, most };
}

const states = ({ namespaces }: Examination) =>
  Object.fromEntries(
    ["active", "latent", "mitigated"].map((state) => [
      state,
      namespaces.flatMap(({ findings }) => findings).filter((one) => one.state === state).length,
    ]),
  );

const whys = ({ unjudged, namespaces }: Examination) =>
  [...unjudged, ...namespaces.flatMap((one) => one.unjudged)].filter(({ blind }) => blind).map(({ why }) => why);

/** Without any neighbour row. */
const clean =
  (real: OverlayView["run"]): OverlayView["run"] =>
  async (netns, argv, options) => {
    const text = await real(netns, argv, options);
    return argv[0] === "ip" ? `${text.split("\n")[0] ?? ""}\n[]\n` : text;
  };

const fail: () => OverlayView["run"] = () => async (netns, argv) =>
  Promise.reject(new ProgramError(netns, argv, { code: 1, signal: null, stderr: "no\u001bmemory" }));

const listing = (code: string) => () => {
  throw new Error("cannot list", { cause: Object.assign(new Error(code), { code }) });
};

/** As a classic engine has it whose store does not answer. */
const unlisted = (told: Inventory): Inventory => ({ ...told, networks: [] });

describe("overlay/examine", () => {
  it("looks into a network that Docker does not list and containers are attached to, where it is asked to", async () => {
    const without = await look(broken, { inventory: unlisted });
    assert.ok(without.namespaces.every(({ input }) => input.network === undefined));
    const listed = await look(broken);
    const found = await look(broken, { inventory: unlisted, options: { unlisted: true } });
    assert.deepEqual(
      found.namespaces.map(({ input }) => [input.network?.id, input.endpoints?.length]),
      listed.namespaces.map(({ input }) => [input.network?.id, input.endpoints?.length]),
    );
    assert.deepEqual(states(found), states(listed));
    const [finding] = found.namespaces.flatMap(({ findings }) => findings);
    assert.deepEqual(
      [finding?.automatic, finding?.why],
      [false, "Docker does not list the network: does its cluster store answer?"],
    );
  });

  it("reads a broken pair's table ten times within about a second, two processes at a time", async () => {
    const began = performance.now();
    const found = await look(broken);
    const took = performance.now() - began;
    assert.deepEqual([found.verdict, states(found)], ["faulty", { active: 6, latent: 0, mitigated: 0 }]);
    assert.deepEqual(found.processes.filter((one) => one === "bridge -j fdb show").length, 10);
    assert.deepEqual([found.processes.length, found.most], [11, 2]);
    assert.ok(took > 900 && took < 2500, `${took} ms`);
    const [evidence] = found.namespaces
      .flatMap(({ findings }) => findings)
      .filter((one) => one.class === "local-mac-on-vxlan-port")
      .map((one) => one.evidence);
    assert.equal(evidence, "02:42:0a:00:00:03 dev vxlan0 master br0 (on it in 10 of 10 reads)");
  });

  it("ends as soon as no MAC can be on the wrong port in most of ten reads any more", async () => {
    const found = await look(mended);
    assert.deepEqual([found.verdict, states(found)], ["healthy", { active: 0, latent: 1, mitigated: 0 }]);
    assert.equal(found.processes.filter((one) => one === "bridge -j fdb show").length, 5);
  });

  it("at a glance: one reading where every MAC is in its place, ten where one is not", async () => {
    const [well, ill] = [
      await look(mended, { options: { glance: true } }),
      await look(broken, { options: { glance: true } }),
    ];
    assert.deepEqual([well.verdict, states(well)], ["healthy", { active: 0, latent: 1, mitigated: 0 }]);
    assert.equal(well.processes.length, 2);
    assert.deepEqual([ill.verdict, states(ill)], ["faulty", { active: 6, latent: 0, mitigated: 0 }]);
    assert.equal(ill.processes.length, 11);
  });

  it("remembers whose port is whose until Docker's list or a port changes", async () => {
    const memory = endpointMemory();
    const opened: number[] = [];
    const host = fixtureHost(mended, liveClock);
    const proc = { ...host.proc, open: (pid: number) => (opened.push(pid), host.proc.open(pid)) };
    const inventory = host.docker.inventory();
    const seen = async (docker: Host["docker"], overlays = host.overlays) => {
      opened.length = 0;
      const ending = new AbortController().signal;
      const { namespaces } = await examine({ proc, overlays, docker }, undefined, { glance: true, memory }, ending);
      return { endpoints: namespaces.map(({ input }) => input.endpoints), opened: opened.length };
    };
    const first = await seen({ inventory: () => inventory });
    const again = await seen({ inventory: () => inventory });
    assert.ok(first.opened > 0);
    assert.deepEqual(again, { ...first, opened: 0 });
    const changed = await seen({ inventory: () => ({ ...inventory, containers: [...inventory.containers] }) });
    assert.deepEqual(changed, first, "another list");
    await seen({ inventory: () => inventory });
    assert.equal((await seen({ inventory: () => inventory })).opened, 0);
    const run: OverlayView["run"] = async (...args) =>
      (await host.overlays.run(...args)).replaceAll('"ifindex":', '"ifindex":1');
    assert.ok((await seen({ inventory: () => inventory }, { ...host.overlays, run })).opened > 0, "other ports");
  });

  it("judges a host without any suspicious row by two processes, at once", async () => {
    const began = performance.now();
    const found = await look(mended, { run: clean });
    assert.deepEqual([found.verdict, states(found)], ["healthy", { active: 0, latent: 0, mitigated: 0 }]);
    assert.equal(found.processes.length, 2);
    assert.ok(performance.now() - began < 300);
  });

  it("gives engine, driver, own addresses and shared tables to the diagnosis", async () => {
    const { input, driver, engine } = await look(mended);
    assert.deepEqual([driver, engine?.name], ["classic", "dockerhost1"]);
    assert.match(input.engine.version ?? "", /^20\.10/);
    assert.equal(input.ownVteps[0], "172.31.240.1");
    assert.ok(!input.ownVteps.some((ip) => ip.startsWith("127.")));
    assert.deepEqual([input.neighbours, input.conntrack], [{ used: 47, limit: 1024 }, undefined]);
  });

  it("never calls rows stale where Docker does not answer, and says that it could not judge", async () => {
    for (const state of ["never", "stale"] as const) {
      const found = await look(broken, {
        inventory: (told) => ({ ...(state === "never" ? emptyInventory : told), state, error: "it hangs" }),
      });
      assert.deepEqual([found.verdict, states(found)["active"]], ["unknown", 0], state);
      assert.ok(
        whys(found).some((why) => why.includes("it hangs")),
        whys(found).join("; "),
      );
    }
  });

  it("does not judge by half a list: an empty one, one of two, or one that Docker could not finish", async () => {
    const none = await look(broken, { inventory: (told) => ({ ...told, containers: [] }) });
    assert.deepEqual([none.verdict, states(none)["active"]], ["unknown", 0]);
    const half = await look(mended, { inventory: (told) => ({ ...told, containers: told.containers.slice(1) }) });
    assert.equal(half.verdict, "unknown");
    assert.match(whys(half).join(), /no container that Docker lists/);
    const unread = await look(mended, { options: { unreadContainers: 2 } });
    assert.deepEqual([unread.verdict, whys(unread).length], ["unknown", 1]);
  }).timeout(15_000);

  it("still tells what is active where it could not see all", async () => {
    assert.equal((await look(broken, { options: { unreadContainers: 1 } })).verdict, "faulty");
  });

  it("tells a namespace that can not be read, and leaves out one that is gone meanwhile", async () => {
    const unread = await look(mended, { run: fail });
    assert.deepEqual([unread.verdict, unread.namespaces.length], ["unknown", 0]);
    assert.match(whys(unread).join(), /exit code 1: no memory/);
    const gone = await look(mended, { run: fail, keyOf: () => undefined });
    assert.deepEqual([gone.verdict, gone.namespaces.length], ["healthy", 0]);
  });

  it("says once, and as absent, that namespaces may not be entered", async () => {
    await assert.rejects(look("test/collectors/overlay/cases/no-right-to-enter/1"), NotAvailable);
  });

  it("takes a folder of namespaces that it may not list for absent as well, and any other error for one", async () => {
    await assert.rejects(look(mended, { namespaces: listing("EACCES") }), NotAvailable);
    await assert.rejects(look(mended, { namespaces: listing("EIO") }), { name: "Error", message: "cannot list" });
  });

  it("looks into the wanted networks only", async () => {
    assert.equal((await look(broken, { options: { networks: new Set(["other"]) } })).processes.length, 0);
  });

  it("has nothing to say where Docker's folder of namespaces is not there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ow-examine-"));
    try {
      cpSync(mended, folder, { recursive: true });
      rmSync(join(folder, "netns"), { recursive: true });
      const found = await look(folder);
      assert.deepEqual([found.verdict, found.namespaces.length], ["healthy", 0]);
      writeFileSync(join(folder, "docker.json"), "{}");
      await assert.rejects(look(folder), /expected \{containers/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("ends at once with its signal's reason while it watches", async () => {
    const end = new AbortController();
    const looking = look(broken, {}, end.signal);
    setTimeout(() => end.abort(new Error("enough")), 300);
    const began = performance.now();
    await assert.rejects(looking, /enough|aborted/);
    assert.ok(performance.now() - began < 500);
  });
});

describe("overlay/examine/lane", () => {
  it("lets two in at once, in order, and goes on after a failure", async () => {
    const two = lane(2);
    let [running, most] = [0, 0];
    const order: number[] = [];
    const results = await Promise.allSettled(
      [0, 1, 2, 3, 4].map((number) =>
        two(async () => {
          order.push(number);
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running--;
          if (number === 1) throw new Error("one");
          return number;
        }),
      ),
    );
    assert.deepEqual([order, most, running], [[0, 1, 2, 3, 4], 2, 0]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled"],
    );
  });
});
