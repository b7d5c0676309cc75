import assert from "node:assert/strict";
import { chmodSync, copyFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { endAll, here, type Program, says } from "../../accept/program.ts";
import { until } from "../../../lab/process.ts";
import { certificate } from "../../dispatch/gateway/certificates.ts";
import { startLineWorker } from "../../dispatch/gateway/line-worker.ts";
import { bodyOf, headOf, opened, post, token } from "../../dispatch/gateway/use-gateway.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";

/** A gateway of its own, when it listens. */
async function started(env: Readonly<Record<string, string>>): Promise<Program & { readonly url: string }> {
  const program = here(["webhook", "--json"], env);
  const url = await until(
    () => /"url":"([^"]+)\/webhook"/u.exec(program.out())?.[1],
    10_000,
    () => new Error(program.err()),
  );
  return { ...program, url };
}

const now = () => ({ date: String(Date.now()) });

describe("agent/webhook", function () {
  this.timeout(30_000);
  const { path, file } = useFolder();
  afterEach(endAll);

  const secret = (name: string, text: string): string => {
    const at = file(name, text);
    chmodSync(at, 0o600);
    return at;
  };
  /** The environment of a gateway that is well configured. */
  const good = (changed: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => ({
    OVERLAYWATCH_WEBHOOK_LISTEN: "127.0.0.1:0",
    OVERLAYWATCH_WEBHOOK_TOKEN_FILES: secret("token", `${token}\n`),
    OVERLAYWATCH_WEBHOOK_MONITORS: "11",
    OVERLAYWATCH_WEBHOOK_ORGS: "22",
    OVERLAYWATCH_WORKER_HOSTNAME: "host-a",
    OVERLAYWATCH_WORKER_JOBS_SOCKET: join(path(), "jobs.sock"),
    OVERLAYWATCH_WORKER_CONTROL_SOCKET: join(path(), "control.sock"),
    OVERLAYWATCH_SINKS_ENABLED: "none",
    ...changed,
  });
  describe("exits 78 and names the key", () => {
    const bad: Readonly<Record<string, readonly [() => Readonly<Record<string, string>>, RegExp]>> = {
      "plain HTTP that others could read": [
        () => ({ OVERLAYWATCH_WEBHOOK_LISTEN: "0.0.0.0:0" }),
        /webhook\.listen: .*without TLS/u,
      ],
      "plain HTTP on all of IPv6": [() => ({ OVERLAYWATCH_WEBHOOK_LISTEN: "[::]:0" }), /webhook\.listen: /u],
      "a name to listen on": [
        () => ({ OVERLAYWATCH_WEBHOOK_LISTEN: "localhost:80" }),
        /webhook\.listen: expected an address/u,
      ],
      "no port": [() => ({ OVERLAYWATCH_WEBHOOK_LISTEN: "127.0.0.1:99999" }), /webhook\.listen: 99999/u],
      "no token": [() => ({ OVERLAYWATCH_WEBHOOK_TOKEN_FILES: "" }), /webhook\.token_files: name a file/u],
      "three tokens": [() => ({ OVERLAYWATCH_WEBHOOK_TOKEN_FILES: "/a,/b,/c" }), /webhook\.token_files: /u],
      "a token that is not there": [
        () => ({ OVERLAYWATCH_WEBHOOK_TOKEN_FILES: "/nowhere/token" }),
        /webhook\.token_files: .*\/nowhere\/token/u,
      ],
      "a short token": [
        () => ({ OVERLAYWATCH_WEBHOOK_TOKEN_FILES: secret("short", "x".repeat(31)) }),
        /webhook\.token_files: .*32/u,
      ],
      "two lines in a token": [
        () => ({ OVERLAYWATCH_WEBHOOK_TOKEN_FILES: secret("lines", `${token}\n${token}`) }),
        /webhook\.token_files: /u,
      ],
      "a token that others may read": [
        () => ({ OVERLAYWATCH_WEBHOOK_TOKEN_FILES: file("open", token) }),
        /webhook\.token_files: .*others/u,
      ],
      "no monitors": [() => ({ OVERLAYWATCH_WEBHOOK_MONITORS: "" }), /webhook\.monitors: say which/u],
      "a monitor's name": [() => ({ OVERLAYWATCH_WEBHOOK_MONITORS: "loss" }), /webhook\.monitors/u],
      "no orgs": [() => ({ OVERLAYWATCH_WEBHOOK_ORGS: "" }), /webhook\.orgs: say which/u],
      "a host that is none": [() => ({ OVERLAYWATCH_WEBHOOK_HOSTS: "*" }), /webhook\.hosts/u],
      "no host's name": [
        () => ({ OVERLAYWATCH_WORKER_HOSTNAME: "", OVERLAYWATCH_WORKER_DATADOG_CONFIG: "/nowhere" }),
        /webhook\.hosts is empty, and .*worker\.hostname/u,
      ],
      "a range that is none": [
        () => ({ OVERLAYWATCH_WEBHOOK_SOURCES: "10.0.0.0/99" }),
        /webhook\.sources.*expected an address/u,
      ],
      "a certificate without a key": [
        () => ({ OVERLAYWATCH_WEBHOOK_TLS_CERT_FILE: "/nowhere" }),
        /webhook\.tls: cert_file and key_file/u,
      ],
      "a certificate that is none": [
        () => ({
          OVERLAYWATCH_WEBHOOK_TLS_CERT_FILE: file("c", "x"),
          OVERLAYWATCH_WEBHOOK_TLS_KEY_FILE: secret("k", "x"),
        }),
        /webhook\.tls/u,
      ],
    };
    for (const [name, [env, said]] of Object.entries(bad))
      it(name, async () => {
        const { code, err } = await cli(["webhook"], { env: good(env()) });
        assert.deepEqual([code, said.test(err) ? "" : err], [78, ""]);
        assert.ok(!err.includes(token), "no secret in a message");
      });
  });

  it("exits 64 for what it does not know, 69 where the port is taken", async () => {
    for (const args of [
      ["webhook", "tset"],
      ["webhook", "test", "more"],
      ["webhook", "--url", "x"],
    ])
      assert.equal((await cli(args)).code, 64, args.join(" "));
    const { url, stop } = await started(good());
    const taken = await cli(["webhook"], { env: good({ OVERLAYWATCH_WEBHOOK_LISTEN: new URL(url).host }) });
    assert.deepEqual([taken.code, /EADDRINUSE/u.test(taken.err)], [69, true]);
    assert.equal((await stop()).code, 0);
  });

  it("takes over tokens that were replaced: two at a time, the old one until its file is gone; a bad file changes nothing", async () => {
    const worker = await startLineWorker(path());
    const other = "another-token-of-at-least-32-characters";
    const [first, second] = [secret("token", token), secret("other", token)];
    const gateway = await started(
      good({
        OVERLAYWATCH_WEBHOOK_TOKEN_FILES: `${first},${second}`,
        OVERLAYWATCH_WEBHOOK_MAX_FAILURES_PER_MINUTE: "9999",
      }),
    );
    const tried = async (one: string) =>
      (await post(gateway.url, { fields: now(), headers: { Authorization: `Bearer ${one}` } })).code;
    const becomes = (one: string, code: number) =>
      until(
        async () => ((await tried(one)) === code ? true : undefined),
        10_000,
        () => new Error(gateway.err()),
      );
    assert.deepEqual([await tried(token), await tried(other)], [202, 401]);
    renameSync(secret("fresh", other), second);
    await becomes(other, 202);
    assert.equal(await tried(token), 202, "both");
    writeFileSync(second, "short");
    await says(gateway, /holds no token.*stays valid/u);
    assert.equal(await tried(other), 202, "as before");
    rmSync(first);
    await becomes(token, 401);
    assert.equal(await tried(other), 202);
    writeFileSync(second, other, { mode: 0o600 });
    const again = await started(good({ OVERLAYWATCH_WEBHOOK_TOKEN_FILES: `${join(path(), "gone")},${second}` }));
    const sent = await post(again.url, { fields: now(), headers: { Authorization: `Bearer ${other}` } });
    assert.equal(sent.code, 202, "it starts with the one that is there");
    assert.ok(!gateway.err().includes(token) && !gateway.err().includes(other), "no secret in the log");
    assert.equal((await gateway.stop()).code, 0);
    await worker.close();
  });

  it("takes over a certificate that was replaced, and says so where it is bad", async () => {
    const worker = await startLineWorker(path());
    const [first, second] = [certificate(path(), "first"), certificate(path(), "second")];
    const gateway = await started(
      good({
        OVERLAYWATCH_WEBHOOK_LISTEN: "0.0.0.0:0",
        OVERLAYWATCH_WEBHOOK_TLS_CERT_FILE: first.certFile,
        OVERLAYWATCH_WEBHOOK_TLS_KEY_FILE: first.keyFile,
      }),
    );
    writeFileSync(first.certFile, "no certificate");
    await says(gateway, /the new certificate is not taken/u);
    copyFileSync(second.keyFile, first.keyFile);
    copyFileSync(second.certFile, first.certFile);
    await says(gateway, /the certificate was read again/u);
    assert.equal((await gateway.stop()).code, 0);
    await worker.close();
  });

  it("finishes what is under way at SIGTERM, and ends with 0 within 20 s", async () => {
    const worker = await startLineWorker(path());
    const gateway = await started(good());
    const body = bodyOf(now());
    const socket = await opened(gateway.url);
    socket.write(headOf(Buffer.byteLength(body)) + body.slice(0, 20));
    // In its hands, and not through.
    await sleep(500);
    const ended = gateway.stop();
    await sleep(500);
    assert.equal(gateway.child.exitCode, null, "it waits for the rest");
    socket.write(body.slice(20));
    assert.match(await textOf(socket), /^HTTP\/1\.1 202 /u);
    const { ms, code } = await ended;
    assert.equal(code, 0);
    assert.ok(ms < 20_000, `${ms} ms`);
    assert.equal(worker.jobs.length, 1);
    await worker.close();
  });

  it("tells each end in the log without a word of what was sent but ids, quoted", async () => {
    const gateway = await started(good());
    await post(gateway.url, { fields: { ...now(), host: "host-b\u001b[2J", title: "a secret title" } });
    await post(gateway.url, { headers: { Authorization: "Bearer a-wrong-token-that-is-long-enough-too" } });
    await post(gateway.url, { fields: now() });
    await says(gateway, /unreachable/u);
    assert.match(
      gateway.err(),
      /a page of monitor "11", "Triggered", for host "host-b.*: host_name \(trace [0-9a-f]{32}\)/u,
    );
    assert.match(gateway.err(), /refused a request from 127\.0\.0\.1: token/u);
    assert.match(gateway.err(), /unreachable, job [0-9a-f]{64}: no receipt from the worker/u);
    for (const secretWord of [token, "a-wrong-token", "a secret title", "\u001b"])
      assert.ok(!gateway.err().includes(secretWord));
    await gateway.stop();
  });
});
