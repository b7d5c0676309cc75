import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { askLine } from "../../host/line-socket.ts";
import { until } from "../../lab/process.ts";
import { needs } from "../needs.ts";
import { useLab } from "../lab/fixture.ts";
import { Booted, canBoot } from "./booted.ts";
import { figure, sized } from "./length.ts";
import { endAll, onHost, type Program, says, start } from "./program.ts";
import { Treatment } from "./treatment.ts";

const [trace, otherTrace] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
const request = (verb: string, of = trace): string => JSON.stringify({ v: 1, verb, trace: of });

const answered = z.object({
  exit: z.int(),
  result: z.object({
    outcome: z.string(),
    verified: z.boolean(),
    refused: z.array(z.object({ rule: z.string() })),
    loss: z.array(z.object({ before: z.number().nullable(), after: z.number().nullable() })),
  }),
});
const tried = z.record(z.string(), z.string());

const helperSocket = "/run/overlaywatch-helper/helper.sock";
const main = "/usr/lib/overlaywatch/dist/agent/main.js";

/** A2 and B2 of the second host are never healed: an outage that ended by itself proves nothing. */
describe("accept: the helper", function () {
  this.timeout(sized(1_800_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;

  const cutOff = async (): Promise<void> => {
    await lab().break({ host: 1 });
    if ((await lab().loss("A2", "B2", 10)) < 100) await lab().break({ host: 2, a: "A2", b: "B2" });
  };
  const loss = async (): Promise<number> => lab().loss("A1", "B1", 10);
  const settings = (): Readonly<Record<string, string>> => ({ OVERLAYWATCH_PATHS_STATE_DIR: here.state });

  beforeEach(() => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
  });
  afterEach(async () => {
    endAll();
    here.forget();
    await lab().mend({ host: 1 });
    await lab().mend({ host: 2, a: "A2", b: "B2" });
  });

  /** `helperd` on the host, and how to ask it. */
  async function served(): Promise<{ readonly daemon: Program; readonly ask: (verb: string) => Promise<string> }> {
    const path = join(here.state, "helper", "helper.sock");
    const daemon = onHost(host, ["helperd", "--socket", path, "--state-dir", here.state]);
    await says(daemon, /listens at/u);
    return {
      daemon,
      ask: async (verb) => askLine(path, request(verb), { timeoutMs: 60_000, maxBytes: 2 ** 20, owner: 0 }),
    };
  }

  it("behind helperd, with CAP_SYS_ADMIN and CAP_NET_ADMIN alone, looks, heals and proves it", async () => {
    await here.settled();
    const times: number[] = [];
    for (let round = 0; round < sized(20, 1); round++) {
      here.forget();
      here = new Treatment(lab(), host);
      await cutOff();
      const { daemon, ask } = await served();
      const before = await here.tables();
      const looked = answered.parse(JSON.parse(await ask("look")));
      assert.deepEqual([looked.exit, looked.result.outcome], [11, "planned"]);
      await here.unwritten(before, "a look changes nothing");
      const began = performance.now();
      const { exit, result } = answered.parse(JSON.parse(await ask("heal")));
      times.push(performance.now() - began);
      assert.deepEqual([exit, result.verified], [10, true], JSON.stringify(result));
      assert.ok(
        result.loss.every((one) => one.before === 1 && one.after === 0),
        JSON.stringify(result.loss),
      );
      assert.equal(await loss(), 0);
      assert.equal((await daemon.stop()).code, 0);
      await lab().mend({ host: 1 });
    }
    const sorted = times.toSorted((a, b) => a - b).map((ms) => (ms / 1000).toFixed(2));
    figure(
      `${times.length} heals by the helper, loss 100 % to 0 %: fastest ${sorted[0]} s, slowest ${sorted.at(-1)} s`,
    );
  });

  it("killed at any moment it leaves nothing worse, and the next one ends it or is refused by a limit that ends", async () => {
    await here.settled();
    const ends = new Map<string, number>();
    for (let round = 0; round < sized(100, 2); round++) {
      here.forget();
      here = new Treatment(lab(), host);
      await cutOff();
      const { daemon, ask } = await served();
      const asked = ask("heal").catch(() => "no answer");
      // Judging takes about a second: what follows are the writes.
      await sleep(900 + Math.random() * 900);
      for (const pid of childrenOf(daemon)) process.kill(pid, "SIGKILL");
      await asked;
      const stands = await loss();
      assert.ok(stands === 100 || stands === 0, `half of it works: ${stands} %`);
      const { exit, result } = answered.parse(JSON.parse(await ask("heal")));
      const isLimited = exit === 20 && result.refused.every(({ rule }) => rule === "cooldown");
      assert.ok(exit === 10 || exit === 0 || isLimited, JSON.stringify(result));
      const name = isLimited ? `refused for a while (loss ${stands} %)` : result.outcome;
      ends.set(name, (ends.get(name) ?? 0) + 1);
      assert.ok([0, 10].includes((await here.cleanup("--apply")).code));
      assert.equal(await loss(), 0);
      await daemon.stop();
      await lab().mend({ host: 1 });
    }
    figure(`killed ${sized(100, 2)} times; the next one: ${[...ends].map(([name, n]) => `${n} ${name}`).join(", ")}`);
  });

  it("nothing of a request reaches a program or the name of a file", async () => {
    await here.settled();
    for (const verb of ["hello", "look", "heal"]) {
      const [one, other] = [await ofTrace(verb, trace), await ofTrace(verb, otherTrace)];
      assert.deepEqual(one.programs, other.programs, `${verb}: other programs for another trace`);
      assert.ok(verb === "hello" || one.programs.length > 2, "programs are seen");
      for (const text of [one, other].flatMap(({ programs, names }) => [...programs, ...names]))
        assert.ok(!text.includes(trace.slice(0, 12)) && !text.includes(otherTrace.slice(0, 12)), `${verb}: ${text}`);
    }
  });

  async function ofTrace(verb: string, of: string) {
    if (verb === "heal") await cutOff();
    const found = await recorded(verb, of);
    await lab().mend({ host: 1 });
    return found;
  }

  /** What the helper did for one request, from outside. */
  async function recorded(verb: string, of: string) {
    const state = mkdtempSync(join(lab().shared, "recorded-"));
    const into = join(state, "recorded.json");
    const [command, ...args] = host.argv([process.execPath, `${process.cwd()}/dist/agent/helper/main.js`]);
    const recorder = { NODE_OPTIONS: `--import=${process.cwd()}/dist/test/accept/recorder.js`, RECORDED: into };
    const environment = { ...settings(), OVERLAYWATCH_PATHS_STATE_DIR: join(state, "own"), ...recorder };
    const helper = start([command, ...args], host.environment({ PATH: "/usr/sbin:/usr/bin", ...environment }), {
      stdin: "pipe",
    });
    helper.child.stdin?.end(`${request(verb, of)}\n`);
    const code = await helper.ended;
    assert.equal(code, { hello: 0, look: 0, heal: 10 }[verb], helper.out() + helper.err());
    const found = z
      .object({ programs: z.array(z.string()), names: z.array(z.string()) })
      .parse(JSON.parse(readFileSync(into, "utf8")));
    rmSync(state, { recursive: true });
    return { ...found, programs: found.programs.toSorted() };
  }
});

describe("accept: helper, worker and gateway under systemd, as shipped", function () {
  this.timeout(60_000);
  const lab = useLab();
  let booted: Booted;
  before(async function () {
    needs(this, "systemd, and its hierarchies of cgroups", canBoot());
    booted = await Booted.on(lab(), lab().host(1));
    // An engine that was started within the last minute is let alone: this one is older, by its file.
    await booted.must(["touch", "-d", "10 minutes ago", "/run/docker.pid"]);
    await booted.must([
      "/bin/sh",
      "-c",
      "head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' > /etc/overlaywatch/webhook/token",
    ]);
    await booted.write("/etc/overlaywatch/overlaywatch.yaml", configuration);
    const env = await booted.must([process.execPath, main, "helperd", "--environment"]);
    await booted.write("/etc/overlaywatch/helper.env", env);
    await booted.must(["systemctl", "start", "overlaywatch-helper.socket"]);
  });
  after(async () => {
    await booted?.end();
    await lab().host(1).exec(["ip", "address", "del", "192.0.2.1/32", "dev", "lo"]);
    await lab().mend({ host: 1 });
  });

  it("heals when it is asked, and tells the journal", async () => {
    await lab().break({ host: 1 });
    const began = performance.now();
    const { exit, result } = answered.parse(JSON.parse(await booted.ask(helperSocket, request("heal"))));
    figure(`a heal by overlaywatch-helper@.service: ${((performance.now() - began) / 1000).toFixed(2)} s`);
    assert.deepEqual([exit, result.verified], [10, true], JSON.stringify(result));
    assert.ok(
      result.loss.every((one) => one.before === 1 && one.after === 0),
      JSON.stringify(result.loss),
    );
    assert.equal(await lab().loss("A1", "B1", 10), 0);
    const { stdout } = await lab().host(1).exec(["journalctl", "-q", "-o", "cat", "-t", "overlaywatch-helper"]);
    assert.match(stdout, new RegExp(`trace ${trace}: heal: pin: cured`, "u"));
  });

  it("a page goes from the gateway by the worker to the helper", async () => {
    await booted.must(["systemctl", "start", "overlaywatch-worker", "overlaywatch-webhook"]);
    // They take a moment until they listen.
    const told = await until(
      async () => {
        const { code, stdout } = await booted.run([process.execPath, main, "webhook", "test"]);
        return code === 0 && !stdout.includes("can not be asked") ? stdout : undefined;
      },
      20_000,
      () => new Error("the sample does not get through"),
    );
    assert.match(told, /202 .*accepted[^]*looked, and nothing was active/u);
  });

  it("the helper may do nothing that it does not need, and each of these it could do without its unit", async () => {
    // An address of the internet, as far as the filter knows; it is there, so that somebody could answer.
    await booted.must(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"]);
    const inside = await probed("overlaywatch-helper@", "helper", ["/var/lib/overlaywatch", "/run/docker.sock"]);
    const outside = await probe(["/var/lib/overlaywatch", "/run/docker.sock"]);
    // CAP_NET_ADMIN is bit 12 and CAP_SYS_ADMIN bit 21 (capability.h).
    assert.deepEqual([inside["CapBnd"], inside["CapEff"]], ["0000000000201000", "0000000000201000"]);
    assert.deepEqual([inside["NoNewPrivs"], inside["Seccomp"]], ["1", "2"]);
    assert.deepEqual(allowedIn(inside), ["ask at /run/docker.sock", "write state"]);
    compare(inside, outside);
    assert.notEqual(inside[outward], "ECONNREFUSED", "it gets no answer, for nothing is sent");
    assert.equal(outside[outward], "ECONNREFUSED");
  });

  it("gateway and worker may do nothing but answer, and ask whom they have to", async () => {
    const places = [
      "/run/docker.sock",
      helperSocket,
      "/run/overlaywatch-worker/control.sock",
      "/run/overlaywatch-worker/jobs.sock",
    ];
    await booted.must(["systemctl", "start", "overlaywatch-worker"]);
    await until(
      async () =>
        (await booted.run(["test", "-S", "/run/overlaywatch-worker/jobs.sock"])).code === 0 ? true : undefined,
      20_000,
      () => new Error("the worker does not listen"),
    );
    const outside = await probe(["/var/lib/overlaywatch-worker", ...places]);
    const gateway = await probed("overlaywatch-webhook", "file", ["/var/lib/overlaywatch-worker", ...places]);
    assert.deepEqual(allowedIn(gateway), ["ask at /run/overlaywatch-worker/jobs.sock", "listen", "socket AF_INET6"]);
    compare(gateway, outside);
    const worker = await probed("overlaywatch-worker", "file", [
      "/var/lib/overlaywatch-worker",
      "/run/docker.sock",
      helperSocket,
    ]);
    assert.deepEqual(allowedIn(worker), [`ask at ${helperSocket}`, "listen", "socket AF_INET6", "write state"]);
    compare(worker, outside);
    for (const one of [gateway, worker]) assert.deepEqual([one["CapBnd"], one["CapEff"]], [none, none]);
  });

  it("a worker that runs wild is stopped, and an operator lets it in again", async () => {
    const asks = `for (let n = 0; n < 30; n++) {
        const s = require("node:net").connect(process.argv[1], () => s.write("\\n"));
        s.on("error", () => undefined).resume();
        await new Promise((done) => s.on("close", done));
      }`;
    await booted.must([process.execPath, "--input-type=commonjs", "-e", `(async () => {${asks}})()`, helperSocket]);
    const show = ["systemctl", "show", "-P", "Result", "overlaywatch-helper.socket"];
    assert.equal(await booted.must(show), "trigger-limit-hit\n");
    await booted.must(["systemctl", "reset-failed", "overlaywatch-helper.socket"]);
    await booted.must(["systemctl", "start", "overlaywatch-helper.socket"]);
    assert.equal(await booted.must(show), "success\n");
  });

  const none = "0000000000000000";

  /** The probe without a unit: with every right. */
  const probe = async (args: readonly string[]) =>
    tried.parse(
      JSON.parse(await booted.must([process.execPath, "/usr/lib/overlaywatch/dist/test/accept/probe.js", ...args])),
    );

  /** The probe in the place of the unit's program; nothing else of the unit is changed. */
  async function probed(unit: string, way: "helper" | "file", args: readonly string[]) {
    const folder = `/etc/systemd/system/${unit}.service.d`;
    const out =
      way === "file" ? "Type=oneshot\nStandardOutput=file:/run/probed\nStandardError=journal\nRestart=no\n" : "";
    const program = `${process.execPath} /usr/lib/overlaywatch/dist/test/accept/probe.js ${args.join(" ")}`;
    await booted.write(`${folder}/probe.conf`, `[Service]\nExecStart=\nExecStart=${program}\n${out}`);
    await booted.must(["systemctl", "daemon-reload"]);
    try {
      if (way === "helper") return tried.parse(JSON.parse(await booted.ask(helperSocket, request("hello"))));
      await booted.must(["systemctl", "restart", unit]);
      return tried.parse(JSON.parse(await booted.must(["cat", "/run/probed"])));
    } finally {
      await booted.must(["rm", "-r", folder, "-f", "/run/probed"]);
      await booted.must(["systemctl", "daemon-reload"]);
    }
  }
});
const configuration = `worker:
  mode: auto
  hostname: dockerhost1
webhook:
  token_files: [/run/credentials/overlaywatch-webhook.service/webhook_token]
  monitors: [any]
  orgs: [any]
`;

/** Told of by its own line below, where a unit has a filter of addresses. */
const outward = "reach the internet";

/** What a process tells of itself is no try. */
const told = ["CapBnd", "CapEff", "NoNewPrivs", "Seccomp", "Uid", outward];

const allowedIn = (found: Readonly<Record<string, string>>): readonly string[] =>
  Object.keys(found)
    .filter((key) => !told.includes(key) && found[key] === "done")
    .toSorted();

/** Each try that failed inside ended otherwise outside: it was the unit that stopped it. */
function compare(inside: Readonly<Record<string, string>>, outside: Readonly<Record<string, string>>): void {
  const stopped = Object.keys(inside).filter((key) => !told.includes(key) && inside[key] !== "done");
  assert.ok(stopped.length > 20);
  const same = stopped.filter((key) => inside[key] === outside[key]);
  assert.deepEqual(same, [], JSON.stringify({ inside, outside }));
}

/** The helpers that a daemon has started. */
function childrenOf({ child }: Program): readonly number[] {
  const text = readdirSync(`/proc/${child.pid}/task`).map((task) =>
    readFileSync(`/proc/${child.pid}/task/${task}/children`, "utf8"),
  );
  return text.flatMap((line) => line.trim().split(" ")).flatMap((pid) => (pid === "" ? [] : [Number(pid)]));
}
