import assert from "node:assert/strict";
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { z } from "zod";
import { openFleet } from "../../../dispatch/nats/ask.ts";
import { connectOnce, openBroker } from "../../../dispatch/nats/connection.ts";
import { openJobSource } from "../../../dispatch/nats/job-source.ts";
import { natsHandOver } from "../../../dispatch/nats/hand-over.ts";
import { provision } from "../../../dispatch/nats/provision.ts";
import { serverConfig } from "../../../dispatch/nats/server-config.ts";
import { isFull } from "../../accept/length.ts";
import { until } from "../../host/until.ts";
import { certificate, type Certificate } from "../gateway/certificates.ts";
import { natsServer, startServer } from "./broker.ts";
import { answersOf, caps, jobFor, keyOf, makeFleet, memoryWorker, optionsOf, statusOf } from "./fleet.ts";

const shipped = readdirSync("assets/nats").toSorted();
const [a, b] = ["a.example.com", "b.example.com"] as const;

/** A port that nobody had a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = z.object({ port: z.number() }).parse(server.address());
  server.close();
  await once(server, "close");
  return port;
}

/** One of three, without what has to differ. */
const bare = (number: number) =>
  readFileSync(`assets/nats/three-${number}.conf`, "utf8")
    .replaceAll(/number \d|overlaywatch-\d/gu, "")
    .replaceAll(/^ +"tls:\/\/nats-\d.*\n/gmu, "");

describe("assets/nats", function () {
  this.timeout(isFull() ? 180_000 : 60_000);
  const fleet = makeFleet([a, b]);
  let [folder, program] = ["", ""];
  let [authority, own, route]: Certificate[] = [];
  const running: ChildProcess[] = [];

  before(async function () {
    program = await natsServer(this);
    folder = mkdtempSync(join(tmpdir(), "ow-nats-shipped-"));
    authority = certificate(folder, "authority");
    own = certificate(folder, "own", authority);
    const routeAuthority = certificate(folder, "route-ca");
    route = certificate(folder, "route", routeAuthority);
  });

  afterEach(async () => {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** As shipped, but for the files and ports of this machine, and what Debian's 2.9 does not know yet. */
  function placed(name: string, ports: { readonly client: number; readonly routes: readonly number[] }): string {
    const home = join(folder, name);
    mkdirSync(home, { recursive: true });
    const number = Number(/-(\d)\.conf$/u.exec(name)?.[1] ?? 1);
    let text = readFileSync(join("assets/nats", name), "utf8");
    const change = (from: string | RegExp, to: string) => {
      const after = text.replaceAll(from, to);
      assert.notEqual(after, text, `${name} has ${String(from)}`);
      text = after;
    };
    change(/^ *sync_interval: always\n/gmu, "");
    change("/etc/nats/ca.pem", authority!.certFile);
    change("/etc/nats/server.pem", own!.certFile);
    change("/etc/nats/server.key", own!.keyFile);
    change("/var/lib/nats/jetstream", join(home, "js"));
    change('"0.0.0.0:4222"', `"127.0.0.1:${ports.client}"`);
    if (ports.routes.length > 0) {
      change("/etc/nats/route-ca.pem", join(folder, "route-ca.crt"));
      change("/etc/nats/route.pem", route!.certFile);
      change("/etc/nats/route.key", route!.keyFile);
      change('"0.0.0.0:6222"', `"127.0.0.1:${ports.routes[number - 1]}"`);
      change(/nats-(\d)\.example\.com:6222/gu, "127.0.0.1:route$1");
      for (const [at, port] of ports.routes.entries()) text = text.replaceAll(`:route${at + 1}"`, `:${port}"`);
    }
    writeFileSync(join(home, "fleet.conf"), serverConfig(fleet.registry));
    writeFileSync(join(home, "nats.conf"), text);
    return join(home, "nats.conf");
  }

  const start = (config: string): ChildProcess => {
    const child = startServer(program, config, `${config}.log`);
    running.push(child);
    return child;
  };

  const connecting = (ports: readonly number[], seed: string, who: string) => ({
    ...optionsOf("", seed, who),
    servers: ports.map((port) => `tls://127.0.0.1:${port}`),
    ca: authority!.cert,
    cert: own!.cert,
    key: own!.key,
  });

  it("are one server and three", () => {
    assert.deepEqual(shipped, ["one.conf", "three-1.conf", "three-2.conf", "three-3.conf"]);
  });

  it("open no other door, and are the same but for what has to differ", () => {
    for (const name of shipped) {
      const text = readFileSync(join("assets/nats", name), "utf8").replaceAll(/^ *#.*$/gmu, "");
      assert.doesNotMatch(text, /http|websocket|mqtt|leafnodes|gateway|password|monitor/iu, name);
    }
    assert.equal(bare(2), bare(1));
    assert.equal(bare(3), bare(1));
  });

  it("are understood by the server", async () => {
    for (const name of shipped) {
      const routes = name === "one.conf" ? [] : [1, 2, 3];
      const { status, stderr } = spawnSync(program, ["-t", "-c", placed(name, { client: 4222, routes })], {
        encoding: "utf8",
      });
      assert.equal(status, 0, `${name}: ${stderr}`);
    }
  });

  it("one: provisioned, and takes a job over TLS", async () => {
    const client = await freePort();
    start(placed("one.conf", { client, routes: [] }));
    const admin = await eventually(() => connectOnce(connecting([client], fleet.seeds.admin, "admin")));
    await provision(admin, [a, b], caps);
    await admin.close();
    const { handOver, isConnected } = gateway([client]);
    await until("the gateway is connected", isConnected);
    assert.equal((await handOver.offer(jobFor(a))).answer, "accepted");
    await handOver.close();
  });

  it("three: a job is taken, and kept, while any one of them is dead", async () => {
    const [clients, routes]: [number[], number[]] = [[], []];
    for (let n = 0; n < 3; n++) {
      clients.push(await freePort());
      routes.push(await freePort());
    }
    const children = [1, 2, 3].map((n) => start(placed(`three-${n}.conf`, { client: clients[n - 1]!, routes })));
    await eventually(async () => {
      const admin = await connectOnce(connecting(clients, fleet.seeds.admin, "admin"));
      try {
        // Until they have a leader nobody answers.
        await jetstreamManager(admin, { timeout: 500 });
        return await provision(admin, [a, b], { ...caps, replicas: 3 });
      } finally {
        await admin.close();
      }
    });
    const { handOver } = gateway(clients);
    const first = jobFor(a);
    const offered = async (job: typeof first) => (await eventually(() => handOver.offer(job))).answer;
    assert.match(await offered(first), /^(?:accepted|duplicate)$/u);
    await askedAcross(clients);
    for (const dead of isFull() ? [0, 1, 2] : [1]) {
      const child = children[dead]!;
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
      assert.equal(await offered({ ...first, trace: "f".repeat(32) }), "duplicate", `it is kept without ${dead + 1}`);
      assert.match(await offered(jobFor(b)), /^(?:accepted|duplicate)$/u);
      children[dead] = start(join(folder, `three-${dead + 1}.conf`, "nats.conf"));
      await eventually(async () => {
        const connection = await connectOnce(connecting([clients[dead]!], fleet.seeds.gateway, "gateway"));
        await connection.close();
      });
    }
    await handOver.close();
  });

  /** A host at the first server, and who asks at the last. */
  async function askedAcross(clients: readonly number[]): Promise<void> {
    const broker = openBroker({
      ...connecting(clients.slice(0, 1), fleet.seeds.of(a), keyOf(a)),
      onChange: () => undefined,
    });
    const source = openJobSource({
      broker,
      host: a,
      gatewayKeys: fleet.gatewayKeys,
      worker: memoryWorker(a).worker,
      answers: answersOf(a),
      presence: () => ({ version: "0", mode: "observe", inForce: "observe", paused: false }),
      onTrouble: () => undefined,
    });
    const connection = await connectOnce(connecting(clients.slice(2), fleet.seeds.gateway, "gateway"));
    const asking = openFleet({ connection, signingKey: fleet.signingKey, withinMs: 5000 });
    await broker.ready;
    // The servers tell each other who listens where.
    await eventually(async () => {
      const [first] = await asking.status([a], AbortSignal.timeout(10_000));
      if (first === undefined || !("answer" in first)) throw new Error("it has not answered");
    });
    assert.deepEqual(await asking.hosts(), [a, b]);
    assert.deepEqual(await asking.status([a, b], AbortSignal.timeout(10_000)), [
      { host: a, answer: statusOf(a) },
      { host: b, trouble: "it is not connected to the broker" },
    ]);
    // Each time it listens anew: the servers know that before the question.
    for (let again = 0; again < 30; again++)
      assert.deepEqual(await asking.status([a], AbortSignal.timeout(10_000)), [{ host: a, answer: statusOf(a) }]);
    await Promise.all([connection.close(), source.close()]);
  }

  function gateway(ports: readonly number[]) {
    const broker = openBroker({ ...connecting(ports, fleet.seeds.gateway, "gateway"), onChange: () => undefined });
    return { handOver: natsHandOver({ broker, signingKey: fleet.signingKey }), isConnected: broker.isConnected };
  }
});

/** Tries until it does not throw. */
async function eventually<T>(work: () => Promise<T>, withinMs = 40_000): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
