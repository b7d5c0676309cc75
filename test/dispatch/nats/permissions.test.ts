import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, headers, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { sealJob } from "../../../dispatch/nats/protocol.ts";
import { inboxOf, serverConfig } from "../../../dispatch/nats/server-config.ts";
import { fleetStream, hostApi, signatureHeader, stream, subjects } from "../../../dispatch/nats/subjects.ts";
import { natsServer, TestBroker } from "./broker.ts";
import { jobFor, keyOf, makeFleet, optionsOf, provisioned } from "./fleet.ts";

const [a, b] = ["a.example.com", "b.example.com"] as const;

/** The server's own word on each thing that is published or listened to. */
const refusal = async (connection: NatsConnection, what: (c: NatsConnection) => void): Promise<string> => {
  const errors: string[] = [];
  const status = connection.status();
  void (async () => {
    for await (const one of status) if (one.type === "error") errors.push(one.error.message);
  })();
  what(connection);
  await connection.flush();
  for (let waited = 0; waited < 100 && errors.length === 0; waited++) await sleep(5);
  return errors.join();
};

describe("dispatch/nats: what a host may do, with its own credentials", () => {
  const fleet = makeFleet([a, b]);
  const [keyA, keyB] = [keyOf(a), keyOf(b)];
  let program = "";
  let server: TestBroker;
  let [thief, gateway, admin]: NatsConnection[] = [];

  before(async function () {
    program = await natsServer(this);
    server = new TestBroker(program, { fleet: serverConfig(fleet.registry) });
    await server.start();
    await provisioned(server.url, fleet, [a, b], { jobsPerHost: 2, jobsPerFleet: 10, windowMs: 900_000, replicas: 1 });
    thief = await connectOnce(optionsOf(server.url, fleet.seeds.of(a), keyA));
    gateway = await connectOnce(optionsOf(server.url, fleet.seeds.gateway, "gateway"));
    admin = await connectOnce(optionsOf(server.url, fleet.seeds.admin, "admin"));
  });

  after(async () => {
    await Promise.all([thief, gateway, admin].map(async (one) => one?.close()));
    await server?.remove();
  });

  const publish = async (host: string, id: string) => {
    const job = jobFor(host);
    const { body, signature } = sealJob(job, fleet.signingKey);
    const made = headers();
    made.set(signatureHeader, signature);
    return jetstream(gateway!).publish(subjects.job(keyOf(host)), body, { msgID: id, headers: made });
  };

  const state = async () => {
    const manager = await jetstreamManager(admin!, { checkAPI: false });
    const { state: held } = await manager.streams.info(stream, { subjects_filter: ">" });
    const consumer = await manager.consumers.info(stream, keyB);
    return { jobs: held.subjects?.[subjects.job(keyB)] ?? 0, pending: consumer.num_pending };
  };

  const forbidden: readonly string[] = [
    subjects.job(keyB),
    subjects.job(keyA),
    subjects.ask(keyB),
    subjects.answer(keyB),
    subjects.presence(keyB),
    subjects.told(keyB),
    subjects.fleetPause,
    `$JS.API.STREAM.MSG.GET.${fleetStream}`,
    `${hostApi}.STREAM.MSG.GET.${fleetStream}`,
    `${hostApi}.CONSUMER.MSG.NEXT.${stream}.${keyB}`,
    `${hostApi}.CONSUMER.INFO.${stream}.${keyB}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${keyB}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${keyA}`,
    `$JS.API.CONSUMER.DELETE.${stream}.${keyB}`,
    // Who is in the fleet is the gateway's to know.
    `$JS.API.CONSUMER.LIST.${stream}`,
    `$JS.API.CONSUMER.NAMES.${stream}`,
    `${hostApi}.CONSUMER.LIST.${stream}`,
    `${hostApi}.CONSUMER.NAMES.${stream}`,
    subjects.ask(keyA),
    `$JS.API.STREAM.PURGE.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    "$JS.API.INFO",
    // What would put its job off, have it be thrown away, or seem to be in work.
    `$JS.ACK.${stream}.${keyB}.1.1.1.1.0`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${keyB}`,
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.STREAM.UPDATE.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
    `${inboxOf(keyB)}.x`,
    `${inboxOf("gateway")}.x`,
    `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.${keyB}`,
    "$SYS.REQ.SERVER.PING",
  ];

  for (const subject of forbidden) {
    it(`it can not publish ${subject.replace(keyB, "OTHER").replace(keyA, "ITSELF")}`, async () => {
      assert.match(await refusal(thief!, (c) => c.publish(subject, "x")), /^Permissions Violation for Publish/u);
    });
  }

  for (const subject of [
    `${inboxOf(keyB)}.>`,
    `${inboxOf("gateway")}.>`,
    "_INBOX.>",
    ">",
    subjects.ask(keyB),
    subjects.ask("*"),
    subjects.answer(keyB),
    subjects.answer("*"),
    `$JS.API.CONSUMER.LIST.${stream}`,
    subjects.job("*"),
    subjects.told("*"),
    subjects.presence("*"),
    // Its endpoint lists and tables, as it answers them.
    subjects.answer(keyB),
    subjects.answer("*"),
    subjects.fleetPause,
    "overlay.>",
    `${hostApi}.>`,
    "$JS.API.>",
    "$JS.EVENT.>",
    "$JS.ACK.>",
    "$SYS.>",
  ]) {
    it(`it can not listen to ${subject.replace(keyB, "OTHER")}`, async () => {
      assert.match(await refusal(thief!, (c) => c.subscribe(subject)), /^Permissions Violation for Subscription/u);
    });
  }

  it("it can not have the server publish in its place, by the subject that it wants answers on", async () => {
    await publish(b, "one");
    await publish(a, "two");
    const before = await state();
    assert.deepEqual(before, { jobs: 1, pending: 1 });
    const heard: string[] = [];
    for (const subject of [subjects.presence("*"), subjects.told("*"), subjects.answer("*"), subjects.fleetPause])
      gateway!.subscribe(subject, { callback: (_, message) => void heard.push(message.subject) });
    await gateway!.flush();
    const own = [
      [`${hostApi}.CONSUMER.INFO.${stream}.${keyA}`, ""],
      // Its own job; then `404 No Messages`, which is an empty message; then an error.
      [`${hostApi}.CONSUMER.MSG.NEXT.${stream}.${keyA}`, JSON.stringify({ batch: 1, no_wait: true })],
      [`${hostApi}.CONSUMER.MSG.NEXT.${stream}.${keyA}`, JSON.stringify({ batch: 1, no_wait: true })],
      [`${hostApi}.CONSUMER.MSG.NEXT.${stream}.${keyA}`, "{"],
      [`$JS.ACK.${stream}.${keyA}.1.2.1.1.0`, "+ACK"],
    ] as const;
    const targets = [
      subjects.job(keyB),
      subjects.ask(keyB),
      subjects.presence(keyB),
      subjects.told(keyB),
      subjects.answer(keyB),
      subjects.fleetPause,
      `$JS.API.CONSUMER.DELETE.${stream}.${keyB}`,
      `$JS.API.STREAM.DELETE.${stream}`,
      `$JS.ACK.${stream}.${keyB}.1.1.1.1.0`,
      `${hostApi}.CONSUMER.MSG.NEXT.${stream}.${keyB}`,
      `${inboxOf(keyB)}.x`,
    ];
    for (const reply of targets) for (const [subject, body] of own) thief!.publish(subject, body, { reply });
    await thief!.flush();
    await sleep(300);
    assert.deepEqual(await state(), before, "the other's jobs and consumer are as they were");
    assert.deepEqual(heard, []);
    assert.equal((await publish(b, "three")).duplicate, false, "there is room for the other's next job");
  });

  it("in one account with others it could: that is what the accounts are for", async () => {
    // The same permissions on the same subjects, as users beside each other.
    const text = serverConfig(fleet.registry);
    const permissions = text
      .slice(text.indexOf("HOST0 {"))
      .match(/\{nkey: \S+, permissions.*\}/u)?.[0]
      .replaceAll(`${hostApi}.`, "$JS.API.");
    const users = [...text.matchAll(/^ {6}(\{nkey: .*\})$/gmu)].slice(0, 2).map(([, one]) => one);
    const naive = `accounts { FLEET { jetstream: enabled, users: [ ${[...users, permissions].join("\n")} ] } }`;
    const other = new TestBroker(program, { fleet: naive });
    try {
      await other.start();
      await provisioned(other.url, fleet, [a, b]);
      const connection = await connectOnce(optionsOf(other.url, fleet.seeds.of(a), keyA));
      connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${keyA}`, JSON.stringify({ batch: 1, no_wait: true }), {
        reply: `$JS.API.CONSUMER.DELETE.${stream}.${keyB}`,
      });
      await connection.flush();
      await sleep(200);
      await connection.close();
      assert.deepEqual((await provisioned(other.url, fleet, [a, b])).added, [keyB], "the other's consumer was gone");
    } finally {
      await other.remove();
    }
  });

  it("who has no key, or another's name, is not let in", async () => {
    const stranger = makeFleet([a]);
    for (const seed of [stranger.seeds.of(a), stranger.seeds.gateway])
      await assert.rejects(connectOnce(optionsOf(server.url, seed, keyA)), (error: Error) => {
        assert.match(error.message, /^no connection to the broker at nats:/u);
        assert.match(String(error.cause), /Authorization/u);
        return true;
      });
    await assert.rejects(connect({ servers: server.url, reconnect: false }), /Authorization/u);
    const nkey = nkeyAuthenticator(new TextEncoder().encode(stranger.seeds.of(a)));
    const lying = (nonce?: string) => ({ sig: "", ...nkey(nonce), nkey: fleet.registry.hosts[0]!.public });
    await assert.rejects(connect({ servers: server.url, reconnect: false, authenticator: lying }), /Authorization/u);
  });
});
