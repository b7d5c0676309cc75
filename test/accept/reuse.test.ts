import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import type { LabHost } from "../../lab/host.ts";
import { inOverlay, overlayTable } from "../../lab/overlay-table.ts";
import { pause, until } from "../../lab/process.ts";
import { labKinds, useLab } from "../lab/fixture.ts";
import { AddressChurn } from "./address-churn.ts";
import { Delivered } from "./delivered.ts";
import { figure, isFull, sized } from "./length.ts";
import { endAll, onHost } from "./program.ts";
import { Treatment } from "./treatment.ts";
import { type Judged, type Rhythm, WatchedHost } from "./watched-host.ts";

const seconds = sized(600, 15);
const count = sized(300, 16);
/** How often an address is to be used after it was used on the other host. */
const crossings = sized(150, 8);
const network = "reuse";
/** From 10.9.0.10 on, in one /23. */
const addresses = Array.from({ length: count }, (_, n) => `10.9.${(n + 10) >> 8}.${(n + 10) & 255}`);
const rhythm: Rhythm = sized(
  { collectors: "5s", doctor: 20_000, cleanup: 30_000 },
  { collectors: "5s", doctor: 5000, cleanup: 6000 },
);

/** By `isFull` all, else the swarm of today. */
for (const [what, shape] of isFull() ? labKinds : labKinds.slice(1, 2)) {
  describe(`accept: addresses that are used again on the other host, ${what}`, function () {
    this.timeout(sized(1_200_000, 120_000));
    const lab = useLab(shape);
    let hosts: readonly LabHost[];
    let churn: AddressChurn;
    const treated: Treatment[] = [];
    const both = async <T>(work: (host: LabHost) => Promise<T>): Promise<readonly T[]> => Promise.all(hosts.map(work));

    before("a network of its own", async () => {
      hosts = [lab().host(1), lab().host(2)];
      const seed = randomInt(2 ** 31);
      const [containers, paceMs, restMs] = [sized(24, 4), sized(2000, 600), sized(10_000, 2000)];
      churn = new AddressChurn(hosts, { network, subnet: "10.9.0.0/23", addresses, containers, paceMs, restMs, seed });
      await churn.start();
      figure(`seed ${seed}`);
    });
    after("the network", async () => {
      endAll();
      await churn.remove();
      for (const one of treated) one.forget();
    });

    it(`${seconds} s of containers that take each other's addresses: nothing is active, nothing is written, nothing is lost`, async () => {
      for (const host of hosts) await pinAll(host);
      const watched = await both(async (host) => WatchedHost.open(lab(), host, churn, rhythm));
      treated.push(...watched.map(({ here }) => here));
      const end = Date.now() + seconds * 1000;
      // A slow machine has some more time for as much.
      const isEnough = (): boolean => churn.counts().used === count && churn.counts().crossed >= crossings;
      const isOver = (): boolean => Date.now() >= end && (isEnough() || Date.now() >= end + 60_000);
      await Promise.all([churn.run(isOver), ...watched.map(async (one) => one.watch(isOver))]);
      const closed = await Promise.all(watched.map(async (one) => ({ one, ...(await one.close()) })));
      const { used, crossed, joins } = churn.counts();
      figure(
        `${used} addresses, taken ${joins} times, ${crossed} times after the other host; ${churn.refused.length} refused`,
      );
      for (const { one, cycles, planned } of closed) tell(one, cycles, planned);
      assert.ok(churn.refused.length < joins / 20, churn.refused.slice(0, 5).join("\n"));
      assert.equal(used, count, "every address was used");
      assert.ok(crossed >= crossings, `${crossed} of ${crossings}`);
      for (const { one, cycles, planned } of closed) await judge(one, cycles, planned);
    });

    it("probing adds no row on either host, and none that was set is gone", async () => {
      await churn.steps(sized(20, 6));
      const cares = await both(async (host) => new Treatment(lab(), host));
      treated.push(...cares);
      const read = async () => Promise.all(cares.map(async (one) => one.set()));
      const before = await atRest(read);
      await Promise.all(hosts.map(async (host) => probing(host, 5)));
      for (const one of cares) {
        const { json, code } = await one.doctor();
        const found = json.networks.flatMap(({ findings }) => findings);
        assert.deepEqual([found.filter(({ state }) => state === "active"), code], [[], 0]);
      }
      assert.deepEqual(await read(), before);
      figure(
        `${before.map(({ length }) => length).join(" and ")} rows that are set: the same after 5 cycles and a doctor`,
      );
    });

    /** Of an agent that pings, and does nothing else. */
    async function probing(host: LabHost, many: number): Promise<void> {
      const delivered = await Delivered.open(lab());
      const agent = onHost(host, ["run", "reachability"], delivered.settings);
      await delivered.next(many);
      assert.equal((await agent.stop()).code, 0, agent.err());
      await delivered.close();
      assert.ok(delivered.arrived.filter(({ name }) => name === "probe.loss").length >= many, "something was pinged");
    }

    /** As a cure pins it: the pin is to go with its container. */
    async function pinAll(host: LabHost): Promise<void> {
      const table = await overlayTable(host, await churn.networkId(host));
      for (const { mac, veth } of await endpointsOn(host)) {
        const { code, stderr } = await inOverlay(host, table, [
          "bridge",
          "fdb",
          "replace",
          mac ?? "",
          "dev",
          veth ?? "",
          "master",
          "static",
          "sticky",
        ]);
        assert.equal(code, 0, stderr);
      }
    }

    async function endpointsOn(host: LabHost) {
      const here = new Treatment(lab(), host);
      const { json } = await here.doctor();
      here.forget();
      const found = json.networks.find(({ name }) => name === network)?.endpoints ?? [];
      return found.filter(({ veth }) => veth !== null);
    }

    async function judge(one: WatchedHost, cycles: number, planned: readonly string[]): Promise<void> {
      const { judged, doctors, cleanups, written, worst, here, host } = one;
      const faults = new Set(judged.filter(({ verdict }) => verdict === "true").map(({ ip }) => ip));
      assert.deepEqual(
        judged.filter(({ verdict }) => verdict === "false"),
        [],
      );
      assert.deepEqual(
        written.filter((ip) => !faults.has(ip)),
        [],
        "written without a fault",
      );
      assert.deepEqual(
        planned.filter((text) => ![...faults].some((ip) => text.includes(ip))),
        [],
      );
      if (faults.size === 0) {
        assert.equal(worst, 0);
        assert.deepEqual(
          doctors.filter(({ code }) => code === 1),
          [],
        );
        assert.deepEqual(
          cleanups.filter(({ code }) => code !== 0),
          [],
        );
      }
      assert.ok(one.pings > 0 && cycles > seconds / 5 && doctors.length > 0 && cleanups.length > 0, "it was at work");
      const own = await endpointsOn(host);
      const held = new Set(own.filter(({ pinned }) => pinned).map(({ mac, veth }) => `${mac} dev ${veth}`));
      const pins = (await here.pins()).filter((pin) => pin.startsWith("02:42:0a:09"));
      assert.deepEqual(
        pins.filter((pin) => !held.has(pin)),
        [],
        "a pin that nobody has any more",
      );
      figure(`${host.name}: ${pins.length} pins left of ${sized(25, 5)}, each of a container that is there`);
    }
  });
}

