import type { HandOver } from "../../../dispatch/hand-over.ts";
import type { Answers } from "../../../dispatch/nats/answering.ts";
import { openFleet } from "../../../dispatch/nats/ask.ts";
import { type Broker, connectOnce } from "../../../dispatch/nats/connection.ts";
import { type DeadLetter, type Fleet, watchFleet } from "../../../dispatch/nats/fleet.ts";
import { natsHandOver } from "../../../dispatch/nats/hand-over.ts";
import { openJobSource } from "../../../dispatch/nats/job-source.ts";
import type { Told } from "../../../dispatch/nats/protocol.ts";
import type { Caps } from "../../../dispatch/nats/provision.ts";
import { serverConfig } from "../../../dispatch/nats/server-config.ts";
import { until } from "../../host/until.ts";
import { natsServer, TestBroker } from "./broker.ts";
import { answersOf, brokerOf, caps, keyOf, makeFleet, optionsOf, provisioned } from "./fleet.ts";

interface Gateway {
  readonly handOver: HandOver;
  readonly broker: Broker;
  readonly changes: readonly string[];
  readonly letters: DeadLetter[];
  readonly told: (Told & { readonly key: string })[];
  readonly troubles: string[];
  /** What each is told under. */
  readonly keys: (string | undefined)[];
  readonly fleet: Fleet;
}

/** In a `describe`: a broker of its own for each test, and a gateway and hosts that are closed after it. */
export function useFleet(hosts: readonly string[], provisionedHosts: readonly string[]) {
  const fleet = makeFleet(hosts);
  let program = "";
  let server: TestBroker;
  const opened: { close: () => Promise<void> }[] = [];
  const kept = <T extends { close: () => Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };

  before(async function () {
    program = await natsServer(this);
  });

  beforeEach(async () => {
    server = new TestBroker(program, { fleet: serverConfig(fleet.registry) });
    await server.start();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await server.remove();
  });

  async function gateway(timeoutMs = 3000, untakenMs = 60_000): Promise<Gateway> {
    const { broker, changes } = await brokerOf(server.url, fleet.seeds.gateway, "gateway", timeoutMs);
    const [letters, told, troubles]: [DeadLetter[], (Told & { key: string })[], string[]] = [[], [], []];
    const keys: (string | undefined)[] = [];
    const watched = watchFleet(
      broker,
      {
        onDeadLetter: (letter) => letters.push(letter),
        onTold: (key, what) => told.push({ ...what, key }),
        onTrouble: (what, key) => {
          troubles.push(what);
          keys.push(key);
        },
      },
      untakenMs,
    );
    const handOver = kept(natsHandOver({ broker, signingKey: fleet.signingKey, admits: watched.admits }));
    await (await broker.ready).flush();
    await until("the gateway is connected", broker.isConnected);
    return { handOver, broker, changes, letters, told, troubles, keys, fleet: watched };
  }

  async function hostOf(
    host: string,
    worker: Pick<HandOver, "offer" | "withdraw">,
    againMs = 100,
    answers: Partial<Answers> = {},
    onConnected: () => void = () => undefined,
  ) {
    const { broker, changes } = await brokerOf(server.url, fleet.seeds.of(host), keyOf(host));
    const troubles: string[] = [];
    const source = kept(
      openJobSource({
        broker,
        host,
        gatewayKeys: fleet.gatewayKeys,
        worker,
        answers: { ...answersOf(host), ...answers },
        presence: () => ({ version: "0", mode: "observe", inForce: "observe", paused: false }),
        onConnected,
        presenceMs: 200,
        againMs,
        onTrouble: (what) => troubles.push(what),
      }),
    );
    const connection = await broker.ready;
    // Twice: it listens to what is asked one turn after it is connected.
    await connection.flush();
    await connection.flush();
    return { source, changes, troubles, broker };
  }

  /** On a connection of its own, as a command has it. */
  async function asker(withinMs = 3000) {
    const connection = await connectOnce(optionsOf(server.url, fleet.seeds.gateway, "gateway"));
    const asking = openFleet({ connection, signingKey: fleet.signingKey, withinMs });
    kept({ close: async () => connection.close() });
    return { ...asking, connection };
  }

  const provide = (limits: Partial<Caps> = {}) =>
    provisioned(server.url, fleet, provisionedHosts, { ...caps, ...limits });

  return { server: () => server, fleet, kept, gateway, asker, hostOf, provide };
}
