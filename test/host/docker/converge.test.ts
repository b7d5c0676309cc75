import assert from "node:assert/strict";
import { setImmediate as tick, setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { liveClock } from "../../../host/clock.ts";
import type { CallOptions, DockerClient } from "../../../host/docker/client.ts";
import { DockerError } from "../../../host/docker/error.ts";
import { type DockerWatch, watchDocker } from "../../../host/docker/watch.ts";
import { until } from "../until.ts";
import { containerEvent, idOf, inspectOf, networkEvent, networkOf } from "./scripted.ts";

const networkId = (n: number): string => `${n}`.repeat(25);

/**
 * An engine in memory whose every answer is taken and handed over at moments that the test chooses. As the real one,
 * it sends the headers of `/events` before it subscribes, and then hands out what it remembers since `since`.
 */
class SlowEngine {
  readonly names = new Map<string, string>();
  readonly networks = new Map<string, string>();
  readonly client: DockerClient;
  private readonly past: { at: number; event: object }[] = [];
  private readonly subscribers = new Set<Subscriber>();
  private readonly pauses: readonly number[];
  private turn = 0;
  private faults: number;

  constructor(pauses: readonly number[], faults: number) {
    this.pauses = pauses;
    this.faults = faults;
    this.client = {
      socketPath: "/scripted",
      get: async (path, options) => this.answer(path, options),
      ping: async () => undefined,
      request: async () => undefined,
      stream: async (path, options) => this.subscribe(path, options),
    };
  }

  emit(event: object): void {
    this.past.push({ at: Date.now(), event });
    for (const { queue } of this.subscribers) queue.push(event);
  }

  /** The streams break off; what was on its way is lost. */
  cut(): void {
    for (const subscriber of this.subscribers) subscriber.broken = true;
    this.subscribers.clear();
  }

  async pause(signal?: AbortSignal): Promise<void> {
    const length = this.pauses[this.turn++ % this.pauses.length] ?? 0;
    // Short ones change the order within a turn of the loop, long ones outlast the watch's own timers.
    if (length > 4) await sleep(length - 4);
    for (let n = 0; n < length % 5; n++) await tick();
    signal?.throwIfAborted();
  }

  private async answer(path: string, options: CallOptions = {}): Promise<unknown> {
    await this.pause(options.signal);
    const taken = this.take(path);
    await this.pause(options.signal);
    if (this.turn % 3 === 0 && this.faults-- > 0) throw this.error(path, "timeout", 0);
    if (taken === undefined) throw this.error(path, "status", 404);
    return taken;
  }

  private take(path: string): unknown {
    if (path === "/containers/json") return [...this.names.keys()].map((id) => ({ Id: id }));
    if (path === "/networks") return [...this.networks].map(([id, name]) => networkOf(id, name));
    const id = path.split("/")[2] ?? "";
    const name = this.names.get(id);
    return name === undefined ? undefined : inspectOf(id, { Name: `/${name}` });
  }

  private error(path: string, kind: "timeout" | "status", status: number): DockerError {
    return new DockerError({ method: "GET", path, socketPath: "/scripted" }, { kind, status, detail: "scripted" });
  }

  private async subscribe(path: string, options: CallOptions = {}): Promise<AsyncGenerator> {
    await this.pause(options.signal);
    const asked = new URL(path, "http://docker").searchParams.get("since");
    const since = asked === null ? Infinity : Math.round(Number(asked) * 1000);
    const subscriber: Subscriber = { queue: [], broken: false };
    return this.deliver(subscriber, this.join(subscriber, since), options.signal);
  }

  private async join(subscriber: Subscriber, since: number): Promise<void> {
    await this.pause();
    subscriber.queue.push(...this.past.filter(({ at }) => at >= since).map(({ event }) => event));
    this.subscribers.add(subscriber);
  }

  private async *deliver(subscriber: Subscriber, joined: Promise<void>, signal?: AbortSignal): AsyncGenerator {
    await joined;
    for (;;) {
      await this.pause(signal);
      if (subscriber.broken) throw this.error("/events", "timeout", 0);
      const event = subscriber.queue.shift();
      if (event === undefined) await tick();
      else yield event;
      signal?.throwIfAborted();
    }
  }
}

interface Subscriber {
  readonly queue: object[];
  broken: boolean;
}

type Step = readonly ["start" | "die" | "rename" | "add" | "remove" | "cut", number];

const acts: Record<Step[0], (engine: SlowEngine, n: number, step: number) => void> = {
  start: (engine, n) => {
    engine.names.set(idOf(n), "first");
    engine.emit(containerEvent("start", idOf(n)));
  },
  die: (engine, n) => {
    engine.names.delete(idOf(n));
    engine.emit(containerEvent("die", idOf(n)));
  },
  rename: (engine, n, step) => {
    if (!engine.names.has(idOf(n))) return;
    engine.names.set(idOf(n), `name${step}`);
    engine.emit(containerEvent("rename", idOf(n)));
  },
  add: (engine, n, step) => {
    engine.networks.set(networkId(n), `net${step}`);
    engine.emit(networkEvent("create", networkId(n)));
  },
  remove: (engine, n) => {
    engine.networks.delete(networkId(n));
    engine.emit(networkEvent("destroy", networkId(n)));
  },
  cut: (engine) => engine.cut(),
};

const pairs = (list: readonly { readonly id: string; readonly name: string }[]): string[] =>
  list.map(({ id, name }) => `${id} ${name}`);
const sorted = (map: ReadonlyMap<string, string>): string[] => [...map].map((entry) => entry.join(" ")).toSorted();

function agrees(watch: DockerWatch, engine: SlowEngine): boolean {
  const { state, containers, networks } = watch.inventory();
  const same = [
    pairs(containers).join() === sorted(engine.names).join(),
    pairs(networks).join() === sorted(engine.networks).join(),
  ];
  return state === "live" && !same.includes(false);
}

const steps = fc.array(
  fc.tuple(fc.constantFrom("start", "die", "rename", "add", "remove", "cut"), fc.integer({ min: 1, max: 3 })),
  { maxLength: 25 },
);
const pauses = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 40 });

describe("host/docker/watch, whatever the order of events and answers", function () {
  this.timeout(60_000);

  it("ends with what the engine holds", async () => {
    await fc.assert(
      fc.asyncProperty(steps, pauses, fc.integer({ min: 0, max: 3 }), async (script: Step[], waits, faults) => {
        const engine = new SlowEngine(waits, faults);
        acts.start(engine, 1, 0);
        acts.add(engine, 1, 0);
        const watch = watchDocker({
          client: engine.client,
          clock: liveClock,
          log: () => undefined,
          coalesceMs: 1,
          retryMs: 5,
          backoffMs: [1, 2],
          concurrency: 2,
        });
        try {
          for (const [step, [act, n]] of script.entries()) {
            acts[act](engine, n, step);
            await engine.pause();
          }
          await until("agreement", () => agrees(watch, engine), 3000);
          // An old answer that comes late would spoil it.
          await sleep(10);
          await until("lasting agreement", () => agrees(watch, engine), 3000);
        } catch (cause) {
          const seen = JSON.stringify(watch.inventory());
          assert.fail(`${String(cause)}: engine ${sorted(engine.names).join()}, watch ${seen}`);
        } finally {
          await watch.close();
        }
      }),
      { numRuns: 150, endOnFailure: true },
    );
  });
});
