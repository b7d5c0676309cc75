import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { endpointOf } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { until } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { type Fault, faultsBetween, nobody } from "./explain-faults.ts";
import { changeAt, type Place, placeOf, shellAt } from "./fault-place.ts";
import { figure, isFull } from "./length.ts";
import { onHost } from "./program.ts";

const hop = z.strictObject({
  hop: z.string(),
  host: z.string(),
  ok: z.union([z.boolean(), z.literal("unknown")]),
  what: z.string(),
  command: z.string(),
  why: z.string(),
});
const end = z.strictObject({ name: z.string(), ip: z.string(), mac: z.string(), host: z.string().nullable() });
const explained = z.strictObject({
  network: z.strictObject({ name: z.string(), id: z.string() }),
  from: end,
  to: end,
  hops: z.array(hop),
  notes: z.array(z.string()),
  arp: z.strictObject({ answers: z.array(z.string()), sentence: z.string() }).optional(),
  verdict: z.enum(["healthy", "faulty", "unknown"]),
});

// Of its own where it is a swarm: one that was cut off for a moment has lost rows, and others would have to live with that.
for (const shape of [{}, { engine: "28.5", driver: "swarm", containers: 3 }])
  describe(`accept: explain, ${shape.driver ?? "classic"}`, function () {
    // In the short form: on a classic engine a fault of every hop, in swarm mode those that its engine has a hand in.
    const brief = shape.driver === undefined ? /^(?!3:|4:)/u : /^(?:2|8|10):/u;
    this.timeout(240_000);
    const lab = useLab(shape);
    let folder: string;
    let places: readonly [Place, Place];

    before("where all is", async () => {
      folder = mkdtempSync(join(tmpdir(), "ow-explain-"));
      places = [await placeOf(lab().host(1)), await placeOf(lab().host(2))];
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const save = async (host: LabHost): Promise<string> => {
      const path = join(folder, `${host.name}.json`);
      await onHost(host, ["doctor", "--save", path]).ended;
      assert.equal(statSync(path).mode & 0o777, 0o600);
      return path;
    };
    const told = async (...args: readonly string[]) => {
      const program = onHost(lab().host(1), ["explain", "--json", ...args]);
      const code = await program.ended;
      assert.equal(program.err(), "");
      return { code, ...explained.parse(JSON.parse(program.out())) };
    };
    const between = async () => told("A1", "A2", "--with", await save(lab().host(2)));
    const offline = async () =>
      told("A1", "A2", "--from", await save(lab().host(1)), "--with", await save(lab().host(2)));
    /** A swarm that lost a node for some seconds takes its rows away, and writes them again when it is back. */
    const calm = async () => {
      let seen: Awaited<ReturnType<typeof between>> | undefined;
      const isCalm = async () => {
        if ((await lab().loss("A1", "A2", 1)) > 0 || (await lab().loss("A2", "A1", 1)) > 0) return undefined;
        seen = await between();
        return seen.code === 0 ? seen.hops : undefined;
      };
      const hops = await until(isCalm, 90_000, () => new Error(`not well again: ${JSON.stringify(seen?.hops.at(-1))}`));
      assert.deepEqual(
        hops.filter(({ ok }) => ok !== true),
        [],
      );
      return hops;
    };
    /** The last hop, which is the only wrong one, and what its command shows on its host. */
    const last = async (
      hops: readonly z.output<typeof hop>[],
      { shows, hop: name, on }: Pick<Fault, "shows" | "hop" | "on">,
    ) => {
      const wrong = hops.filter(({ ok }) => ok === false);
      assert.deepEqual(
        [wrong.length, hops.at(-1)?.hop, wrong[0]?.host],
        [1, name, `dockerhost${on}`],
        JSON.stringify(hops.at(-1)),
      );
      const { said } = await shellAt({ ...places[on - 1]!, words: {} }, wrong[0]?.command ?? "false");
      assert.match(said, shows, wrong[0]?.command);
      return `${wrong[0]?.command}\n      ${said.split("\n")[0]}`;
    };

    it("says that nothing is wrong on a healthy cluster, live and offline, local and remote", async () => {
      const hops = await calm();
      assert.deepEqual([...new Set(hops.map(({ host }) => host))], ["dockerhost1", "dockerhost2"]);
      const here = await told("A1", "B1");
      assert.deepEqual([here.code, here.verdict], [0, "healthy"]);
      const alone = await told("A1", "A2");
      assert.deepEqual([alone.code, alone.notes.length], [0, 1]);
      assert.equal((await offline()).code, 0);
      const page = onHost(lab().host(1), ["explain", "A1", "B1"]);
      assert.equal(await page.ended, 0);
      assert.match(page.out(), /nothing\s+wrong/);
      figure(`${hops.length} hops to the other host, ${here.hops.length} within this one`);
    });

    it("counts the answers to one ARP request: one, and two where the proxy answers for a local container", async () => {
      const [one] = places;
      const { IPAddress: ip, MacAddress: mac } = await endpointOf(one.host, "B1");
      // Classic engines write the row by themselves at any time.
      await shellAt(one, `OVERLAY ip neigh del ${ip} dev VXLAN`);
      assert.deepEqual((await told("A1", "B1", "--arp")).arp?.answers, [mac]);
      await changeAt(one, `OVERLAY ip neigh replace ${ip} lladdr ${mac} dev VXLAN nud permanent`);
      await changeAt(one, `OVERLAY bridge fdb replace ${mac} dev VXLAN dst ${one.vtep} self permanent`);
      try {
        const { arp } = await told("A1", "B1", "--arp");
        assert.deepEqual(arp?.answers, [mac, mac]);
        figure(arp?.sentence ?? "");
        assert.equal((await told("A1", "A2", "--arp")).arp?.answers.length, 1);
      } finally {
        await changeAt(
          one,
          `OVERLAY ip neigh del ${ip} dev VXLAN; OVERLAY bridge fdb del ${mac} dev VXLAN dst ${one.vtep} self`,
        );
        await shellAt(one, `OVERLAY bridge fdb del ${mac} dev VXLAN master`);
      }
    });

    it("1: the outage of moby#29024 is a wrong hop of the bridge", async () => {
      await lab().break();
      try {
        const { code, hops } = await told("A1", "B1");
        assert.equal(code, 1);
        figure(await last(hops, { hop: "bridge", on: 1, shows: /dev vxlan\d+ master br0/ }));
      } finally {
        await lab().mend();
      }
      assert.equal((await told("A1", "B1")).code, 0);
    });

    // Their names are the same wherever they are made.
    for (const [index, { name }] of faultsBetween(nobody, nobody).entries()) {
      if (!isFull() && !brief.test(name)) continue;
      it(`${name}: named, shown by its command, and gone when it is undone`, async () => {
        const fault = faultsBetween(...places)[index];
        assert.ok(fault !== undefined);
        const place = places[fault.on - 1]!;
        await changeAt(place, fault.make);
        try {
          const { code, hops } = await between();
          assert.equal(code, 1, fault.name);
          const shown = await last(hops, fault);
          figure(`${fault.name} (${await lab().loss("A1", "A2", 2)} % lost): ${fault.hop}\n      ${shown}`);
          if (fault.brief === true) return;
          const apart = await offline();
          assert.deepEqual([apart.code, apart.hops.at(-1)?.hop], [1, fault.hop]);
        } finally {
          await changeAt(place, fault.undo);
          await calm();
        }
      });
    }
  });
