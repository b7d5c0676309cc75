import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type RunState, runStateSchema } from "../../agent/run-state.ts";
import type { LabHost } from "../../lab/host.ts";
import { pause, until } from "../../lab/process.ts";
import { ssStates } from "../host/sockets/stage.ts";
import { useLab } from "../lab/fixture.ts";
import { Delivered } from "./delivered.ts";
import { figure } from "./length.ts";
import { endAll, onHost, type Program } from "./program.ts";

const names = ["interfaces", "netstat", "tcp"] as const;
const answer = z.object({ agents: z.array(runStateSchema) });

describe("accept: status and service checks", function () {
  this.timeout(120_000);
  const lab = useLab();
  let host: LabHost;
  let folder: string;
  let delivered: Delivered;

  const status = async (...args: readonly string[]) => {
    const program = onHost(host, ["status", "--state-dir", folder, ...args]);
    return { code: await program.ended, out: program.out(), err: program.err() };
  };
  const states = async (): Promise<readonly RunState[]> => {
    const { code, out, err } = await status("--json");
    assert.equal(code, 0, err);
    return answer.parse(JSON.parse(out)).agents;
  };
  const start = (...args: readonly string[]): Program =>
    onHost(host, ["run", ...args, "--state-dir", folder], delivered.settings);
  const cycles = async (count: number) => delivered.next(count * names.length);

  beforeEach(async () => {
    host = lab().host(1);
    folder = mkdtempSync(join(lab().shared, "state-"));
    delivered = await Delivered.open(lab());
  });
  afterEach(async () => {
    endAll();
    await delivered.close();
    rmSync(folder, { recursive: true });
  });

  it("nothing runs: exit 1, and where it looked", async () => {
    for (const dir of [folder, join(folder, "none")]) {
      const program = onHost(host, ["status", "--state-dir", dir]);
      assert.equal(await program.ended, 1);
      assert.equal(program.out(), "");
      assert.equal(
        program.err(),
        `no agent runs here (looked in ${dir}): start one with \`overlaywatch run\`, or give its --state-dir\n`,
      );
    }
    const { code, out } = await status("--json");
    assert.deepEqual([code, JSON.parse(out)], [1, { agents: [] }]);
  });

  it("an agent at work: each collector's last run, its sink, Docker, and the series that really arrived", async () => {
    const agent = start(...names);
    await cycles(3);
    const [state, ...more] = await states();
    assert.ok(state && more.length === 0);
    assert.equal(state.docker.state, "live");
    assert.ok(state.docker.containers >= 2);
    assert.deepEqual(state.collectors.map(({ name }) => name).toSorted(), names);
    for (const { name, runs, last, interval_seconds } of state.collectors) {
      assert.deepEqual([last?.outcome, last?.errors, interval_seconds], ["ok", [], 1], name);
      assert.ok(runs.ok >= 3 && last!.samples > 0, `${name}: ${JSON.stringify(runs)}`);
      assert.ok(Math.abs(last!.at - Date.now()) < 5_000);
    }
    assert.deepEqual(
      state.sinks.map(({ name, samples }) => [name, samples > 0]),
      [["dogstatsd", true]],
    );
    const { code, out } = await status();
    assert.equal(code, 0);
    assert.match(out, /^Agent \(pid \d+\)\n {2}running for \d+s, \d+ series in the last hour\n/);
    assert.match(out, /^Docker\n {2}live, \d+ containers, confirmed \d+s ago$/m);
    for (const name of names)
      assert.match(out, new RegExp(`^ {2}${name} +1s +\\d+ +\\ds ago +ok +[\\d.]+ ms +\\d+`, "m"));
    assert.match(out, /^Sinks\n {2}dogstatsd: \d+ samples sent/m);
    assert.equal((await agent.stop()).code, 0);
    const series = new Set(delivered.arrived.map(({ name, tags }) => `${name} ${JSON.stringify(tags)}`));
    assert.ok(state.series <= series.size && state.series >= series.size - 3, `${state.series} of ${series.size}`);
    assert.deepEqual(readdirSync(folder), []);
    figure(`status: ${state.series} series, ${series.size} arrived`);
  });

  it("two agents at once, one of which then hangs, and then is killed: told apart, none hides the other", async () => {
    const [one, two] = [start("interfaces"), start("tcp", "netstat")];
    await until(
      async () => (await status()).out.match(/^Agent/gm)?.length === 2 || undefined,
      10_000,
      () => new Error(),
    );
    const both = await states();
    const shown = both.map(({ collectors }) => collectors.map(({ name }) => name).join(" ")).toSorted();
    assert.deepEqual(shown, ["interfaces", "netstat tcp"]);
    const pid = both.find(({ collectors }) => collectors.some(({ name }) => name === "tcp"))!.pid;

    process.kill(pid, "SIGSTOP");
    const hanging = await status();
    assert.equal(hanging.code, 1);
    assert.match(hanging.err, new RegExp(`cannot ask the agent behind .*status-${pid}\\.sock.*does not answer within`));
    assert.match(hanging.out, /^ {2}interfaces/m);

    process.kill(pid, "SIGKILL");
    await two.ended;
    assert.ok(existsSync(join(folder, `status-${pid}.sock`)));
    assert.equal((await states()).length, 1);
    assert.ok(!existsSync(join(folder, `status-${pid}.sock`)), "what a killed one left is cleared away");
    assert.equal((await one.stop()).code, 0);
    assert.equal((await status()).code, 1);
  });

  it("Docker ends and comes back: stale with its age, critical, what runs is read on, what died sends nothing; then live", async () => {
    await host.run("victim", { network: "testnet" });
    const { Pid: victim } = (await host.inspect("victim")).State;
    const { Pid: idle } = (await host.inspect("B1")).State;
    const agent = start(...names);
    await cycles(3);
    await host.stopEngine({ signal: "SIGKILL" });
    const stopped = Date.now();
    await until(
      async () => (await states())[0]?.docker.state === "stale" || undefined,
      10_000,
      () => new Error("Docker is not stale"),
    );
    process.kill(victim, "SIGKILL");
    await pause(200);
    await cycles(2);
    const died = delivered.cycles;
    await cycles(4);
    const [state] = await states();
    assert.ok(state);
    assert.ok(state.docker.as_of <= stopped + 1_000 && state.docker.containers >= 3, JSON.stringify(state.docker));
    for (const { name, last } of state.collectors) {
      assert.deepEqual([last?.outcome, last?.skipped], ["ok", { gone: 1 }], name);
    }
    const { out } = await status();
    assert.match(out, /^Docker\n {2}stale, \d+ containers, confirmed [1-9]\d*s ago\n {2}\S/m);
    assert.match(out, /^ {2}tcp .* 1 gone$/m);
    const late = delivered.arrived.filter(({ cycle }) => cycle >= died);
    const ofWhom = (name: string) => late.filter(({ tags }) => tags["container_name"] === name);
    assert.deepEqual(
      ofWhom("victim").filter(({ name }) => name === "tcp.connections"),
      [],
    );
    // Its resolver was a socket of dockerd's: the one that listened is gone, and that is told.
    const listening = ofWhom("B1").filter(({ name, tags }) => name === "tcp.connections" && tags["state"] === "listen");
    assert.deepEqual(new Set(listening.map(({ value }) => value)), new Set([ssStates({ pid: idle }).listen]));
    figure(/^ {2}stale.*$/m.exec(out)?.[0].trim() ?? "");

    await host.startEngine();
    await until(
      async () => (await states())[0]?.docker.state === "live" || undefined,
      30_000,
      () => new Error("Docker is not live"),
    );
    await cycles(2);
    assert.equal((await agent.stop()).code, 0);
    checksAreAsDeclared(delivered, ["ok", "critical", "ok"]);
    await host.rm("victim");
    for (const name of ["A1", "B1"]) {
      await until(
        async () => (await host.inspect(name)).State.Running || undefined,
        20_000,
        () => new Error(`${name} did not come back`),
      );
    }
  });
});

const declared = z.array(
  z.object({ check: z.string(), statuses: z.array(z.string()), integration: z.literal("overlaywatch") }),
);

/** What collectors by name bring, with all its statuses in assets/service_checks.json, in the order in which they changed. */
function checksAreAsDeclared({ checks }: Delivered, changes: readonly string[]): void {
  const all = declared.parse(JSON.parse(readFileSync("assets/service_checks.json", "utf8")));
  const assets = all.filter(({ check }) => check === "overlaywatch.docker.can_connect");
  const sent = new Map<string, string[]>();
  for (const message of checks) {
    if (message.kind !== "service_check") continue;
    const before = sent.get(message.name) ?? [];
    if (before.at(-1) !== message.status) sent.set(message.name, [...before, message.status]);
  }
  assert.deepEqual(
    [...sent.keys()],
    assets.map(({ check }) => check),
  );
  for (const { check, statuses } of assets) {
    assert.deepEqual(new Set(sent.get(check)), new Set(statuses));
    assert.deepEqual(sent.get(check), changes);
  }
  figure(`service checks: ${[...sent].map(([name, statuses]) => `${name} ${statuses.join(" -> ")}`).join(", ")}`);
}
