import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { z } from "zod";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { openFleet } from "../../../dispatch/nats/ask.ts";
import { natsHandOver } from "../../../dispatch/nats/hand-over.ts";
import { headerOf } from "../../../dispatch/nats/pieces.ts";
import { answerHeader, subjects } from "../../../dispatch/nats/subjects.ts";
import { brokerOf, keyOf, memoryWorker, optionsOf, statusOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const [a, b] = ["a.example.com", "b.example.com"] as const;
const patience = () => AbortSignal.timeout(10_000);

describe("dispatch/nats: who hears what hosts answer", function () {
  this.timeout(30_000);
  const { server, fleet, provide, asker, hostOf, gateway, kept } = useFleet([a, b], [a, b]);

  it("is who has asked: a gateway that asks nothing gets nothing of the tables that a command has asked for", async () => {
    await provide();
    const [{ broker }, asking] = [await gateway(), await asker()];
    const idle = await broker.ready;
    const questions = openFleet({ connection: idle, signingKey: fleet.signingKey, withinMs: 3000 });
    await hostOf(a, memoryWorker(a).worker, 100, { tables: async () => randomBytes(4 * 2 ** 20) });
    // It hears, and then no more.
    assert.deepEqual(await questions.status([a], patience()), [{ host: a, answer: statusOf(a) }]);
    await idle.flush();
    const before = idle.stats().inBytes;
    const [first] = await asking.tables([a], patience());
    assert.match(first !== undefined && "trouble" in first ? first.trouble : "", /can not be unpacked/u);
    assert.ok(asking.connection.stats().inBytes > 4 * 2 ** 20);
    await idle.flush();
    assert.ok(idle.stats().inBytes - before < 64 * 1024, `${idle.stats().inBytes - before} bytes`);
    assert.deepEqual(await questions.status([a], patience()), [{ host: a, answer: statusOf(a) }]);
    await questions.close();
  });

  it("counts what nobody has asked for", async () => {
    await provide();
    const counted: string[] = [];
    const connection = await connectOnce(optionsOf(server().url, fleet.seeds.gateway, "gateway"));
    kept({ close: async () => connection.close() });
    const admits = (key: string) => counted.push(key) < 100;
    const questions = openFleet({ connection, signingKey: fleet.signingKey, withinMs: 3000, admits });
    const liar = await connectOnce(optionsOf(server().url, fleet.seeds.of(b), keyOf(b)));
    kept({ close: async () => liar.close() });
    await hostOf(a, memoryWorker(a).worker, 100, {
      status: async () => {
        for (let sent = 0; sent < 50; sent++) {
          const made = headers();
          made.set(answerHeader, headerOf({ ask: "0".repeat(32), at: 1, of: 1, isTrouble: false }));
          liar.publish(subjects.answer(keyOf(b)), "x", { headers: made });
        }
        await liar.flush();
        return statusOf(a);
      },
    });
    assert.deepEqual(await questions.status([a], patience()), [{ host: a, answer: statusOf(a) }]);
    assert.deepEqual(
      counted,
      Array.from({ length: 50 }, () => keyOf(b)),
    );
  });

  it("is nobody that the broker does not let: that is said, and not waited for", async () => {
    await provide();
    const { broker } = await brokerOf(server().url, fleet.seeds.admin, "admin");
    const handOver = kept(natsHandOver({ broker, signingKey: fleet.signingKey }));
    await (await broker.ready).flush();
    await hostOf(a, memoryWorker(a).worker);
    const begun = performance.now();
    await assert.rejects(
      handOver.withdraw({ v: 1, trace: "0".repeat(32), host: a, monitor: "1", cycle: "c" }),
      (error: Error) => {
        assert.match(String(error.cause), /what hosts answer can not be heard: .*Permissions Violation/u);
        return true;
      },
    );
    const questions = openFleet({ connection: await broker.ready, signingKey: fleet.signingKey, withinMs: 3000 });
    const [first] = await questions.status([a], patience());
    assert.match(
      first !== undefined && "trouble" in first ? first.trouble : "",
      /what hosts answer can not be heard: .*Permissions Violation/u,
    );
    assert.ok(performance.now() - begun < 2500);
  });

  it("holds no more than so much of what has come, and is not read yet", async () => {
    await provide();
    const connection = await connectOnce(optionsOf(server().url, fleet.seeds.gateway, "gateway"));
    kept({ close: async () => connection.close() });
    const [all, questions] = [
      300,
      openFleet({
        connection: atOnce(connection, 300),
        signingKey: fleet.signingKey,
        withinMs: 9000,
      }),
    ];
    const liar = await connectOnce(optionsOf(server().url, fleet.seeds.of(a), keyOf(a)));
    kept({ close: async () => liar.close() });
    const garbage = Buffer.alloc(60_000, "x");
    liar.subscribe(subjects.ask(keyOf(a)), {
      callback: (_, message) => {
        const { ask } = z.object({ ask: z.string() }).parse(message.json());
        const made = headers();
        made.set(answerHeader, headerOf({ ask, at: 1, of: 1, isTrouble: false }));
        liar.publish(subjects.answer(keyOf(a)), garbage, { headers: made });
      },
    });
    await liar.flush();
    const ask = async () =>
      questions.status(
        Array.from({ length: all }, () => a),
        patience(),
      );
    // The second time there is room again.
    for (const replies of [await ask(), await ask()]) {
      const read = replies.filter((one) => "trouble" in one && one.trouble.includes("can not be unpacked")).length;
      const tooMuch = replies.filter(
        (one) => "trouble" in one && one.trouble.includes("too much comes from all"),
      ).length;
      assert.deepEqual([read, tooMuch], [279, 21]);
    }
  });
});

/** A connection on which the answers come in one turn, so many at a time. */
function atOnce(connection: NatsConnection, count: number): NatsConnection {
  const held: (() => void)[] = [];
  const subscribe: NatsConnection["subscribe"] = (subject, options) =>
    connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        held.push(() => void options?.callback?.(error, message));
        if (held.length === count || !subject.startsWith("overlay.")) for (const deliver of held.splice(0)) deliver();
      },
    });
  return new Proxy(connection, {
    get: (target, name): unknown => {
      if (name === "subscribe") return subscribe;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const bound: unknown = value.bind(target);
      return bound;
    },
  });
}
