import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { createSocket } from "node:dgram";
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { isRoot, needs } from "../needs.ts";
import { cli } from "./cli.ts";
import { assertDocumented, unasked } from "./documented.ts";
import { useFolder } from "./folder.ts";
import { replayedHost } from "./replayed-host.ts";

/** One line on stderr that ends with this code and says this; nothing else is printed. */
async function told(args: readonly string[], code: number, says: RegExp, env: Readonly<Record<string, string>> = {}) {
  const ended = await cli(args, { env });
  assert.deepEqual([ended.code, ended.out], [code, ""], ended.err);
  assert.match(ended.err, says);
  assert.equal(ended.err.split("\n").length, 2, ended.err);
  return ended.err;
}

// Nobody may write to c8's folder; Node hands it on where it is not named.
const uncovered = { ...process.env, NODE_V8_COVERAGE: undefined };
const asNobody = (...args: readonly string[]) =>
  spawnSync(process.execPath, ["dist/agent/main.js", ...args], {
    env: uncovered,
    uid: 65_534,
    gid: 65_534,
    encoding: "utf8",
  });

/**
 * What people get wrong first, and what they are told: what was attempted, on what, what came back, what to do; as the table of
 * docs/troubleshooting.md has it. A second `run`, and no Datadog agent: run.test.ts.
 */
