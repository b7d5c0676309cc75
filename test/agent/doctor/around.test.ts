import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { z } from "zod";
import type { LabHost } from "../../../lab/host.ts";
import { killJournald } from "../../../lab/journal.ts";
import { until } from "../../../lab/process.ts";
import { type ReportClass, reportClasses } from "../../../overlay/diagnose/finding.ts";
import { useLab } from "../../lab/fixture.ts";
import { doctorJson } from "./schema.ts";

const main = `${process.cwd()}/dist/agent/main.js`;
const cleaned = z.looseObject({ outcome: z.string(), actions: z.array(z.unknown()) });

async function doctor(host: LabHost, ...args: readonly string[]) {
  const { code, stdout } = await host.exec([process.execPath, main, "doctor", "--json", ...args]);
  const report = doctorJson.parse(JSON.parse(stdout));
  const around = report.findings.filter(({ class: of }) => reportClasses.some((one) => one === of));
  return { code, report, around, found: (of: ReportClass) => around.find((one) => one.class === of) };
}

async function shell(host: LabHost, script: string): Promise<void> {
  const { code, stderr } = await host.exec(["/bin/sh", "-c", script]);
  assert.equal(code, 0, `${script}: ${stderr}`);
}

/** It is there, and whoever heals has nothing to do about it. */
async function isLeftAlone(host: LabHost): Promise<void> {
  const args = ["cleanup", "--apply", "--json", "--state-dir", "/run/around-state"];
  const { code, stdout } = await host.exec([process.execPath, main, ...args]);
  const { outcome, actions } = cleaned.parse(JSON.parse(stdout));
  assert.deepEqual([code, outcome, actions], [0, "nothing", []]);
}

/** Sends from another address than the others know this host by, and does so no more. */
async function strays(host: LabHost, other: LabHost): Promise<void> {
  const [to, source] = [other.vtep, "172.31.240.101"];
  await shell(host, `ip addr add ${source}/32 dev eth0 && ip route add ${to}/32 dev eth0 src ${source}`);
  try {
    const { code, report, found } = await doctor(host);
    const wrong = found("source-address");
    assert.deepEqual([code, report.verdict, wrong?.state, wrong?.automatic], [1, "faulty", "active", false]);
    assert.ok([to, source, host.vtep, `ip route get ${to}`].every((word) => wrong?.evidence.includes(word)));
    await isLeftAlone(host);
  } finally {
    await shell(host, `ip route del ${to}/32 && ip addr del ${source}/32 dev eth0`);
  }
  const { code, found } = await doctor(host);
  assert.deepEqual([code, found("source-address")], [0, undefined]);
}

/** What dockerd has said so far: in its file, and in the journal. */
async function saidBy(host: LabHost): Promise<readonly [string, string]> {
  const { stdout } = await host.exec(["journalctl", "--output=cat", "SYSLOG_IDENTIFIER=dockerd"]);
  return [host.engineLog(), stdout];
}

/** Lets no UDP of gossip through until dockerd says so. Not TCP: who is given up loses the rows of all its containers. */
async function holdsUp(host: LabHost, other: LabHost, words: RegExp): Promise<void> {
  const drop = `INPUT -s ${other.vtep} -p udp --dport 7946 -j DROP`;
  const before = await saidBy(host);
  const isSaid = async () => (await saidBy(host)).every((text, at) => words.test(text.slice(before[at]?.length)));
  await shell(host, `iptables -I ${drop}`);
  try {
    await until(
      async () => (await isSaid()) || undefined,
      20_000,
      () => new Error(`dockerd, or the journal, does not say ${words.source}:\n${host.engineLog().slice(-2000)}`),
    );
  } finally {
    await shell(host, `iptables -D ${drop}`);
  }
  const { code, found } = await doctor(host);
  const lost = found("networkdb-partition");
  assert.deepEqual([code, lost?.state, lost?.automatic], [0, "latent", false]);
  assert.match(
    lost?.evidence ?? "",
    /^another host answers gossip by TCP alone: dockerd said so .* in 15 minutes, last at \d{4}-/,
  );
  assert.match(lost?.evidence ?? "", words);
  await isLeftAlone(host);
}

describe("agent/doctor: what is around the overlays of a classic lab", function () {
  this.timeout(60_000);
  const lab = useLab();
  const [one, two] = [() => lab().host(1), () => lab().host(2)];

  it("is nothing that harms on a healthy host, and dockerd's log is read", async () => {
    const { code, around, report } = await doctor(one());
    assert.equal(code, 0);
    assert.deepEqual(
      around.filter(({ state }) => state === "active" || state === "mitigated"),
      [],
    );
    assert.ok(!around.some(({ class: of }) => of === "mtu" || of === "source-address"), JSON.stringify(around));
    assert.ok(!report.unjudged.some(({ what }) => /log/.test(what)), JSON.stringify(report.unjudged));
  });

  it("is a source address that the others do not know, lost pings and all, until it is taken away", async () => {
    await strays(one(), two());
  });

  it("is an MTU that does not fit, until it does", async () => {
    await shell(one(), "ip link set eth0 mtu 1400");
    try {
      const { code, found } = await doctor(one());
      const tight = found("mtu");
      assert.deepEqual([code, tight?.state, tight?.device, tight?.automatic], [0, "latent", "eth0", false]);
      assert.match(tight?.evidence ?? "", /testnet send up to 1450, and with 50 .* 1400 of the way to 172\.31\.240\.2/);
      await isLeftAlone(one());
    } finally {
      await shell(one(), "ip link set eth0 mtu 1500");
    }
    assert.equal((await doctor(one())).found("mtu"), undefined);
  });

  it("is gossip that a firewall holds up, as dockerd says; a bundle has nothing of it", async () => {
    // The copy of dockerd's log ends with the journal's own program, and comes back with it.
    await killJournald(one());
    await lab().startJournald(one());
    await holdsUp(one(), two(), /but other probes failed/);
    await doctor(one(), "--save", "/run/bundle.json");
    const saved = readFileSync(`/proc/${one().pid}/root/run/bundle.json`, "utf8");
    assert.ok(saved.includes("overlaywatch-bundle") && !saved.includes("probes failed"), saved);
  });

  it("is told to people in a line each, with what to do", async () => {
    const { stdout } = await one().exec([process.execPath, main, "doctor"]);
    assert.match(
      stdout,
      /On this host, for a person to see to:\n[^]* {2}- networkdb-partition \(latent\): [^]*To\s+do:\s+let\s+UDP\s+7946/,
    );
  });
});

describe("agent/doctor: what is around the overlays of a swarm", function () {
  this.timeout(60_000);
  const lab = useLab({ driver: "swarm", engine: "28.5" });

  it("is a source address that the swarm does not tell, until it is taken away", async () => {
    await strays(lab().host(1), lab().host(2));
  });

  it("is gossip that a firewall holds up, and nothing that harms before", async () => {
    const before = await doctor(lab().host(1));
    assert.equal(before.code, 0);
    assert.ok(!before.around.some(({ state }) => state === "active"), JSON.stringify(before.around));
    await holdsUp(lab().host(1), lab().host(2), /over TCP but UDP probes failed/);
  });
});
