import assert from "node:assert/strict";
import { z } from "zod";
import type { LabHost } from "../../../lab/host.ts";
import { breakPair, mendPair } from "../../../lab/outage.ts";
import { useLab } from "../../lab/fixture.ts";
import { doctorJson } from "./schema.ts";

const samples = z.array(z.object({ metric: z.string(), value: z.number(), tags: z.record(z.string(), z.string()) }));

/** The program, as a process on that host. */
async function on(host: LabHost, ...args: readonly string[]) {
  const began = performance.now();
  const { code, stdout } = await host.exec([process.execPath, `${process.cwd()}/dist/agent/main.js`, ...args]);
  return { code, stdout, took: performance.now() - began };
}

async function doctor(host: LabHost) {
  const { code, stdout, took } = await on(host, "doctor", "--json");
  return { code, took, report: doctorJson.parse(JSON.parse(stdout)) };
}

/** In the namespace of testnet, as a person would look. */
async function inside(host: LabHost, netns: string, ...command: readonly string[]): Promise<string> {
  return (await host.exec(["nsenter", `--net=/run/docker/netns/${netns}`, ...command])).stdout;
}

const linesOf = (text: string): number => text.split("\n").filter((line) => line !== "").length;

/** Of `ip -s link`: bytes, packets, errors, dropped below RX and TX. */
function statsOf(text: string) {
  const counts = (head: RegExp) => text.split(head)[1]?.trim().split(/\s+/).slice(0, 4).map(Number);
  return { rcvd: counts(/RX:.*\n/), sent: counts(/TX:.*\n/) };
}

describe("agent/doctor in a classic lab", function () {
  this.timeout(120_000);
  const lab = useLab();

  it("exits 0 on a healthy host, with every container on its port", async () => {
    const { code, report } = await doctor(lab().host(2));
    assert.deepEqual([code, report.verdict, report.host], [0, "healthy", "dockerhost2"]);
    const [network] = report.networks;
    assert.deepEqual(network?.endpoints.map(({ name }) => name).toSorted(), ["A2", "B2"]);
    assert.ok(network?.endpoints.every(({ veth }) => veth !== null));
    assert.deepEqual([network?.driver, network?.vni], ["classic", 256]);
  });

  it("exits 0 with the rows of everyday life, and shows them as latent", async () => {
    const host = lab().host(2);
    const [network] = (await doctor(host)).report.networks;
    assert.ok(network !== undefined && network.vxlan !== null);
    const [first] = network.endpoints;
    assert.ok(first?.ip && first.mac);
    const row = [first.ip, "lladdr", first.mac, "dev", network.vxlan, "nud", "permanent"];
    await inside(host, network.netns, "ip", "neigh", "replace", ...row);
    try {
      const { code, report } = await doctor(host);
      assert.deepEqual([code, report.verdict], [0, "healthy"]);
      const found = report.networks.flatMap(({ findings }) => findings).find(({ ip }) => ip === first.ip);
      assert.deepEqual([found?.class, found?.state, found?.container], ["stale-local", "latent", first.name]);
      assert.match((await on(host, "doctor")).stdout, /nothing is lost now; \d+\s+latent/);
    } finally {
      await inside(host, network.netns, "ip", "neigh", "del", first.ip, "dev", network.vxlan);
    }
  });

  it("exits 1 for a broken pair and names its rows as active; 0 again when it is mended", async () => {
    const host = lab().host(1);
    const pair = { host, a: "A1", b: "B1" };
    await breakPair(pair);
    try {
      const { code, report } = await doctor(host);
      assert.deepEqual([code, report.verdict], [1, "faulty"]);
      const active = report.networks.flatMap(({ findings }) => findings).filter(({ state }) => state === "active");
      for (const name of ["A1", "B1"])
        for (const of of ["stale-local", "self-loop", "local-mac-on-vxlan-port"])
          assert.ok(
            active.some((one) => one.container === name && one.class === of),
            `${name} ${of}`,
          );
      const [network] = report.networks;
      const rows = await inside(host, network?.netns ?? "", "bridge", "fdb", "show");
      const loops = active.filter((one) => one.class === "self-loop");
      for (const { evidence } of loops) assert.ok(rows.includes(evidence), `${evidence}\n${rows}`);
      const text = (await on(host, "doctor")).stdout;
      assert.match(text, /✗ A1 +10\.0\.0\.\d+ ── veth\d+ +──/);
      assert.match(text, /overlaywatch cleanup/);
      const told = samples.parse(JSON.parse((await on(host, "check", "overlay", "--json", "--raw")).stdout));
      const counted = told.filter(({ tags }) => tags["state"] === "active").reduce((sum, { value }) => sum + value, 0);
      assert.equal(counted, active.length);
    } finally {
      await mendPair(pair);
    }
    const after = await doctor(host);
    assert.deepEqual([after.code, after.report.verdict], [0, "healthy"]);
  });

  it("exits 2 with Docker stopped, and calls nothing stale", async () => {
    const host = lab().host(2);
    await host.stopEngine();
    try {
      const { code, report } = await doctor(host);
      assert.deepEqual([code, report.verdict, report.networks.length], [2, "unknown", 0]);
      assert.match(report.unjudged.map(({ why }) => why).join(), /Docker/);
    } finally {
      await host.startEngine();
    }
  });

  it("collects what `bridge` and `ip -s` say at that time", async () => {
    const host = lab().host(1);
    const [network] = (await doctor(host)).report.networks;
    assert.ok(network !== undefined && network.vxlan !== null && network.bridge !== null);
    const { netns, vxlan, bridge } = network;
    const look = async () =>
      Promise.all([
        inside(host, netns, "bridge", "fdb", "show"),
        inside(host, netns, "ip", "-4", "neigh", "show"),
        ...[vxlan, bridge].map(async (device) => inside(host, netns, "ip", "-s", "link", "show", device)),
      ]);
    // Counters move by a stray multicast: a reading between two equal ones is compared.
    for (let tries = 0; tries < 10; tries++) {
      const before = await look();
      const told = samples.parse(JSON.parse((await on(host, "check", "overlay", "--json", "--raw")).stdout));
      const [rows, neighbours, ...devices] = await look();
      if (JSON.stringify(before) !== JSON.stringify([rows, neighbours, ...devices])) continue;
      const value = (name: string, device?: string) =>
        told.find(({ metric, tags }) => metric === `overlaywatch.overlay.${name}` && tags["device"] === device)?.value;
      assert.deepEqual([value("fdb_rows"), value("neighbours")], [linesOf(rows), linesOf(neighbours)]);
      for (const [index, device] of [vxlan, bridge].entries()) {
        const counts = (way: string) =>
          ["bytes", "packets", "errors", "drops"].map((what) => value(`device.${what}_${way}`, device));
        const { rcvd, sent } = statsOf(devices[index] ?? "");
        assert.deepEqual([counts("rcvd"), counts("sent")], [rcvd, sent], device);
      }
      return;
    }
    assert.fail("the tables never stood still");
  });
});
