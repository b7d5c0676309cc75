import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { LabFleet } from "../../lab/fleet.ts";
import { pinnedEnv, until } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { type Fault, faultsBetween, nobody } from "./explain-faults.ts";
import { changeAt, type Place, placeOf } from "./fault-place.ts";
import { figure, isFull } from "./length.ts";
import { onHost } from "./program.ts";

const explained = z.object({
  hops: z.array(z.object({ hop: z.string(), host: z.string(), ok: z.union([z.boolean(), z.literal("unknown")]) })),
  notes: z.array(z.string()),
});
const finding = z.object({
  host: z.string(),
  class: z.string(),
  state: z.string(),
  container: z.string().nullable(),
  command: z.string().nullable(),
});
const diagnosed = z.strictObject({
  hosts: z.array(z.strictObject({ host: z.string(), answered: z.boolean(), trouble: z.string().optional() })),
  networks: z.array(z.object({ name: z.string(), id: z.string(), findings: z.array(finding) })),
  unjudged: z.array(z.object({ what: z.string(), why: z.string(), blind: z.boolean() })),
  verdict: z.enum(["healthy", "faulty", "unknown"]),
});

/** What `doctor` calls a fault that is one of rows, by its number: whose container, and the class. */
const ofRows: Readonly<Record<string, readonly [container: string, of: string]>> = {
  "2": ["A2", "missing-fdb"],
  "3": ["A2", "wrong-vtep"],
  "4": ["A2", "wrong-vtep"],
  "5": ["A2", "wrong-neighbour"],
  "9": ["A2", "local-mac-on-vxlan-port"],
  "13": ["A1", "wrong-vtep"],
};
const numberOf = ({ name }: Pick<Fault, "name">): string => name.split(":", 1)[0] ?? "";

const foundAs = (faults: readonly Fault[]): readonly string[] =>
  faults.map((fault) => {
    const [container, of] = ofRows[numberOf(fault)] ?? [];
    return `dockerhost${fault.on} ${of} of ${container}`;
  });

