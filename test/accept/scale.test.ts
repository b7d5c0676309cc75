import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import type { StoredValue } from "../../host/kv/store.ts";
import type { LabHost } from "../../lab/host.ts";
import { inOverlay, type OverlayTable, overlayTable } from "../../lab/overlay-table.ts";
import { endpointsFolder } from "../../overlay/truth/classic.ts";
import { macOfIp } from "../../overlay/truth/place.ts";
import { useLab } from "../lab/fixture.ts";
import { ClusterStore } from "./cluster-store.ts";
import { Delivered } from "./delivered.ts";
import { figure, isFull, sized } from "./length.ts";
import { loopHeld, loopProbe } from "./loop-held.ts";
import { endAll, onHost, says } from "./program.ts";
import { Treatment } from "./treatment.ts";

const [size, network, subnet] = [2000, "wide", "10.16.0.0/20"] as const;
/** A host that there is not, and another one. */
const [there, elsewhere] = ["172.31.240.77", "172.31.240.78"] as const;

const made = Array.from({ length: size }, (_, n) => `10.16.${(n >> 8) + 1}.${n & 255}`);
const [odd = ""] = made.slice(777);

describe(`accept: a network with ${size} endpoints`, function () {
  this.timeout(sized(240_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;
  let store: ClusterStore;
  let table: OverlayTable;
  let records: readonly StoredValue[] = [];
  let without: number;

  before("a network with two", async () => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
    store = new ClusterStore(lab());
    const body = { Name: network, Driver: "overlay", IPAM: { Config: [{ Subnet: subnet }] } };
    const { Id: id } = z.object({ Id: z.string() }).parse(await host.demand("POST", "/networks/create", { body }));
    for (const number of [1, 2]) await lab().host(number).run(`wide${number}`, { network });
    table = await overlayTable(host, id);
    const real = await store.endpoint(id, "wide2");
    records = made.map((ip, n) => recordOf(real, id, ip, n, there));
    without = await held("without");
    await store.put(records);
    await batch(
      ["ip", "-batch"],
      made.map((ip) => `neigh replace ${ip} lladdr ${macOfIp(ip)} dev ${table.vxlan} nud permanent`),
    );
    await batch(
      ["bridge", "-batch"],
      made.map((ip) => `fdb replace ${macOfIp(ip)} dev ${table.vxlan} dst ${there} self permanent`),
    );
  });
  after("the network", async () => {
    endAll();
    await store.remove(records);
    for (const number of [1, 2]) await lab().host(number).api("DELETE", `/containers/wide${number}?force=true`);
    await host.demand("DELETE", `/networks/${network}`);
    here.forget();
  });

  it("doctor answers, and all is well", async () => {
    const { code, ms, out } = await here.doctor();
    figure(`doctor: ${code}, after ${(ms / 1000).toFixed(1)} s`);
    assert.equal(code, 0, out.slice(0, 3000));
    assert.ok(ms < 10_000);
  });

  it("the agent pings its sample of them and no more, and holds its event loop no longer", async () => {
    const more = (await held("with")) - without;
    figure(`event loop held ${more.toFixed(1)} ms longer than with 2 endpoints (${without.toFixed(1)} ms)`);
    assert.ok(more < 20, `${more} ms`);
  });

  // 10 s of waiting each, three times.
  if (isFull()) {
    it("the one row of all that is missing is found, and that one only", async () => {
      await fdb("del", odd);
      const { code, json, ms, out } = await here.doctor();
      const found = json.networks.flatMap(({ findings }) => findings.filter(({ state }) => state === "active"));
      assert.deepEqual(
        found.map(({ class: of, ip }) => [of, ip]),
        [["missing-fdb", odd]],
        out.slice(0, 3000),
      );
      figure(`one of ${size} rows gone: doctor ${code}, after ${(ms / 1000).toFixed(1)} s (10 s of them waited)`);
      const { code: dry, json: plan } = await here.cleanup();
      assert.deepEqual([dry, plan.actions.map(({ ip }) => ip)], [11, [odd]]);
    });

    it("a store that tells another host the second time: nothing is written, exit 40", async () => {
      const at = made.indexOf(odd);
      const record = records[at] ?? assert.fail();
      const before = await here.tables();
      const args = ["cleanup", "--apply", "--json", "--state-dir", here.state];
      const program = onHost(host, args);
      await says(program, /asked again/u, 20_000);
      await store.put([{ ...record, value: record.value.replace(`"${there}"`, `"${elsewhere}"`) }]);
      const code = await program.ended;
      await here.unwritten(before, program.out());
      assert.equal(code, 40, program.out());
      figure(`${odd} at ${there}, then at ${elsewhere}: exit ${code}, nothing written`);
    });
  }

  async function fdb(verb: "del" | "replace", ip: string): Promise<void> {
    const row = [macOfIp(ip) ?? "", "dev", table.vxlan, "dst", there, "self"];
    const { code, stderr } = await inOverlay(host, table, ["bridge", "fdb", verb, ...row]);
    assert.equal(code, 0, stderr);
  }

  async function batch(command: readonly string[], lines: readonly string[]): Promise<void> {
    const file = `${lab().shared}/batch`;
    writeFileSync(file, `${lines.join("\n")}\n`);
    const { code, stderr } = await inOverlay(host, table, [...command, file]);
    rmSync(file);
    assert.equal(code, 0, stderr);
  }

  /** Milliseconds for which an agent holds its event loop at a time; it pings as many as it may. */
  async function held(name: string): Promise<number> {
    const probe = `${lab().shared}/held-${name}`;
    const delivered = await Delivered.open(lab());
    const agent = onHost(host, ["run", "overlay", "reachability", "--state-dir", here.state], {
      ...delivered.settings,
      OVERLAYWATCH_COLLECTORS_OVERLAY_INTERVAL: "2s",
      OVERLAYWATCH_COLLECTORS_REACHABILITY_INTERVAL: "2s",
      ...loopProbe(probe),
    });
    await delivered.next(4, 30_000);
    const [skipped, first] = [loopHeld(probe).length, delivered.cycles];
    const cycles = sized(20, 8);
    await delivered.next(cycles, 60_000);
    assert.equal((await agent.stop()).code, 0, agent.err());
    await delivered.close();
    const seconds = loopHeld(probe).slice(skipped);
    rmSync(probe);
    const asked = delivered.arrived.filter(
      ({ name: metric, tags, cycle }) =>
        metric === "probe.loss" && tags["docker_network"] === network && cycle >= first,
    );
    const perCycle = asked.length / new Set(asked.map(({ cycle }) => cycle)).size;
    assert.equal(perCycle, name === "with" ? 10 : 1, "the default sample");
    // As many seconds as there were cycles of either collector have one: of the longest so many, the least disturbed.
    const longest = seconds.map(({ max }) => max).toSorted((a, b) => b - a);
    return longest[cycles / 2 - 1] ?? assert.fail("nothing was measured");
  }
});

type Real = Awaited<ReturnType<ClusterStore["endpoint"]>>;

/** A record as the engine writes it, of an endpoint that there is not. */
function recordOf(real: Real, networkId: string, ip: string, n: number, vtep: string): StoredValue {
  const id = n.toString(16).padStart(64, "a");
  const sandbox = n.toString(16).padStart(64, "b");
  const iface = { ...real.ep_iface, addr: `${ip}/20`, mac: macOfIp(ip) };
  const value = JSON.stringify({ ...real, id, name: `made${n}`, sandbox, locator: vtep, ep_iface: iface });
  return { key: `/${endpointsFolder(networkId)}/${id}`, value };
}
