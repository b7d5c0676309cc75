import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../lab/process.ts";
import { startLineWorker } from "../dispatch/gateway/line-worker.ts";
import { load, memoryOf, postLarge } from "./webhook-side.ts";

/**
 * The gateway beside adnanh/webhook (Debian's package `webhook`), one after the other under the same load: 200 valid and
 * 2,000 invalid requests a second, each on a connection of its own, then 150 MB from a stranger. Ours hands each over to a
 * worker that writes it through to the disk; the other starts `/bin/true`. `node dist/test/bench/webhook.js PROGRAM
 * [SECONDS]`, where PROGRAM is that of the unpacked package.
 */
const [program, seconds = "30"] = process.argv.slice(2);
const [token, hosts] = ["a-token-that-is-long-enough-for-every-rule", 200];
const folder = mkdtempSync(join(tmpdir(), "ow-bench-webhook-"));

interface Contender {
  readonly name: string;
  readonly child: ChildProcess;
  readonly url: string;
}

async function ours(jobs: string): Promise<Contender> {
  const file = join(folder, "token");
  writeFileSync(file, token);
  chmodSync(file, 0o600);
  const env = {
    PATH: process.env["PATH"],
    OVERLAYWATCH_WEBHOOK_LISTEN: "127.0.0.1:0",
    OVERLAYWATCH_WEBHOOK_TOKEN_FILES: file,
    OVERLAYWATCH_WEBHOOK_MONITORS: "11",
    OVERLAYWATCH_WEBHOOK_ORGS: "22",
    OVERLAYWATCH_WEBHOOK_HOSTS: Array.from({ length: hosts }, (_, i) => `host-${i}`).join(","),
    OVERLAYWATCH_WEBHOOK_MAX_PER_MINUTE: "1000000",
    OVERLAYWATCH_WORKER_JOBS_SOCKET: jobs,
  };
  const argv = ["dist/agent/main.js", "webhook", "--json"];
  const child = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "ignore"] });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  const url = await until(
    () => /"url":"([^"]+)"/u.exec(out)?.[1],
    10_000,
    () => new Error("ours did not start"),
  );
  return { name: "overlaywatch", child, url };
}

const match = (type: "value" | "regex", text: string, source: string, name: string) => ({
  match: { type, [type]: text, parameter: { source, name } },
});

/** With the rules that its documentation has for this: token, transition, host. */
async function theirs(path: string): Promise<Contender> {
  const hook = {
    id: "overlaywatch",
    "execute-command": "/bin/true",
    "pass-arguments-to-command": [{ source: "payload", name: "host" }],
    "trigger-rule-mismatch-http-response-code": 403,
    "trigger-rule": {
      and: [
        match("value", `Bearer ${token}`, "header", "Authorization"),
        match("value", "Triggered", "payload", "transition"),
        match("regex", "^host-[0-9]+$", "payload", "host"),
      ],
    },
  };
  const file = join(folder, "hooks.json");
  writeFileSync(file, JSON.stringify([hook]));
  const port = await freePort();
  const argv = ["-hooks", file, "-ip", "127.0.0.1", "-port", String(port), "-http-methods", "POST"];
  const child = spawn(path, argv, { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}/hooks/overlaywatch`;
  await until(
    () =>
      fetch(url).then(
        () => true,
        () => undefined,
      ),
    10_000,
    () => new Error("theirs did not start"),
  );
  return { name: "webhook 2.8", child, url };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function measure({ name, child, url }: Contender): Promise<void> {
  const say = (text: string) => void process.stdout.write(`${name.padEnd(14)} ${text}\n`);
  const pid = child.pid ?? 0;
  say(`${memoryOf(pid).now} MiB at rest`);
  const { valid, invalid, byKind } = await load({
    url,
    token,
    seconds: Number(seconds),
    valid: 200,
    invalid: 2000,
    hosts,
  });
  say(
    `valid:   ${valid.accepted} of ${valid.sent} accepted; p50 ${valid.p50} ms, p99 ${valid.p99} ms, max ${valid.max} ms`,
  );
  say(
    `invalid: ${invalid.accepted} of ${invalid.sent} accepted, ${invalid.silent} without an answer ${JSON.stringify(byKind)}`,
  );
  say(`${memoryOf(pid).most} MiB at most`);
  const { code, sent } = await postLarge(url, 150_000_000, "x".repeat(64));
  say(`150 MB of a stranger: answered ${code}, ${sent} bytes taken, ${memoryOf(pid).most} MiB at most`);
  child.kill("SIGTERM");
  await new Promise((resolve) => child.on("exit", resolve));
}

const worker = await startLineWorker(folder);
try {
  await measure(await ours(worker.path));
  process.stdout.write(`${"".padEnd(14)} ${worker.jobs.length} jobs on the worker's disk\n`);
  if (program !== undefined) await measure(await theirs(program));
} finally {
  await worker.close();
  rmSync(folder, { recursive: true, force: true });
}
