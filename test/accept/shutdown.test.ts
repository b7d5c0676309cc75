import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { pause } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { Delivered } from "./delivered.ts";
import { fullPipe } from "./full-pipe.ts";
import { figure } from "./length.ts";
import { endAll, onHost, type Program, says } from "./program.ts";

/** From SIGTERM to the end of the process. */
const limit = 2_000;

describe("accept: shutdown", function () {
  this.timeout(60_000);
  const lab = useLab();
  let delivered: Delivered;
  const host = () => lab().host(1);
  // Coverage is written at the end of a process: not a part of what is measured.
  const run = (
    args: readonly string[] = [],
    settings: Readonly<Record<string, string>> = delivered.settings,
  ): Program => onHost(host(), ["run", "interfaces", ...args], { ...settings, NODE_V8_COVERAGE: "" });

  beforeEach("receiver", async () => {
    delivered = await Delivered.open(lab());
  });
  afterEach("receiver", async () => {
    endAll();
    await delivered.close();
  });

  it("with all well, by SIGTERM and by SIGINT; nothing that was collected stays behind", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const agent = run();
      await delivered.next(2);
      await inTime("all well", agent, signal);
      assert.equal(delivered.total("agent.dropped"), 0);
    }
    const first = run();
    // Before its first reading is over.
    await pause(300);
    const { ms } = await first.stop();
    assert.ok(ms < limit);
  });

  it("with the DogStatsD socket gone", async () => {
    const agent = run();
    await delivered.next(2);
    await delivered.close();
    await says(agent, /could not send/);
    await inTime("socket gone", agent);
  });

  it("with Docker hanging, from before its start and from later on", async () => {
    const engine = Number(readFileSync(`/proc/${host().pid}/root/run/docker.pid`, "utf8"));
    const agent = run();
    await delivered.next(2);
    process.kill(engine, "SIGSTOP");
    try {
      const late = run();
      await delivered.next(2);
      await pause(1_000);
      await inTime("Docker hangs", agent);
      await inTime("Docker hangs from before the start", late);
    } finally {
      process.kill(engine, "SIGCONT");
    }
  });

  it("with a reader of stdout that does not read, live table and sink alike; it goes on sending meanwhile", async () => {
    const pipe = await fullPipe();
    try {
      const agent = withStdout(pipe.fd, ["run", "interfaces", "--sink", "console", "--sink", "dogstatsd"]);
      await delivered.next(4, 15_000);
      await inTime("stdout full, run --sink console", agent);
      const sink = withStdout(pipe.fd, ["sink", "--json", "--uds", `${delivered.path}.sink`]);
      const feeder = run([], { ...delivered.settings, DD_DOGSTATSD_URL: `unix://${delivered.path}.sink` });
      await pause(3_000);
      await inTime("stdout full, sink --json", sink);
      await inTime("its sender", feeder);
    } finally {
      pipe.close();
    }
  });

  const withStdout = (stdout: number, args: readonly string[]): Program =>
    onHost(host(), args, { ...delivered.settings, NODE_V8_COVERAGE: "" }, { stdout });
});

const inTime = async (what: string, program: Program, signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
  const killer = setTimeout(() => program.child.kill("SIGKILL"), 10_000);
  const { ms, code } = await program.stop(signal);
  clearTimeout(killer);
  figure(`${what}: ended ${Math.round(ms)} ms after ${signal}`);
  assert.equal(code, 0, program.err());
  assert.ok(ms < limit, `${what}: ${ms} ms`);
};
