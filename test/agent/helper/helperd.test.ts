import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../host/until.ts";
import { isRoot, needs } from "../../needs.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";
import { answerSchema, request } from "./helper-process.ts";

describe("agent/helperd", function () {
  this.timeout(30_000);
  const folder = useFolder();
  const started: ChildProcess[] = [];
  const path = (): string => join(folder.path(), "run", "helper.sock");
  before("needs root", function () {
    needs(this, "root", isRoot());
  });
  afterEach(() => {
    for (const one of started.splice(0)) one.kill("SIGKILL");
  });

  /** Resolves when it listens. */
  async function helperd(
    env: Readonly<Record<string, string>> = {},
    ...more: readonly string[]
  ): Promise<ChildProcess> {
    const args = ["dist/agent/main.js", "helperd", "--socket", path(), "--state-dir", folder.path(), ...more];
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    started.push(child);
    await once(child.stderr, "data");
    child.stderr.resume();
    return child;
  }

  /** One that is to end by itself. */
  const refused = async (...more: readonly string[]) => cli(["helperd", "--socket", path(), ...more]);

  async function open(): Promise<Socket> {
    const socket = connect({ path: path() });
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  }

  it("makes its folder, and a socket for root and one group", async () => {
    await helperd({}, "--group", "daemon");
    const [socket, above] = [statSync(path()), statSync(join(folder.path(), "run"))];
    assert.deepEqual([socket.mode & 0o777, socket.uid, above.mode & 0o777, above.uid], [0o660, 0, 0o755, 0]);
    const [, gid] = /^daemon:[^:]*:(\d+):/mu.exec(readFileSync("/etc/group", "utf8")) ?? [];
    assert.equal(socket.gid, Number(gid));
  });

  it("gives each request to a process of its own, with nothing of its environment and no right beyond what is needed", async () => {
    const daemon = await helperd({
      NODE_OPTIONS: "--max-old-space-size=321",
      SECRET: "x",
      LD_LIBRARY_PATH: "/nowhere",
    });
    const sockets = [await open(), await open()];
    await until("two helpers", () => helpersOf(daemon).filter(isHelper).length === 2);
    const pids = helpersOf(daemon);
    for (const pid of pids) {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      assert.doesNotMatch(environment, /NODE_OPTIONS|SECRET|LD_LIBRARY/u);
      assert.match(environment, /(?:^|\0)PATH=\/usr\/sbin:\/usr\/bin:\/sbin:\/bin\0/u);
      // CAP_NET_ADMIN is bit 12 and CAP_SYS_ADMIN bit 21 (capability.h).
      assert.deepEqual([statusOf(pid, "CapBnd"), statusOf(pid, "CapEff")], ["0000000000201000", "0000000000201000"]);
      assert.equal(statusOf(pid, "NoNewPrivs"), "1");
    }
    const answers = await Promise.all(sockets.map(async (one) => answerOf(one, request("hello"))));
    assert.deepEqual(new Set(answers.map(({ pid }) => pid)), new Set(pids));
  });

  it("has four at once, and sixty a minute: who comes then is told to ask later", async () => {
    await helperd();
    const open4 = await Promise.all([open(), open(), open(), open()]);
    const fifth = await answerOf(await open());
    assert.deepEqual(fifth.error, { code: 75, message: "4 requests are under way: ask again later" });
    await Promise.all(open4.map(async (one) => answerOf(one, request("hello"))));
    const codes: (number | undefined)[] = [];
    const ask = async () => (await answerOf(await open(), "\n")).error?.code;
    for (let asked = 0; asked < 58; asked += 2) codes.push(...(await Promise.all([ask(), ask()])));
    assert.deepEqual(codes, [...Array.from({ length: 56 }, () => 65), 75, 75]);
  });

  it("at its end takes no more, lets what is under way end, and puts its socket away", async () => {
    const daemon = await helperd();
    const socket = await open();
    await until("a helper", () => helpersOf(daemon).length === 1);
    const ended = once(daemon, "exit");
    daemon.kill("SIGTERM");
    await until("no socket is left", () => !existsSync(path()));
    await sleep(500);
    assert.equal(daemon.exitCode, null, "it waits");
    assert.equal((await answerOf(socket, request("hello"))).verb, "hello");
    assert.deepEqual(await ended, [0, null]);
  });

  it("refuses a group that is not there, a folder where others may write, and a socket that somebody has", async () => {
    const noGroup = await refused("--group", "no-such-group");
    assert.equal(noGroup.code, 64);
    assert.match(noGroup.err, /--group no-such-group: there is no such group/u);
    mkdirSync(join(folder.path(), "run"));
    chmodSync(join(folder.path(), "run"), 0o777);
    const open777 = await refused();
    assert.equal(open777.code, 69);
    assert.match(open777.err, /is not root's alone/u);
    chmodSync(join(folder.path(), "run"), 0o755);
    await helperd();
    const second = await refused();
    assert.equal(second.code, 69);
    assert.match(second.err, /somebody listens at/u);
  });
});

const isHelper = (pid: number): boolean => statusOf(pid, "Name") === "node" && statusOf(pid, "NoNewPrivs") === "1";

/** Helpers that a daemon has started, by their numbers. */
function helpersOf({ pid }: ChildProcess): readonly number[] {
  const all = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" "),
  );
  return all.flatMap((one) => (one === "" ? [] : [Number(one)]));
}

const statusOf = (pid: number, key: string): string | undefined =>
  new RegExp(`^${key}:\\s+(\\S+)`, "mu").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];

async function answerOf(socket: Socket, line?: string) {
  if (line !== undefined) socket.write(line);
  return answerSchema.parse(JSON.parse(await text(socket)));
}