function tell(one: WatchedHost, cycles: number, planned: readonly string[]): void {
  const { judged, doctors, cleanups, written, host, pings, single, worst } = one;
  figure(
    `${host.name}: ${cycles} cycles; ${pings} answers of remote containers, worst loss told twice ${worst}, told once ${single}; doctor ${codes(doctors)}; cleanup ${codes(cleanups)}, ${written.length} addresses written for; the agent would have healed ${planned.length} times`,
  );
  for (const said of ["true", "false", "moved"] as const) {
    const all = judged.filter(({ verdict }) => verdict === said);
    if (all.length > 0)
      figure(`${host.name}: told ${all.length} times, ${meaning[said]}: ${all.slice(0, 5).map(lineOf).join("; ")}`);
  }
  const unsure = doctors.find(({ code }) => code === 2);
  if (unsure !== undefined)
    figure(`${host.name}: doctor could not judge: ${/"unjudged": \[\s*\{[^}]*\}/u.exec(unsure.out)?.[0] ?? ""}`);
}

const codes = (all: readonly { readonly code: number }[]): string => all.map(({ code }) => code).join(" ");

const meaning = {
  true: "and a ping says so too: the engine's own fault",
  false: "and a ping says otherwise",
  moved: "of one that left at that moment",
} as const;

const lineOf = ({ ip, what, lost }: Judged): string => `${ip} ${what} (ping: ${lost ?? "-"} % lost)`;

/** Two readings that agree, 2 s apart: what the engines tell each other takes a moment. */
async function atRest<T extends readonly (readonly string[])[]>(read: () => Promise<T>): Promise<T> {
  let before = await read();
  return until(
    async () => {
      await pause(2000);
      const now = await read();
      const isSame = JSON.stringify(now) === JSON.stringify(before);
      before = now;
      return isSame ? now : undefined;
    },
    30_000,
    () => new Error("the tables do not come to rest"),
  );
}
