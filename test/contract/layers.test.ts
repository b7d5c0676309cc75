import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { contentOf, ownFiles } from "./repository.ts";

/** Rooms that each room may import from, beside itself. */
const below: Readonly<Record<string, readonly string[]>> = {
  host: [],
  overlay: ["host"],
  emit: ["host"],
  collectors: ["overlay", "emit", "host"],
  pipelines: ["overlay", "emit", "host"],
  lab: ["overlay", "emit", "host"],
  // The metric tables alone: a definition that names a metric which is not there does not compile.
  monitors: ["collectors", "pipelines", "overlay", "emit", "host"],
  standin: ["overlay", "emit", "host"],
  dispatch: ["overlay", "emit", "host"],
  agent: ["collectors", "pipelines", "monitors", "dispatch", "lab", "standin", "overlay", "emit", "host"],
};

/** What reaches the machine: files, processes, sockets. Outside host/ and lab/ each use stands here, with its reason. */
const machine =
  /^(?:node:)?(?:fs|fs\/promises|child_process|net|dgram|http|https|http2|tls|os|worker_threads|cluster)$/u;
const exceptions: Readonly<Record<string, readonly string[]>> = {
  // The user's own file.
  "agent/config/load.ts": ["node:fs"],
  // The undo file that the user names.
  "agent/remedy/undo.ts": ["node:fs/promises"],
  // The user's own monitors.
  "agent/monitors/definitions.ts": ["node:fs"],
  // package.json beside the program.
  "agent/version.ts": ["node:fs/promises"],
  // Where agents of this host tell `status` how they are.
  "agent/status-socket.ts": ["node:fs", "node:net"],
  // The host's name, which spreads a fleet over the interval.
  "agent/host-key.ts": ["node:os"],
  // The ends of DogStatsD.
  "emit/dogstatsd/transport.ts": ["node:fs", "node:net"],
  "emit/dogstatsd/heard.ts": ["node:dgram", "node:net"],
  "emit/dogstatsd/receive-unix.ts": ["node:fs", "node:os"],
  "emit/dogstatsd/receive-udp.ts": ["node:dgram", "node:net"],
  // The gateway's own server, who calls it, and whether the worker listens.
  "dispatch/gateway/server.ts": ["node:http", "node:https", "node:tls"],
  "dispatch/gateway/intake.ts": ["node:http", "node:net"],
  "dispatch/gateway/gateway.ts": ["node:http"],
  "dispatch/gateway/head.ts": ["node:http"],
  "dispatch/gateway/body.ts": ["node:http"],
  "dispatch/gateway/peer.ts": ["node:net"],
  "dispatch/gateway/ask.ts": ["node:http", "node:https", "node:tls"],
  // Types of connections that host/ made.
  "dispatch/worker/serve.ts": ["node:net"],
  "agent/helper/listen.ts": ["node:net"],
  // A server is what it is.
  "standin/standin.ts": ["node:http"],
  "standin/http.ts": ["node:http"],
};

/**
 * npm packages by room; of host/ and overlay/ the privileged processes are made: one enters namespaces, one writes the
 * journal, and the clients of stores run in a process of their own.
 */
const packages: Readonly<Record<string, readonly string[]>> = {
  host: ["koffi", "systemd-journald", "consul", "zookeeper"],
  overlay: [],
  pipelines: ["zod"],
  emit: ["hot-shots", "unix-dgram"],
  collectors: ["zod"],
  lab: ["zod"],
  monitors: ["@datadog/datadog-api-client", "yaml", "zod"],
  standin: [],
  dispatch: ["@nats-io/jetstream", "@nats-io/transport-node", "zod"],
  agent: ["node-cron", "yaml", "zod"],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly name: string;
}

const rooms = Object.keys(below);
const sources = ownFiles().filter((path) => rooms.includes(path.split("/")[0] ?? "") && /(?<!\.d)\.ts$/u.test(path));
const imports: readonly Import[] = sources.flatMap((file) =>
  [...contentOf(file).matchAll(/(?:\bfrom\s|\bimport\s*\(?|\brequire\()\s*"([^"\n]+)"/gu)].map(([, name = ""]) => ({
    file,
    room: file.split("/")[0] ?? "",
    name,
  })),
);
const packageOf = (name: string) => /^(?:@[^/]+\/)?[^/]+/u.exec(name)?.[0] ?? name;
const told = (found: readonly Import[]) => found.map(({ file, name }) => `${file}: ${name}`);

describe("contract: layers", () => {
  it("sees the sources", () => {
    assert.ok(sources.length > 80);
    assert.ok(imports.length > 200);
  });

  it("import downwards only", () => {
    const upwards = imports.filter(({ file, room, name }) => {
      const target = name.startsWith(".") ? join(dirname(file), name).split("/")[0] : room;
      return target !== room && !below[room]?.includes(target ?? "");
    });
    assert.deepEqual(told(upwards), []);
  });

  it("reach the machine through host/ and lab/ alone", () => {
    const reaching = imports.filter(({ room, name }) => !["host", "lab"].includes(room) && machine.test(name));
    assert.deepEqual(told(reaching.filter(({ file, name }) => !exceptions[file]?.includes(name))), []);
    const used = new Set(told(reaching));
    const stale = Object.entries(exceptions).flatMap(([file, names]) => names.map((name) => `${file}: ${name}`));
    assert.deepEqual(
      stale.filter((line) => !used.has(line)),
      [],
      "exceptions that nobody needs",
    );
  });

  it("use only the packages that are theirs", () => {
    const foreign = imports.filter(
      ({ room, name }) => !/^(?:\.|node:)/u.test(name) && !packages[room]?.includes(packageOf(name)),
    );
    assert.deepEqual(told(foreign), []);
  });

  it("speak NATS in dispatch/nats/ alone", () => {
    const speaking = imports.filter(
      ({ file, name }) => name.startsWith("@nats-io/") && !file.startsWith("dispatch/nats/"),
    );
    assert.deepEqual(told(speaking), []);
  });

  it("load a store's client only in the process that is its own", () => {
    const clients = "host/kv/clients/";
    const loading = imports.filter(({ file, name }) => {
      const target = name.startsWith(".") ? join(dirname(file), name) : name;
      return !file.startsWith(clients) && (target.startsWith(clients) || ["consul", "zookeeper"].includes(target));
    });
    assert.deepEqual(told(loading), []);
    const statically = /^import (?!type )[^;]* from "(?:\.\/|consul|zookeeper)/mu;
    assert.equal(statically.test(contentOf(`${clients}main.ts`)), false, "each only where it is asked for");
  });

  it("leave environment, exit and streams to the entry points", () => {
    // What is imported by name says what it does: signals and ids are the lab's work, and Node's own path is no setting.
    const entries = ["agent/main.ts", "agent/helper/main.ts", "host/kv/clients/main.ts"];
    const reaching = [
      /\bprocess\.(?:env|exit|exitCode|argv|std\w+|cwd|on|once|kill|abort|chdir|umask)\b/u,
      /\bglobalThis\b/u,
      /\bimport (?!\{ (?:kill(?: as \w+)?|geteuid|execPath) \})[^;]* from "(?:node:)?process"/u,
    ];
    const found = sources.filter(
      (file) => !entries.includes(file) && reaching.some((one) => one.test(contentOf(file))),
    );
    assert.deepEqual(found, []);
  });

  it("have no file that is named by its kind", () => {
    const junk = sources.filter((file) =>
      /(?:^|\/)(?:utils?|helpers|common|misc|types|shared|lib)(?:\.ts$|\/)/u.test(file),
    );
    assert.deepEqual(junk, []);
  });
});
