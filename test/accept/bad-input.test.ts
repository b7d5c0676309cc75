import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressOf } from "../../lab/cluster.ts";
import { pause } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { assertNotAbove } from "./compare.ts";
import { Delivered } from "./delivered.ts";
import { kernelCounters } from "./kernel.ts";
import { figure } from "./length.ts";
import { endAll, here, onHost, says } from "./program.ts";

describe("accept: bad input, live", function () {
  this.timeout(60_000);
  const lab = useLab();
  const host = () => lab().host(1);
  let folder: string;

  before("folder", () => {
    folder = mkdtempSync(join(tmpdir(), "overlaywatch-accept-"));
  });
  afterEach("programs", endAll);
  after("folder", () => rmSync(folder, { recursive: true }));

  it("bad usage is 64, bad configuration 78, no engine 69: one message that names it, nothing printed, nothing sent", async () => {
    let files = 0;
    const config = (text: string) => {
      const file = join(folder, `bad${files++}.yaml`);
      writeFileSync(file, text);
      return ["check", "--config", file];
    };
    const cases = [
      [["check", "interfacs"], 64, /interfacs.*interfaces/],
      [["run", "--snik", "none"], 64, /--snik.*--sink/],
      [["chekc"], 64, /chekc.*check/],
      [config("colectors: {}\n"), 78, /colectors.*collectors/],
      [config("collectors: {interfaces: {interval: 7s}}\n"), 78, /interval/],
      [config("docker: [\n"), 78, /bad2\.yaml/],
      [["check", "--config", join(folder, "none.yaml")], 78, /none\.yaml/],
      [["check", "--docker-socket", join(folder, "none.sock")], 69, /none\.sock.*no such socket/],
    ] as const;
    for (const [args, code, message] of cases) {
      const program = here(args);
      assert.equal(await program.ended, code, `${args.join(" ")}: ${program.err()}`);
      assert.match(program.err(), message);
      assert.equal(program.out(), "");
      assert.equal(program.err().trim().split("\n").length, 1, program.err());
    }
  });

  it("a socket that answers garbage, and one that hangs: said, and run goes on and ends when told", async () => {
    const garbage = createServer((socket) => socket.on("error", () => undefined).end("\u0000\u0001 not HTTP\r\n\r\n"));
    const silent = createServer((socket) => socket.on("error", () => undefined));
    for (const [server, name, said] of [
      [garbage, "garbage.sock", /not HTTP|garbage|Parse Error/i],
      [silent, "silent.sock", /no whole answer within/],
    ] as const) {
      const path = join(folder, name);
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const settings = { OVERLAYWATCH_DOCKER_TIMEOUT: "1s", OVERLAYWATCH_COLLECTORS_INTERFACES_INTERVAL: "1s" };
      const check = here(["check", "--docker-socket", path], settings);
      assert.equal(await check.ended, 69, check.err());
      assert.match(check.err(), said);
      const agent = here(["run", "--sink", "none", "--docker-socket", path, "--state-dir", folder], settings);
      await says(agent, said);
      const { ms, code } = await agent.stop();
      assert.equal(code, 0, agent.err());
      assert.ok(ms < 2_000);
      server.close();
    }
  });

  it("a DogStatsD server that comes late: what could not be sent is counted, nothing comes twice", async () => {
    const delivered = await Delivered.open(lab());
    await delivered.close();
    const before = await kernelCounters(host(), "A1");
    const agent = onHost(host(), ["run", "interfaces"], delivered.settings);
    await says(agent, /could not send/);
    await lab().loss("A1", "B1", 5);
    await pause(1_500);
    await delivered.listen();
    await delivered.next(3);
    await lab().loss("A1", "B1", 5);
    await delivered.next(2);
    const lost = delivered.total("agent.dropped", { sink: "dogstatsd", reason: "transport" });
    assert.ok(lost > 0);
    const after = await kernelCounters(host(), "A1");
    assertNotAbove(delivered.sums("A1"), new Map([...after].map(([k, v]) => [k, v - (before.get(k) ?? 0)])), "A1");
    assert.equal((await agent.stop()).code, 0);
    await delivered.close();
    figure(`server down for some seconds: ${lost} samples told as lost, then all came`);
  });

  it("processes that die while they are read: left out, no error, the others go on", async () => {
    const delivered = await Delivered.open(lab());
    const agent = onHost(host(), ["run", "interfaces"], delivered.settings);
    await delivered.next(1);
    const to = await addressOf(host(), "A1");
    for (let i = 0; i < 4; i++) {
      await host().run("victim", { network: "testnet", args: ["ping", "-i", "0.05", to] });
      await pause(600);
      // Behind Docker's back: the inventory still has it when the next cycle reads.
      process.kill((await host().inspect("victim")).State.Pid, "SIGKILL");
      await pause(300);
      await host().rm("victim");
    }
    await delivered.next(2);
    const outcomes = delivered.arrived.filter(({ name }) => name === "agent.collect.outcome");
    assert.deepEqual([...new Set(outcomes.map(({ tags }) => tags["outcome"]))], ["ok"]);
    assert.deepEqual(
      delivered.counters().filter(({ value }) => value < 0),
      [],
    );
    assert.equal((await agent.stop()).code, 0);
    assert.equal(agent.err(), "");
    await delivered.close();
  });

  it("garbage datagrams into sink: refused and counted, what is good between them is shown", async () => {
    const sink = here(["sink", "--json", "--udp", "0"]);
    await says(sink, /listening on udp 127\.0\.0\.1:\d+/);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(sink.err())?.[1]);
    const socket = createSocket("udp4");
    const bad = [
      "",
      "x",
      "a:b|c",
      "a:1|zz",
      "a:1|c|@x",
      "\u0000\u0001\u0002",
      "a:1",
      ":|",
      "_e{9,9}:x|y",
      "x".repeat(60_000),
    ];
    for (const text of bad) {
      await sent(socket, port, text);
      await sent(socket, port, "good.one:1|c|#k:v");
    }
    await says(sink, new RegExp(`(?:[^\n]*good\\.one[^\n]*\n){${bad.length}}`));
    socket.close();
    assert.equal((await sink.stop()).code, 0);
    assert.match(sink.err(), new RegExp(`${bad.length} messages in .*; ${bad.length - 1} lines refused`));
  });
});

const sent = async (socket: ReturnType<typeof createSocket>, port: number, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.send(text, port, "127.0.0.1", (error) => (error === null ? resolve() : reject(error)));
  });