describe("agent: the likeliest mistakes", () => {
  const { path, file } = useFolder();

  const gateway = (): Record<string, string> => {
    const token = file("token", "0123456789abcdef".repeat(4));
    chmodSync(token, 0o600);
    return {
      OVERLAYWATCH_WEBHOOK_TOKEN_FILES: token,
      OVERLAYWATCH_WEBHOOK_MONITORS: "any",
      OVERLAYWATCH_WEBHOOK_ORGS: "any",
      OVERLAYWATCH_WORKER_HOSTNAME: "host-a",
      OVERLAYWATCH_SINKS_ENABLED: "none",
    };
  };

  it("not root: who has to be, and why", async function () {
    needs(this, "root", isRoot());
    const host = await replayedHost("two-networks", path());
    mkdirSync(join(path(), "netns"), { mode: 0o700 });
    chmodSync(path(), 0o755);
    chmodSync(host.docker.socketPath, 0o666);
    chmodSync(join(host.docker.socketPath, ".."), 0o755);
    try {
      const helperd = asNobody("helperd");
      assert.deepEqual(
        [helperd.status, helperd.stderr],
        [69, "overlaywatch: helperd needs root: it enters network namespaces\n"],
      );
      const cleanup = asNobody("cleanup", "--apply", ...host.args);
      assert.equal(cleanup.status, 20);
      assertDocumented("not root", cleanup.stdout, 20);
      const record = asNobody("record", ...host.args);
      assert.deepEqual(
        [record.status, record.stderr],
        [69, "overlaywatch: record needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN): it enters network namespaces\n"],
      );
      const lab = asNobody("lab", "up", "--name", "nobodys");
      assert.deepEqual([lab.status, lab.stdout], [69, ""], lab.stderr);
      assert.match(lab.stderr, /^lab up needs root: /u);
    } finally {
      await host.remove();
    }
  });

  it("the wrong Docker socket: none there, or another file", async () => {
    const none = join(path(), "none.sock");
    const advice = /Is Docker running\? If its socket is elsewhere, name it with --docker-socket PATH/u.source;
    for (const args of [["check"], ["explain", "A", "B"]]) {
      await told([...args, "--docker-socket", none], 69, new RegExp(`there is no such socket\\. ${advice}`, "u"));
      const other = ["--docker-socket", file("file", "")];
      await told([...args, ...other], 69, new RegExp(`it is no socket\\. ${advice}`, "u"));
    }
    const said = await told(["check", "--docker-socket", none], 69, /^overlaywatch: asked Docker/u);
    assertDocumented("wrong Docker socket", said, 69, { "/x.sock": none });
  });

  it("a key, a command, an option that there is not: the one that was meant", async () => {
    const config = file("c.yaml", "sinks:\n  dogstatd: {}\n");
    const key = await told(["run", "--config", config], 78, /^overlaywatch: /u);
    assertDocumented("wrong key", key, 78, { "overlaywatch.yaml": config });
    const name = await told(["doctr"], 64, /^overlaywatch: /u);
    assertDocumented("unknown command or option", name, 64);
    await told(["doctor", "--jsn"], 64, /--jsn: there is no such option; did you mean --json\?/u);
    await told(
      ["run", "--config", join(path(), "no.yaml")],
      78,
      /no\.yaml: there is no such file\. Name another with --config/u,
    );
  });

  it("a duration without a unit: the forms that there are", async () => {
    const forms = /expected a duration such as 500ms, 10s, 5m or 2h/u;
    assertDocumented("bad duration", await told(["pause", "--for", "2", "--reason", "deploy"], 64, forms), 64);
    await told(["run", "--config", file("c.yaml", "docker:\n  timeout: soon\n")], 78, forms);
  });

  it("a network, a container, a collector or a monitor that there is not: the one that was meant, or those that there are", async () => {
    const host = await replayedHost("two-networks", path());
    try {
      const near = await told(["cleanup", "--network", "tesnet", ...host.args], 64, /^overlaywatch: /u);
      assertDocumented("unknown network", near, 64);
      const far = /--network elsewhere: Docker knows no such overlay network; there are testnet$/mu;
      await told(["cleanup", "--network", "elsewhere", ...host.args], 64, far);
      const gone = await told(["explain", "Z9", "A1", ...host.args], 64, /^overlaywatch: /u);
      assertDocumented("unknown container", gone, 64);
      const all = /^overlaywatch: elsewhere: there is no such collector; there are interfaces, .*, record, follow$/mu;
      await told(["run", "elsewhere", ...host.args], 64, all);
      await told(["run", "recrod", ...host.args], 64, /recrod: there is no such collector; did you mean record\?/u);
    } finally {
      await host.remove();
    }
    const { code, out } = await cli(["monitors", "validate"], {
      env: { OVERLAYWATCH_DATADOG_MONITORS_SKIP: "fdb-misplacd" },
    });
    assert.equal(code, 1);
    assert.match(out, /datadog\.monitors\.skip\.fdb-misplacd: there is no such monitor; did you mean fdb-misplaced\?/u);
  });

  it("a port that somebody else has: how to find out who", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert.ok(typeof address === "object" && address !== null);
    const { port } = address;
    try {
      const env = { ...gateway(), OVERLAYWATCH_WEBHOOK_LISTEN: `127.0.0.1:${port}` };
      const said = await told(["webhook", "--state-dir", path()], 69, /^overlaywatch: cannot listen/u, env);
      assertDocumented("port in use", said, 69, { "127.0.0.1:8480": `127.0.0.1:${port}` });
      await told(["standin", "--port", String(port)], 69, /another program listens there; choose another --port/u);
    } finally {
      other.close();
    }
    const receiver = createSocket("udp4").bind(0, "127.0.0.1");
    await once(receiver, "listening");
    const udp = String(receiver.address().port);
    try {
      await told(
        ["sink", "--udp", udp],
        69,
        /^overlaywatch: sink: .*another program listens there; choose another port/u,
      );
    } finally {
      receiver.close();
    }
  });

  it("a token, a certificate, a key or a name that is not there: which file, and how it is made", async () => {
    const none = join(path(), "none");
    const hook = ["webhook", "--state-dir", path()];
    const said = await told(hook, 78, /^overlaywatch: /u, { ...gateway(), OVERLAYWATCH_WEBHOOK_TOKEN_FILES: none });
    assertDocumented("no token", said, 78, { "/etc/overlaywatch/webhook.token": none, "...": none });
    const open = file("open", "0123456789abcdef".repeat(4));
    chmodSync(open, 0o644);
    await told(hook, 78, /open may be read or written by others: take that from them \(chmod o-rw,g-w\)/u, {
      ...gateway(),
      OVERLAYWATCH_WEBHOOK_TOKEN_FILES: open,
    });
    const tls = { OVERLAYWATCH_WEBHOOK_TLS_CERT_FILE: none, OVERLAYWATCH_WEBHOOK_TLS_KEY_FILE: none };
    await told(hook, 78, /webhook\.tls\.cert_file: there is no file \S+none/u, { ...gateway(), ...tls });
    await told(["monitors", "plan"], 1, /no key: set DD_API_KEY, or name a file that has it in datadog\.api_key_file/u);
    const unnamed = { OVERLAYWATCH_WORKER_DATADOG_CONFIG: none };
    await told(
      ["worker", "--state-dir", path()],
      78,
      /there is no \S+none; .*Set worker\.hostname to what Datadog calls it/u,
      unnamed,
    );
  });

  it("are all those of the table", () => {
    const elsewhere = ["no Datadog agent", "a second `run`"];
    assert.deepEqual(
      unasked().filter((mistake) => !elsewhere.includes(mistake)),
      [],
    );
  });
});
