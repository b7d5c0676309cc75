import assert from "node:assert/strict";
import { z } from "zod";
import { until } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { needs } from "../needs.ts";
import { Booted, canBoot } from "./booted.ts";
import { answered, request, trace } from "./helper-asked.ts";
import { figure } from "./length.ts";

const tried = z.record(z.string(), z.string());

const helperSocket = "/run/overlaywatch-helper/helper.sock";
const main = "/usr/lib/overlaywatch/dist/agent/main.js";

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
    await listening("/run/overlaywatch-worker/jobs.sock");
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

  it("the agent with its recorder may enter namespaces, and ask the worker for no more than others may", async () => {
    await booted.must(["systemctl", "restart", "overlaywatch-worker"]);
    const [jobs, control] = ["/run/overlaywatch-worker/jobs.sock", "/run/overlaywatch-worker/control.sock"];
    await listening(jobs);
    const agent = await probed("overlaywatch-run", "file", ["/var/lib/overlaywatch", jobs, control]);
    // CAP_NET_ADMIN 12, CAP_NET_RAW 13, CAP_SYS_PTRACE 19, CAP_SYS_ADMIN 21.
    assert.equal(agent["CapBnd"], "0000000000283000");
    assert.deepEqual([agent[`ask at ${jobs}`], agent[`ask at ${control}`]], ["done", "EACCES"]);
    for (const what of ["write /etc", "write /usr", "write /var/lib", "write a sysctl"])
      assert.equal(agent[what], "EROFS", what);
    for (const what of ["mount", "ptrace", "init_module", "reboot", "setns of mounts"])
      assert.equal(agent[what], "EPERM", what);
  });

  it("a worker that runs wild is stopped, and an operator lets it in again", async () => {
    // Three at a time, as many as are taken: more than sixty within a minute.
    const asks = `const ask = async () => {
        for (let n = 0; n < 25; n++) {
          const s = require("node:net").connect(process.argv[1], () => s.write("\\n"));
          s.on("error", () => undefined).resume();
          await new Promise((done) => s.on("close", done));
        }
      };
      void Promise.all([ask(), ask(), ask()]);`;
    await booted.must([process.execPath, "--input-type=commonjs", "-e", asks, helperSocket]);
    const show = ["systemctl", "show", "-P", "Result", "overlaywatch-helper.socket"];
    assert.equal(await booted.must(show), "trigger-limit-hit\n");
    await booted.must(["systemctl", "reset-failed", "overlaywatch-helper.socket"]);
    await booted.must(["systemctl", "start", "overlaywatch-helper.socket"]);
    assert.equal(await booted.must(show), "success\n");
  });

  const listening = async (path: string): Promise<true> =>
    until(
      async () => ((await booted.run(["test", "-S", path])).code === 0 ? true : undefined),
      20_000,
      () => new Error(`nobody listens at ${path}`),
    );

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