for (const shape of [{}, { engine: "28.5", driver: "swarm", containers: 3 }])
  describe(`accept: the whole cluster over the broker, ${shape.driver ?? "classic"}`, function () {
    const inRows = shape.driver === undefined ? ["3", "9", "13"] : ["2", "9", "13"];
    const short = shape.driver === undefined ? inRows : ["2"];
    this.timeout(300_000);
    const lab = useLab(shape);
    let fleet: LabFleet;
    let places: readonly [Place, Place];

    before("hosts with helper and worker, and a broker", async () => {
      places = [await placeOf(lab().host(1)), await placeOf(lab().host(2))];
      fleet = await lab().startFleet();
      for (const { helperd, worker } of fleet.members) {
        await helperd.start();
        await worker.start();
      }
    });
    after(async () => fleet?.remove());

    /** On the gateway's machine, as its user: without any right. */
    const run = async (...args: readonly string[]) => {
      const { host, machine } = fleet.gateway;
      const { uid, gid } = statSync(join(fleet.folder, "gateway/state/broker.seed"));
      assert.notEqual(uid, 0);
      const user = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--bounding-set=-all", "--no-new-privs"];
      return host.exec(["/usr/bin/setpriv", ...user, ...machine.argv(args)], { env: pinnedEnv, timeout: 60_000 });
    };
    const asked = async (...args: readonly string[]) => {
      const began = performance.now();
      const { code, stdout, stderr } = await run(...args, "--json");
      assert.notEqual(stdout, "", stderr);
      const json: unknown = JSON.parse(stdout);
      return { code, json, ms: Math.round(performance.now() - began) };
    };
    const explain = async () => {
      const { code, json, ms } = await asked("explain", "A1", "A2");
      return { code, ms, ...explained.parse(json) };
    };
    const doctor = async () => {
      const { code, json, ms } = await asked("doctor", "--cluster");
      const { networks, ...rest } = diagnosed.parse(json);
      const findings = networks.flatMap((network) => network.findings);
      return { code, ms, ...rest, findings, active: findings.filter(({ state }) => state === "active") };
    };
    /** A swarm that lost a node for some seconds takes its rows away, and writes them again when it is back. */
    const calm = async () => {
      let last: unknown;
      const isCalm = async () => {
        if ((await lab().loss("A1", "A2", 1)) > 0 || (await lab().loss("A2", "A1", 1)) > 0) return undefined;
        const way = await explain();
        last = way.hops.at(-1);
        return way.code === 0 || undefined;
      };
      await until(isCalm, 90_000, () => new Error(`not well again: ${JSON.stringify(last)}`));
    };
    /** Networks that the first host's own doctor sees. */
    const alone = async (): Promise<string> => {
      const program = onHost(lab().host(1), ["doctor", "--json"]);
      await program.ended;
      const seen = z.object({ networks: z.array(z.object({ name: z.string() })) }).parse(JSON.parse(program.out()));
      return seen.networks.map(({ name }) => name).join();
    };
    const withFaults = async <T>(faults: readonly Fault[], look: () => Promise<T>): Promise<T> => {
      try {
        for (const { on, make } of faults) await changeAt(places[on - 1]!, make);
        return await look();
      } finally {
        for (const { on, undo } of faults.toReversed()) await changeAt(places[on - 1]!, undo);
        await calm();
      }
    };
    const faultsOf = (numbers: readonly string[]): readonly Fault[] =>
      faultsBetween(...places).filter((fault) => numbers.includes(numberOf(fault)));
    const found = ({ active }: Awaited<ReturnType<typeof doctor>>): readonly string[] =>
      active.map(({ host, class: of, container }) => `${host} ${of} of ${container}`);

    it("finds nothing in a healthy cluster, and all hops from host to host right", async () => {
      await calm();
      const way = await explain();
      assert.deepEqual([...new Set(way.hops.map(({ host }) => host))], ["dockerhost1", "dockerhost2"]);
      const whole = await doctor();
      assert.deepEqual([whole.code, whole.verdict, whole.active], [0, "healthy", []], JSON.stringify(whole.unjudged));
      assert.deepEqual(
        whole.hosts,
        [1, 2].map((n) => ({ host: `dockerhost${n}`, answered: true })),
      );
      figure(`explain: ${way.hops.length} hops, ${way.ms} ms; doctor --cluster: ${whole.ms} ms`);
    });

    // Their names are the same wherever they are made.
    for (const { name } of faultsBetween(nobody, nobody)) {
      const number = numberOf({ name });
      if (!isFull() && !short.includes(number)) continue;
      it(`explain: ${name}`, async () => {
        const [fault] = faultsOf([number]);
        assert.ok(fault !== undefined);
        const { code, hops, ms } = await withFaults([fault], explain);
        const wrong = hops.filter(({ ok }) => ok === false);
        assert.deepEqual(wrong, [{ hop: fault.hop, host: `dockerhost${fault.on}`, ok: false }]);
        assert.deepEqual([code, hops.at(-1)], [1, wrong[0]]);
        figure(`${name}: ${fault.hop} on dockerhost${fault.on}, ${ms} ms`);
      });
    }

    const inStore = shape.driver === undefined ? ", with no cluster store" : "";
    for (const numbers of isFull() ? Object.keys(ofRows).map((one) => [one]) : [inRows])
      it(`doctor --cluster: the rows of ${numbers.join(", ")}, by what hosts tell each other${inStore}`, async () => {
        const faults = faultsOf(numbers);
        const whole = await withFaults(faults, async () => {
          if (shape.driver === undefined) lab().stopStore("etcd");
          try {
            assert.match(await alone(), /testnet/u);
            return await doctor();
          } finally {
            if (shape.driver === undefined) await lab().startStore("etcd");
          }
        });
        assert.deepEqual([whole.code, whole.verdict], [1, "faulty"]);
        assert.deepEqual([...found(whole)].toSorted(), [...foundAs(faults)].toSorted());
        assert.ok(whole.active.every(({ command }) => command !== null));
        figure(`${numbers.join(", ")}: ${found(whole).join("; ")}; ${whole.ms} ms`);
      });

    if (isFull())
      it("heals a row by the command that it gives", async () => {
        const [fault] = faultsOf(["3"]);
        assert.ok(fault !== undefined);
        await withFaults([fault], async () => {
          const { active } = await doctor();
          assert.equal(await lab().loss("A1", "A2", 2), 100);
          await changeAt(places[0], active[0]?.command ?? "false");
          assert.equal(await lab().loss("A1", "A2", 2), 0);
        });
      });

    it("with one worker killed: not judged, nothing gone, and nothing wrong by what it did not say", async () => {
      const { worker } = fleet.member(2);
      const orphan = { mac: "02:42:0a:00:00:63", to: places[1].vtep };
      const row = `dev ${places[0].words["VXLAN"]} dst ${orphan.to} self permanent`;
      await changeAt(places[0], `OVERLAY bridge fdb replace ${orphan.mac} ${row}`);
      try {
        // That it is one where all answer takes 10 s more to see.
        const known = isFull() ? (await doctor()).findings : [];
        const orphans = known.filter(({ class: of }) => of === "orphan-row").map(({ host }) => host);
        assert.deepEqual(orphans, isFull() ? ["dockerhost1"] : []);
        await worker.end("SIGKILL");
        const whole = await withFaults(faultsOf(["3"]), async () => {
          const seen = await doctor();
          const way = await explain();
          assert.ok(
            way.hops.every(({ host }) => host === "dockerhost1"),
            JSON.stringify(way.hops),
          );
          assert.match(way.notes.join("\n"), /dockerhost2 did not answer/u);
          const nobodys = await run("explain", "A1", "nobody");
          assert.equal(nobodys.code, 69);
          assert.match(nobodys.stderr, /nobody: nothing tells of such a container.*; dockerhost2 did not answer/u);
          await worker.start();
          return seen;
        });
        assert.deepEqual([whole.code, whole.verdict, whole.active], [2, "unknown", []]);
        assert.deepEqual(
          whole.hosts.map(({ host, answered }) => [host, answered]),
          [
            ["dockerhost1", true],
            ["dockerhost2", false],
          ],
        );
        assert.ok(whole.findings.every(({ class: of, host }) => of !== "orphan-row" && host === "dockerhost1"));
        assert.match(whole.unjudged.map(({ what, why }) => `${what}: ${why}`).join("\n"), /^dockerhost2: its rows/mu);
        figure(`without dockerhost2: ${whole.verdict}, ${whole.unjudged.length} not judged, ${whole.ms} ms`);
      } finally {
        await changeAt(places[0], `OVERLAY bridge fdb del ${orphan.mac} dev VXLAN dst ${orphan.to} self`);
        if (worker.pid === undefined) await worker.start();
      }
    });
  });
