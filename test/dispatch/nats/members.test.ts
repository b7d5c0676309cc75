import { sized } from "../../accept/length.ts";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { makeIdentity, publicOf } from "../../../dispatch/nats/identity.ts";
import { openJobSource } from "../../../dispatch/nats/job-source.ts";
import { natsHandOver } from "../../../dispatch/nats/hand-over.ts";
import { hasKnownHoles } from "../../../dispatch/nats/provision.ts";
import {
  emptyRegistry,
  enrolled,
  type Registry,
  registrySchema,
  revoked,
  rotated,
  settled,
} from "../../../dispatch/nats/registry.ts";
import { serverConfig } from "../../../dispatch/nats/server-config.ts";
import { until } from "../../host/until.ts";
import { natsServer, TestBroker } from "./broker.ts";
import { answersOf, brokerOf, jobFor, keyOf, makeFleet, memoryWorker, optionsOf, provisioned } from "./fleet.ts";

const [a, b, c] = ["a.example.com", "b.example.com", "c.example.com"] as const;
const key = () => makeIdentity().public;

describe("dispatch/nats: the registry", () => {
  const empty = emptyRegistry(key(), key());

  it("gives each host a place of its own, and one that is free again to the next", () => {
    let registry = enrolled(enrolled(empty, a, key(), 1), b, key(), 2);
    assert.deepEqual(
      registry.hosts.map(({ slot }) => slot),
      [0, 1],
    );
    registry = enrolled(revoked(registry, a, 3), c, key(), 4);
    assert.deepEqual(
      registry.hosts.map(({ host, slot }) => [host, slot]),
      [
        [b, 1],
        [c, 0],
      ],
    );
    assert.equal(registry.revoked.length, 1);
    assert.deepEqual(registrySchema.parse(JSON.parse(JSON.stringify(registry))), registry);
  });

  it("always has accounts to spare, which a running server knows already", () => {
    let registry: Registry = empty;
    for (let host = 0; host < 300; host++) {
      const before = registry.slots;
      registry = enrolled(registry, `h${host}`, key(), 0);
      assert.ok(registry.hosts.at(-1)!.slot < before, "in an account that was there before");
      assert.ok(registry.slots - registry.hosts.length >= 32);
    }
    assert.equal(new Set(registry.hosts.map(({ slot }) => slot)).size, 300);
  });

  it("refuses what does not fit, and changes nothing", () => {
    const registry = enrolled(empty, a, key(), 1);
    assert.throws(() => enrolled(registry, a, key(), 2), /a\.example\.com is enrolled already/u);
    assert.throws(() => rotated(registry, b, key(), 2), /b\.example\.com is not enrolled/u);
    assert.throws(() => revoked(registry, b, 2), /is not enrolled/u);
    assert.throws(() => settled(registry, a), /has one key only/u);
    for (const host of ["*", ">", "a b", "", "A", "a..b"])
      assert.throws(() => registrySchema.parse(enrolled(registry, host, key(), 2)), host);
  });

  it("has two keys of a host that is given a new one, until it has it", () => {
    const [first, second] = [key(), key()];
    const both = rotated(enrolled(empty, a, first, 1), a, second, 2);
    assert.ok(serverConfig(both).includes(first));
    assert.ok(serverConfig(both).includes(second));
    const one = settled(both, a);
    assert.ok(!serverConfig(one).includes(first));
    assert.ok(serverConfig(one).includes(second));
    const gone = revoked(both, a, 3);
    assert.ok(!serverConfig(gone).includes(first) && !serverConfig(gone).includes(second));
    assert.equal(gone.revoked.length, 2);
  });

  it("seeds lead to their public keys; what is none is not quoted", () => {
    const one = makeIdentity();
    assert.equal(publicOf(one.seed), one.public);
    const miswritten = one.seed.slice(0, 10) + (one.seed[10] === "A" ? "B" : "A") + one.seed.slice(11);
    for (const text of ["", "secret", one.public, miswritten])
      assert.throws(() => publicOf(text), /^Error: expected the seed of a user's nkey, SU\.\.\.$/u);
  });
});

describe("dispatch/nats: the server's version", () => {
  it("is one that others may reach, or not", () => {
    for (const version of ["2.12.7", "2.12.12", "2.11.16", "2.13.0", "2.14.0", "2.15.1", "3.0.0", "2.12.7-RC.1"])
      assert.ok(!hasKnownHoles(version), version);
    for (const version of ["2.9.10", "2.10.27", "2.11.15", "2.12.6", "2.12.0", "1.4.1", "", "x"])
      assert.ok(hasKnownHoles(version), version);
  });
});

describe("dispatch/nats: who comes and goes while the server runs", function () {
  this.timeout(20_000);
  const fleet = makeFleet([a, b]);
  let program = "";
  let server: TestBroker;
  const opened: { close: () => Promise<void> }[] = [];

  before(async function () {
    program = await natsServer(this);
  });

  beforeEach(async () => {
    server = new TestBroker(program, { fleet: serverConfig(fleet.registry) });
    await server.start();
    await provisioned(server.url, fleet, [a, b]);
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await server.remove();
  });

  async function hostOf(host: string, seed: string) {
    const memory = memoryWorker(host);
    const { broker, changes } = await brokerOf(server.url, seed, keyOf(host));
    const troubles: string[] = [];
    opened.push(
      openJobSource({
        broker,
        host,
        gatewayKeys: fleet.gatewayKeys,
        worker: memory.worker,
        answers: answersOf(host),
        presence: () => ({ version: "0", mode: "observe", inForce: "observe", paused: false }),
        onTrouble: (what) => troubles.push(what),
      }),
    );
    return { ...memory, broker, changes, troubles };
  }

  async function gateway() {
    const { broker, changes } = await brokerOf(server.url, fleet.seeds.gateway, "gateway");
    const handOver = natsHandOver({ broker, signingKey: fleet.signingKey });
    opened.push(handOver);
    await broker.ready;
    await until("the gateway is connected", broker.isConnected);
    return { handOver, changes };
  }

  it("a revoked host is out within a second of the reload, and stays out; others notice nothing", async () => {
    const [one, two, { handOver, changes }] = [
      await hostOf(a, fleet.seeds.of(a)),
      await hostOf(b, fleet.seeds.of(b)),
      await gateway(),
    ];
    await Promise.all([one.broker.ready, two.broker.ready]);
    const job = jobFor(a);
    await handOver.offer(job);
    await until("both work", () => one.jobs.has(job.id));
    await server.reload(serverConfig(revoked(fleet.registry, a, 1)));
    const begun = performance.now();
    await until("it is out", () => !one.broker.isConnected());
    const took = performance.now() - begun;
    assert.ok(took < sized(1000, 3000), `${Math.round(took)} ms`);
    const next = jobFor(b);
    assert.equal((await handOver.offer(next)).answer, "accepted");
    await until("the other gets its own", () => two.jobs.has(next.id));
    assert.equal((await handOver.offer(jobFor(a))).answer, "accepted", "until its consumer is taken away");
    await until("it has tried again", () => one.changes.some((change) => change.includes("Authorization")));
    await sleep(1500);
    assert.equal(one.broker.isConnected(), false);
    assert.equal(one.jobs.size, 1);
    assert.deepEqual(two.changes, ["connected to the broker"]);
    assert.deepEqual(changes, ["connected to the broker"]);
    await assert.rejects(connectOnce(optionsOf(server.url, fleet.seeds.of(a), keyOf(a))), /no connection/u);
    const { removed } = await provisioned(server.url, fleet, [b]);
    assert.deepEqual(removed, [keyOf(a)]);
    assert.equal((await handOver.offer(jobFor(a))).answer, "unknown-host");
    const refusals = () => server.log.split("authentication error").length - 1;
    await until("it was refused three times", () => refusals() >= 3, 10_000);
    await server.reload(serverConfig(fleet.registry));
    await until("one that is taken back is in by itself", () => one.broker.isConnected(), 10_000);
  });

  it("a host that is enrolled while it tries already gets in at the reload, without a restart of anything", async () => {
    const identity = makeIdentity();
    const one = await hostOf(c, identity.seed);
    const { handOver } = await gateway();
    await until("it is refused", () => one.changes.some((change) => change.includes("Authorization")));
    await server.reload(serverConfig(enrolled(fleet.registry, c, identity.public, 1)));
    await provisioned(server.url, fleet, [a, b, c]);
    const job = jobFor(c);
    assert.equal((await handOver.offer(job)).answer, "accepted");
    await until("it has its job", () => one.jobs.has(job.id), 10_000);
  });

  it("a host that gets the account of one that is revoked in the same moment has its own jobs, and the other none", async () => {
    const identity = makeIdentity();
    const [old, two] = [await hostOf(a, fleet.seeds.of(a)), await hostOf(c, identity.seed)];
    const { handOver } = await gateway();
    await old.broker.ready;
    const registry = enrolled(revoked(fleet.registry, a, 1), c, identity.public, 2);
    assert.equal(registry.hosts.at(-1)?.slot, fleet.registry.hosts[0]?.slot);
    await server.reload(serverConfig(registry));
    await until("the old one is out", () => !old.broker.isConnected(), 1000);
    await provisioned(server.url, fleet, [b, c]);
    const job = jobFor(c);
    assert.equal((await handOver.offer(job)).answer, "accepted");
    await until("the new one has its job", () => two.jobs.has(job.id), 10_000);
    assert.deepEqual(old.offered, []);
  });

  it("a host that is in before its consumer is says so, and goes on by itself", async () => {
    await provisioned(server.url, fleet, [b]);
    const one = await hostOf(a, fleet.seeds.of(a));
    await until("it says so", () => one.troubles.length > 0);
    assert.match(one.troubles[0]!, /no place for this host's jobs/u);
    await provisioned(server.url, fleet, [a, b]);
    const { handOver } = await gateway();
    const job = jobFor(a);
    await handOver.offer(job);
    await until("it has its job", () => one.jobs.has(job.id), 10_000);
  });

  it("a host with a new key: both are good until that is ended, then the old one is out", async () => {
    const next = makeIdentity();
    const old = await hostOf(a, fleet.seeds.of(a));
    await old.broker.ready;
    const both = rotated(fleet.registry, a, next.public, 1);
    await server.reload(serverConfig(both));
    await sleep(200);
    await (await connectOnce(optionsOf(server.url, next.seed, keyOf(a)))).close();
    await (await connectOnce(optionsOf(server.url, fleet.seeds.of(a), keyOf(a)))).close();
    await server.reload(serverConfig(settled(both, a)));
    await until("the old one is out", () => !old.broker.isConnected(), 1000);
    await (await connectOnce(optionsOf(server.url, next.seed, keyOf(a)))).close();
  });
});
