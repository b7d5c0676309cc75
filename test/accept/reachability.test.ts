import assert from "node:assert/strict";
import type { Context } from "mocha";
import { z } from "zod";
import { endpointOf } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { vethOf } from "../../lab/outage.ts";
import { inOverlay, overlayTable } from "../../lab/overlay-table.ts";
import { pause } from "../../lab/process.ts";
import type { ShapeOptions } from "../../lab/shape.ts";
import { macOfIp } from "../../overlay/truth/place.ts";
import { useLab } from "../lab/fixture.ts";
import { figure, isFull, sized } from "./length.ts";
import { endAll, onHost } from "./program.ts";
import { type Step, Stepper } from "./stepper.ts";
import { Treatment } from "./treatment.ts";

const kinds: readonly (readonly [what: string, shape: ShapeOptions])[] = [
  ["20.10 classic", {}],
  ["28.5 swarm", { driver: "swarm", engine: "28.5" }],
  ["26.1 swarm", { driver: "swarm", engine: "26.1" }],
  ["20.10 swarm", { driver: "swarm", engine: "20.10" }],
];

interface Sides {
  readonly one: LabHost;
  readonly two: LabHost;
}

const ofB2 = async ({ two }: Sides) => {
  const { IPAddress: ip, MacAddress: mac } = await endpointOf(two, "B2");
  return { ip, mac: mac || (macOfIp(ip) ?? "") };
};

async function inNamespace(on: LabHost, ...command: readonly string[]): Promise<string> {
  const table = await overlayTable(on, (await endpointOf(on, `A${on.number}`)).NetworkID);
  const { code, stdout, stderr } = await inOverlay(on, table, command);
  assert.equal(code, 0, stderr);
  return stdout;
}

const selfRow = async (on: LabHost, mac: string, dst: string) =>
  inNamespace(on, "bridge", "fdb", "replace", mac, "dev", "vxlan0", "dst", dst, "self", "permanent");

/** Nobody has that address. */
const nowhere = ({ one }: Sides) => one.vtep.replace(/\d+$/u, "77");

/** Each cuts B2 off from the first host, and gives what takes it away again. */
const faults: readonly (readonly [what: string, cause: (sides: Sides) => Promise<() => Promise<unknown>>])[] = [
  [
    "its row is gone",
    async (sides) => {
      const { mac } = await ofB2(sides);
      const { one, two } = sides;
      await inNamespace(one, "bridge", "fdb", "del", mac, "dev", "vxlan0", "dst", two.vtep, "self");
      return async () => selfRow(one, mac, two.vtep);
    },
  ],
  [
    "its row leads to a third host",
    async (sides) => {
      const { mac } = await ofB2(sides);
      await selfRow(sides.one, mac, nowhere(sides));
      return async () => selfRow(sides.one, mac, sides.two.vtep);
    },
  ],
  [
    "its port on its own host is down",
    async (sides) => {
      const { two } = sides;
      const table = await overlayTable(two, (await endpointOf(two, "B2")).NetworkID);
      const veth = await vethOf(two, table, { container: "B2", ip: (await ofB2(sides)).ip });
      await inNamespace(two, "ip", "link", "set", veth, "down");
      return async () => inNamespace(two, "ip", "link", "set", veth, "up");
    },
  ],
  [
    "its host's rows for the first one lead to a third",
    async (sides) => {
      const { one, two } = sides;
      const rows = (await inNamespace(two, "bridge", "fdb", "show", "dev", "vxlan0")).split("\n");
      const macs = rows.filter((row) => row.includes(`dst ${one.vtep} `)).map((row) => row.slice(0, 17));
      assert.ok(macs.length >= 2, rows.join("\n"));
      const lead = async (dst: string): Promise<void> => {
        for (const mac of macs) await selfRow(two, mac, dst);
      };
      await lead(nowhere(sides));
      return async () => lead(one.vtep);
    },
  ],
];

