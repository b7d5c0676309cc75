import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startReceiver } from "../../../emit/dogstatsd/receiver.ts";
import { type ScriptedDocker, json, scriptedDocker } from "../../host/docker/scripted.ts";
import { until } from "../../host/until.ts";
import { isRoot, needs } from "../../needs.ts";
import { useLab } from "../../lab/fixture.ts";
import { parseLines } from "./parse-line.ts";
import { endPrograms, startProgram } from "./program.ts";

const collection = /^overlaywatch_agent,.*outcome=.* collect_outcome=1i /;

describe("run --sink influx", () => {
  let docker: ScriptedDocker;
  const start = (args: readonly string[] = [], options: Parameters<typeof startProgram>[1] = {}) =>
    startProgram(["run", "interfaces", "--sink", "influx", "--docker-socket", docker.socketPath, ...args], options);

  beforeEach(async () => void (docker = await scriptedDocker()));
  afterEach(async () => {
    endPrograms();
    await docker.remove();
  });

  it("answers each newline at once, nothing before the first, and prints nothing but lines", async () => {
    const program = start(["--on-stdin"], { env: { OVERLAYWATCH_TAGS_GLOBAL: "env:a b,bare" } });
    await until("Docker has been asked", () => docker.asked.includes("/containers/json"));
    await sleep(300);
    assert.equal(program.out(), "");
    for (let count = 1; count <= 3; count += 1) {
      program.child.stdin.write("\n");
      const lines = await program.lines(collection, count);
      assert.equal(lines.length, count);
    }
    // A few that come at once are answered one by one.
    program.child.stdin.write("\n\n\n");
    await program.lines(collection, 6);
    program.child.stdin.end();
    assert.deepEqual(await program.ended(), { code: 0 });
    const points = parseLines(program.out());
    assert.equal(points.filter(({ fields }) => fields[0]?.[0] === "collect_outcome").length, 6);
    for (const { measurement, tags } of points) {
      assert.match(measurement, /^overlaywatch_/);
      const { env, bare } = Object.fromEntries(tags);
      assert.deepEqual([env, bare], ["a b", "true"]);
    }
    assert.equal(program.err(), "");
  });

  it("answers the newlines that come with the end of stdin, and an end alone ends it too", async () => {
    // Slower than the end of stdin, so that the answers are still to come then.
    docker.faults.set("/containers/json", (response) => void setTimeout(() => json(response, []), 400));
    const program = start(["--on-stdin"]);
    program.child.stdin.end("\n\n\n");
    assert.deepEqual(await program.ended(), { code: 0 });
    assert.equal((await program.lines(collection, 3)).length, 3);
    const silent = start(["--on-stdin"]);
    silent.child.stdin.end();
    assert.deepEqual(await silent.ended(), { code: 0 });
    assert.equal(silent.out(), "");
  });

  it("does not work off a long backlog of newlines, and says so", async () => {
    const program = start(["--on-stdin"]);
    program.child.stdin.write("\n".repeat(10_000));
    await until("it says that newlines were left out", () => /^W! newlines come faster/m.test(program.err()));
    program.child.stdin.end();
    assert.deepEqual(await program.ended(), { code: 0 });
    const answers = (await program.lines(collection, 1)).length;
    assert.ok(answers >= 6 && answers < 100, `${answers} answers`);
  });

  it("ends with stdin while Docker hangs", async () => {
    docker.faults.set("/events", () => undefined);
    const program = start(["--on-stdin"]);
    program.child.stdin.write("\n");
    await until("Docker has been asked", () => docker.asked.includes("/events"));
    program.child.stdin.end();
    assert.deepEqual(await program.ended(), { code: 0 });
  });

  it("goes by its own schedule without the flag, whatever stdin does, and says its troubles as telegraf reads them", async () => {
    await docker.stop();
    const program = start([], { env: { OVERLAYWATCH_COLLECTORS_INTERFACES_INTERVAL: "1s" } });
    program.child.stdin.end("\n\n\n\n\n\n\n\n");
    const lines = await program.lines(collection, 3);
    assert.equal(new Set(lines).size, lines.length);
    program.child.kill("SIGTERM");
    assert.deepEqual(await program.ended(), { code: 0 });
    assert.ok(parseLines(program.out()).length >= 3);
    assert.match(program.err(), /^(?:[EWID]! .+\n)+$/);
    assert.match(program.err(), /^W! .*no such socket/m);
  });

  it("does not grow for a reader that does not read, says so, and ends all the same", async function () {
    this.timeout(30_000);
    // About 180 kB for each newline.
    const env = { OVERLAYWATCH_TAGS_GLOBAL: `x:${"y".repeat(60_000)}` };
    const program = start(["--on-stdin"], { env, reads: false });
    // What comes before the program is up, or faster than it answers, is left out: so it goes on until it has its effect.
    const newline = async () => {
      program.child.stdin.write("\n");
      await sleep(5);
    };
    for (
      const end = performance.now() + 10_000;
      !program.err().includes("W! influx: stdout is not read");
      await newline()
    )
      assert.ok(performance.now() < end, `within 10 s it says that stdout is not read, not only: ${program.err()}`);
    const before = residentBytes(program.child.pid!);
    for (let n = 0; n < 600; n += 1) await newline();
    const grown = residentBytes(program.child.pid!) - before;
    assert.ok(grown < 50e6, `grew by ${grown} bytes, of more than 100 MB written`);
    program.child.stdin.end();
    assert.deepEqual(await program.ended(), { code: 0 });
  });

  it("ends in good order when its reader goes: what is on its way to others arrives", async () => {
    const arrived: string[] = [];
    const receiver = await startReceiver({ udp: { port: 0 } }, (m) => void arrived.push(JSON.stringify(m)));
    try {
      const env = { OVERLAYWATCH_SINKS_DOGSTATSD_URL: `udp://127.0.0.1:${receiver.udp!.port}` };
      const program = start(["--sink", "dogstatsd", "--on-stdin"], { env });
      program.child.stdin.write("\n");
      await program.lines(collection, 1);
      program.child.stdout.destroy();
      program.child.stdin.write("\n");
      assert.deepEqual(await program.ended(), { code: 0 });
      const count = () => arrived.filter((m) => m.includes("overlaywatch.agent.collect.outcome")).length;
      await until("both collections arrived by DogStatsD", () => count() === 2);
    } finally {
      await receiver.close();
    }
  });

  it("sends to telegraf's inputs.statsd only what that reads", async () => {
    const lines: string[] = [];
    const socket = createSocket("udp4", (datagram) => void lines.push(...String(datagram).split("\n")));
    await new Promise<void>((resolve) => void socket.bind(0, "127.0.0.1", resolve));
    try {
      const url = `udp://127.0.0.1:${socket.address().port}`;
      // What makes hot-shots add fields that telegraf takes for values.
      const env = { OVERLAYWATCH_SINKS_DOGSTATSD_URL: url, DD_EXTERNAL_ENV: "it-false,cn-x", DD_CARDINALITY: "low" };
      const program = start(["--sink", "dogstatsd", "--on-stdin"], { env });
      program.child.stdin.write("\n");
      await program.lines(collection, 1);
      program.child.stdin.end();
      await program.ended();
      await until("the service check has arrived", () => lines.some((line) => line.startsWith("_sc|")));
    } finally {
      socket.close();
    }
    const metrics = lines.filter((line) => line !== "" && !line.startsWith("_sc|"));
    assert.ok(metrics.length > 3);
    // One value a line, no sign, and no field but tags: it counts further values, adds signed gauges and logs other fields.
    for (const line of metrics) assert.match(line, /^[\w.]+:[\d.e]+(?:e-\d+)?\|[gc]\|#dd\.internal\.card:none[^|]*$/);
  });

  for (const [why, args, message] of [
    ["console beside influx", ["--sink", "influx", "--sink", "console"], /sinks\.enabled: influx and console both/],
    ["--on-stdin without influx", ["--sink", "none", "--on-stdin"], /--on-stdin: goes with --sink influx only/],
  ] as const) {
    it(`refuses ${why}`, async () => {
      const program = startProgram(["run", ...args]);
      assert.deepEqual(await program.ended(), { code: 64 });
      assert.match(program.err(), message);
      assert.equal(program.out(), "");
    });
  }
});

describe("run --sink influx, on a real engine", function () {
  before(function () {
    needs(this, "root", isRoot());
  });
  const lab = useLab();

  it("takes the base at the first newline, and sends the growth at the second", async () => {
    const host = lab().hosts[0]!;
    const program = startProgram(["run", "--sink", "influx", "--on-stdin", "--docker-socket", host.socket]);
    try {
      program.child.stdin.write("\n");
      await program.lines(collection, 1);
      assert.doesNotMatch(program.out(), /^overlaywatch_net/m);
      assert.equal(await lab().loss("A1", "B1", 5), 0);
      program.child.stdin.write("\n");
      await program.lines(collection, 2);
      program.child.stdin.end();
      assert.deepEqual(await program.ended(), { code: 0 });
    } finally {
      endPrograms();
    }
    const a1 = parseLines(program.out()).find(({ measurement, tags }) => {
      const { container_name: container, docker_network: network } = Object.fromEntries(tags);
      return measurement === "overlaywatch_net" && container === "A1" && network === "testnet";
    });
    assert.ok(a1, `no line of A1 in ${program.out()}`);
    const { packets_rcvd: rcvd, packets_sent: sent } = Object.fromEntries(a1.fields);
    for (const packets of [rcvd, sent])
      assert.ok(packets && "int" in packets && Number(packets.int) >= 5, JSON.stringify(a1.fields));
    assert.equal(program.err(), "");
  });
});

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
