import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { addressOf, loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { useLab } from "../lab/fixture.ts";
import { figure, isFull, sized } from "./length.ts";
import { endAll, onHost, start } from "./program.ts";
import { Treatment } from "./treatment.ts";

const stats = (all: readonly number[]): string => {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (share: number): string => ((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) / 1000).toFixed(2);
  return `median ${at(0.5)} s, longest ${at(1)} s`;
};

/** A2 and B2 of the second host are the control: broken in the same way, and never healed. */
describe("accept: cleanup and undo on engine 20.10", function () {
  this.timeout(sized(2_700_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;

  const at = async (...args: readonly string[]) => here.at(...args);
  const cleanup = async (...args: readonly string[]) => here.cleanup(...args);
  const tables = async () => here.tables();
  // An engine that came back may have given them each other's address.
  const pings = async (): Promise<number> => loss(host, "A1", await addressOf(host, "B1"));
  const control = async (): Promise<number> => lab().loss("A2", "B2", 10);
  const broken = async (): Promise<void> => {
    await lab().break({ host: 1 });
    if ((await control()) < 100) await lab().break({ host: 2, a: "A2", b: "B2" });
  };

  beforeEach(() => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
  });
  afterEach(async () => {
    endAll();
    here.forget();
    for (const [number, a, b] of [[1, "A1", "B1"] as const, [2, "A2", "B2"] as const])
      await lab().mend({ host: number, a, b });
  });

  it("does nothing where nothing is wrong", async () => {
    const before = await tables();
    // Not --all: rows that do no harm now are everyday life on a classic engine whose containers have talked.
    for (const args of [[], ["--apply"]]) assert.equal((await cleanup(...args)).code, 0);
    await here.unwritten(before);
  });

  it("finds, heals, proves and undoes, while the control stays cut off", async () => {
    const [wanted, times]: [number, number[]] = [sized(20, 1), []];
    let voided = 0;
    while (times.length < wanted) {
      await broken();
      const ms = await curedAndUndone();
      // An outage may end by itself when somebody else speaks: beside a control that did, a cure proves nothing.
      if ((await control()) === 100) times.push(ms);
      else if (++voided > wanted + 2) assert.fail(`${voided} controls healed by themselves`);
    }
    figure(
      `${times.length} of ${times.length} cured, loss 0 %, control 100 % (${voided} more with a control that healed by itself); from start to verified ${stats(times)}`,
    );
    if (isFull()) assert.ok(Math.max(...times) < 3000);
  });

  /** One round, with everything that a person would look at; gives the milliseconds from start to verified. */
  async function curedAndUndone(): Promise<number> {
    assert.equal((await at("doctor")).code, 1);
    const before = await tables();
    const dry = await cleanup();
    assert.equal(dry.code, 11);
    await here.unwritten(before, "a dry run changes nothing");
    assert.ok(dry.json.actions.every(({ command, result }) => command[0] === "nsenter" && result === "planned"));
    const { code, json, ms } = await cleanup("--apply");
    assert.equal(code, 10, JSON.stringify(json));
    assert.ok(json.verified && json.loss.every(({ before: was, after }) => was === 1 && after === 0));
    assert.equal(await pings(), 0);
    const exact = await at("undo", json.undo ?? "", "--restore-fault");
    assert.equal(exact.code, 0, exact.out + exact.err);
    await here.unwritten(before, "with --restore-fault");
    assert.equal(await pings(), 100);
    const again = await cleanup("--apply");
    assert.equal(again.code, 10);
    assert.equal((await at("undo", again.json.undo ?? "")).code, 0);
    assert.equal(await pings(), 0);
    assert.ok(!(await tables()).some((line) => line.includes("sticky")));
    return ms;
  }

  it("the hook heals by the strategy of the configuration, and passes the exit code on", async () => {
    await broken();
    const [command, ...args] = host.argv([`${process.cwd()}/scripts/arp-cleanup`, "--json", "--state-dir", here.state]);
    const hook = start([command, ...args], host.environment());
    assert.equal(await hook.ended, 10, hook.out() + hook.err());
    const again = start([command, ...args], host.environment());
    assert.equal(await again.ended, 0);
  });

  it("unattended, it does not heal the same MAC twice within 30 s", async () => {
    await broken();
    await here.host.settle();
    const first = await cleanup("--apply", "--unattended");
    assert.equal(first.code, 10, first.out);
    await broken();
    const { code, json } = await cleanup("--apply", "--unattended");
    assert.equal(code, 20);
    assert.ok(json.refused.every(({ rule }) => rule === "cooldown"));
  });

  it("a pause and the configuration's switch stop it, and are lifted", async () => {
    await broken();
    const before = await tables();
    assert.equal((await at("pause", "--for", "2h", "--reason", "upgrade of the kernel")).code, 0);
    const paused = await cleanup("--apply");
    assert.equal(paused.code, 20);
    assert.match(paused.json.refused[0]?.sentence ?? "", /paused until .*upgrade of the kernel.*pause --off/);
    assert.equal((await at("pause", "--off")).code, 0);
    await here.unwritten(before);
    assert.equal((await cleanup("--apply")).code, 10);
  });

  it("two at once: one works, the other says who does", async () => {
    await broken();
    const both = await Promise.all([cleanup("--apply"), cleanup("--apply")]);
    const codes = both.map(({ code }) => code).toSorted((a, b) => a - b);
    assert.deepEqual(codes, [10, 75]);
    const held = both.find(({ code }) => code === 75);
    assert.match(held?.json.refused[0]?.sentence ?? "", /held by overlaywatch cleanup, process \d+/);
  });

  it("with Docker stopped or hanging nothing is written", async () => {
    await broken();
    const before = await tables();
    const pid = engineOf(host);
    process.kill(pid, "SIGSTOP");
    try {
      const hanging = await cleanup("--apply");
      assert.equal(hanging.code, 69, hanging.out);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    const none = await cleanup("--apply", "--docker-socket", "/run/nothing.sock");
    assert.equal(none.code, 69);
    await here.unwritten(before);
  });

  it("who is not root, and root that may not enter namespaces, is refused, and writes nothing", async () => {
    await broken();
    const before = await tables();
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const powerless = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];
    for (const [way, rule] of [[nobody, "root"] as const, [powerless, "access"] as const]) {
      const by = ["/usr/bin/setpriv", ...way, "--"];
      const program = onHost(host, ["cleanup", "--apply", "--json", "--state-dir", here.state], {}, { by });
      assert.equal(await program.ended, 20, program.out() + program.err());
      assert.match(program.out(), new RegExp(`"rule": ?"${rule}"`, "u"));
    }
    await here.unwritten(before);
  });

  it("killed at any moment, the next run heals, and undoes what is noted", async () => {
    for (let round = 0; round < sized(100, 2); round++) {
      await broken();
      const program = onHost(host, ["cleanup", "--apply", "--state-dir", here.state]);
      // Judging takes about a second: what follows are the writes.
      await sleep(1000 + Math.random() * 1500);
      program.child.kill("SIGKILL");
      await program.ended;
      const next = await cleanup("--apply");
      assert.ok([0, 10].includes(next.code), next.out);
      assert.equal(await pings(), 0);
      for (const name of readdirSync(join(here.state, "undo"))) {
        const undone = await at("undo", join(here.state, "undo", name));
        assert.equal(undone.code, 0, undone.out);
      }
      assert.equal(await pings(), 0);
      rmSync(join(here.state, "undo"), { recursive: true });
    }
  });
});

/** dockerd of this lab host: the process that shares its mounts and is called so. */
function engineOf(host: LabHost): number {
  const mounts = readlinkSync(`/proc/${host.pid}/ns/mnt`);
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    try {
      const isHere = readlinkSync(`/proc/${name}/ns/mnt`) === mounts;
      if (isHere && readFileSync(`/proc/${name}/comm`, "utf8") === "dockerd\n") return Number(name);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error(`no dockerd runs on ${host.name}`);
}