for (const [what, shape] of kinds.slice(0, isFull() ? kinds.length : 2)) {
  describe(`accept: reachability, ${what}`, function () {
    this.timeout(sized(300_000, 60_000));
    const lab = useLab(shape);
    const classic = what.endsWith("classic");
    let [probing, probingThere]: Stepper[] = [];
    const sides = (): Sides => ({ one: lab().host(1), two: lab().host(2) });
    const here = (): Stepper => probing ?? assert.fail("no lab");
    const both = async () => Promise.all([here().cycle(), there().cycle()]);
    const there = (): Stepper => probingThere ?? assert.fail("no lab");

    before("hosts", async () => {
      const { one, two } = sides();
      [probing, probingThere] = [one, two].map((on) => new Stepper(on, ["reachability"]));
      // On a classic engine only who was asked for before has a row, and is probed.
      for (const [from, to] of [
        ["A1", "A2"],
        ["A1", "B2"],
        ["A2", "A1"],
        ["A2", "B1"],
      ] as const)
        assert.equal(await lab().loss(from, to, 2), 0);
    });
    after("end", async () => {
      await Promise.all([probing?.stop(), probingThere?.stop()]);
      endAll();
    });

    // On a classic engine it is the engine that would write them.
    const cycles = classic ? 10 : sized(10, 3);
    it(`${cycles} cycles of a healthy lab lose nothing, and leave every row as it was`, async function (this: Context) {
      // What was written at a first try would be there at the second, and seem as it was.
      this.retries(0);
      const treated = lab().hosts.map((each) => new Treatment(lab(), each));
      const before = await Promise.all(treated.map(async (each) => each.tables()));
      for (let n = 0; n < cycles; n++)
        for (const steps of await both()) {
          const losses = lossesIn(steps);
          assert.equal(losses.size, classic ? 2 : 4, JSON.stringify(steps));
          assert.deepEqual([...new Set(losses.values())], [0], JSON.stringify(steps));
        }
      for (const [at, each] of treated.entries()) {
        await each.unchanged(before[at] ?? []);
        each.forget();
      }
    });

    it("is what `check` prints", async () => {
      const program = onHost(sides().one, ["check", "reachability", "--raw", "--json"]);
      assert.equal(await program.ended, 0, program.err());
      const told = printed.parse(JSON.parse(program.out())).filter(({ tags }) => tags["container_name"] === "B2");
      const tags = { docker_network: "testnet", container_name: "B2", placement: "remote" };
      assert.deepEqual(
        new Set(told.map((one) => one.metric)),
        new Set(["overlaywatch.probe.loss", "overlaywatch.probe.rtt"]),
      );
      for (const one of told) assert.deepEqual(one.tags, tags);
    });

    for (const [fault, cause] of classic || isFull() ? faults : [...faults.slice(0, 1), ...faults.slice(-1)])
      it(`${fault}: B2 is lost within one cycle, and not after the cure`, async () => {
        const cure = await cause(sides());
        const began = performance.now();
        const [steps, ms] = await cured(async () => [await here().cycle(), performance.now() - began] as const, cure);
        assert.equal(lossesIn(steps).get("B2"), 1, JSON.stringify(steps));
        assert.equal(lossesIn(await here().cycle()).get("B2"), 0);
        figure(`${what}, ${fault}: told after ${(ms / 1000).toFixed(1)} s`);
      });

    if (classic) {
      it("pinned containers of this host are pinged too, each from the other, and no row is written by that", async () => {
        const { one } = sides();
        const here1 = new Treatment(lab(), one);
        // The first ARP exchange: the engine writes rows for who is asked for.
        for (const [from, to] of [["A1", "B1"] as const, ["B1", "A1"] as const]) {
          await one.inNetworkOf(from, ["ip", "neigh", "flush", "dev", "eth0"]);
          await lab().loss(from, to, 2);
        }
        await lab().cure("pin");
        await cured(
          async () => {
            const before = await here1.tables();
            for (let n = 0; n < sized(10, 2); n++) {
              const losses = lossesIn(await here().cycle());
              assert.deepEqual(
                [...losses],
                ["A1", "A2", "B1", "B2"].map((name) => [name, 0]),
              );
            }
            await here1.unchanged(before);
          },
          async () => lab().unpin(),
        );
        here1.forget();
      });

      it("two containers lose each other: the other host loses both, and from here nobody is pinged", async () => {
        await lab().break();
        const [own, seen] = await cured(both, async () => lab().mend());
        assert.deepEqual(
          [...lossesIn(seen)],
          [
            ["A1", 1],
            ["B1", 1],
          ],
        );
        assert.deepEqual(
          own.map(({ samples, skipped }) => [samples, skipped]),
          [[[], { no_source: 1 }]],
        );
        const [ownAfter, after] = await both();
        assert.deepEqual(
          [...lossesIn(after)],
          [
            ["A1", 0],
            ["B1", 0],
          ],
        );
        assert.equal(lossesIn(ownAfter).get("B2"), 0);
      });
    }

    const trials = sized(10, 1);
    it(`who is stopped while it is pinged is not lost, ${trials} of ${trials}`, async () => {
      const { two } = sides();
      let [told, gone] = [0, 0];
      for (let trial = 0; trial < trials; trial++) {
        await two.run("G2", { network: "testnet" });
        const steps = await cured(
          async () => {
            // From whichever it will be pinged: a classic engine looks a name's host up at the first try.
            if (classic) for (const from of ["A1", "B1"]) await lab().loss(from, "G2", 2);
            assert.equal(await firstLoss(here(), "G2"), 0);
            const during = here().cycle();
            await pause(trial * 40);
            await two.rm("G2");
            return [...(await during), ...(await here().cycle())];
          },
          async () => two.rm("G2").catch(() => undefined),
        );
        told += steps.filter((one) => (lossesIn([one]).get("G2") ?? 0) > 0).length;
        gone += steps.reduce((sum, { skipped }) => sum + (skipped["gone"] ?? 0), 0);
      }
      figure(`${what}: ${trials} stopped while they were pinged, ${gone} left out as gone, ${told} told as lost`);
      assert.equal(told, 0);
    });
  });
}

const printed = z.array(z.object({ metric: z.string(), tags: z.record(z.string(), z.string()) }));

const lossesIn = (steps: readonly Step[]): ReadonlyMap<string, number> =>
  new Map(
    steps
      .flatMap(({ samples }) => samples)
      .filter(({ name }) => name === "probe.loss")
      .map(({ tags, value }) => [tags["container_name"] ?? "", value]),
  );

/** The first that is told: a swarm's nodes hear of a container some moments after its start. */
async function firstLoss(probing: Stepper, name: string): Promise<number | undefined> {
  for (let n = 0; n < 10; n++) {
    const loss = lossesIn(await probing.cycle()).get(name);
    if (loss !== undefined) return loss;
  }
  return undefined;
}

async function cured<T>(look: () => Promise<T>, cure: () => Promise<unknown>): Promise<T> {
  try {
    return await look();
  } finally {
    await cure();
  }
}
