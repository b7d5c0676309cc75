import assert from "node:assert/strict";
import type { LabHost } from "../../lab/host.ts";
import { pause } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { Delivered } from "./delivered.ts";
import { figure, sized } from "./length.ts";
import { endAll, onHost } from "./program.ts";
import { Treatment } from "./treatment.ts";

/** The cluster's two, and six of our own. */
const chatty = ["A1", "B1", "C1", "D1", "E1", "F1", "G1", "H1"];
const comers = ["coming0", "coming1", "coming2"];
const seconds = sized(600, 20);

describe("accept: everyday life is healthy", function () {
  this.timeout(sized(900_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;

  before("eight containers", async () => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
    for (const name of chatty.slice(2)) await host.run(name, { network: "testnet" });
  });
  after("end", async () => {
    endAll();
    lab().stopTraffic();
    here.forget();
    for (const name of [...chatty.slice(2), ...comers]) await host.api("DELETE", `/containers/${name}?force=true`);
  });

  it(`8 chatty containers, and one started or stopped every 2 s, for ${seconds} s: doctor exits 0, nothing is ever active`, async () => {
    const delivered = await Delivered.open(lab());
    const agent = onHost(host, ["run", "overlay", "--state-dir", here.state], {
      ...delivered.settings,
      OVERLAYWATCH_COLLECTORS_OVERLAY_INTERVAL: "10s",
    });
    await lab().startChatty({ host: 1, containers: chatty });
    const ping = await lab().ping("C1", "D1", 5);
    const end = Date.now() + seconds * 1000;
    const [churn, visits] = await Promise.all([churning(end), visiting(end)]);
    const { sent, received } = await ping.stop();
    assert.equal((await agent.stop()).code, 0, agent.err());
    await delivered.close();
    const active = delivered.arrived.filter(
      ({ name, tags }) => name === "overlay.findings" && tags["state"] === "active",
    );
    figure(
      `${churn} starts and stops; doctor ${visits.length} times: ${visits.filter(({ code }) => code === 0).length} times 0, ${Math.min(...visits.map(({ latent }) => latent))} to ${Math.max(...visits.map(({ latent }) => latent))} latent; ${received} of ${sent} pings`,
    );
    assert.deepEqual(
      visits.filter(({ code }) => code !== 0).map(({ out }) => out),
      [],
    );
    assert.ok(visits.at(-1)!.latent > 0, "chatty containers of a classic engine have latent rows");
    assert.deepEqual(
      active.filter(({ value }) => value > 0),
      [],
    );
    assert.ok(delivered.cycles >= seconds / 10 - 2);
    assert.ok(received >= sent * 0.99, "it was a healthy lab");
  });

  async function churning(end: number): Promise<number> {
    const there = new Set<string>();
    for (let count = 0; ; count++) {
      if (Date.now() >= end) return count;
      const began = Date.now();
      const name = comers[count % comers.length]!;
      if (there.delete(name)) await host.rm(name);
      else {
        await host.run(name, { network: "testnet" });
        there.add(name);
      }
      await pause(Math.max(0, 2000 - (Date.now() - began)));
    }
  }

  async function visiting(end: number) {
    const visits: { readonly code: number; readonly latent: number; readonly out: string }[] = [];
    while (Date.now() < end) {
      const began = Date.now();
      const { code, out, json } = await here.doctor();
      const findings = json.networks.flatMap((network) => network.findings);
      visits.push({ code, out, latent: findings.filter(({ state }) => state === "latent").length });
      await pause(Math.max(0, 5000 - (Date.now() - began)));
    }
    return visits;
  }
});
