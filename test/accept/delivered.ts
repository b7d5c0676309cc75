import { randomBytes } from "node:crypto";
import { collectors } from "../../collectors/registry.ts";
import type { Message } from "../../emit/dogstatsd/parse.ts";
import { type Receiver, startReceiver } from "../../emit/dogstatsd/receiver.ts";
import type { Lab } from "../../lab/lab.ts";
import { until } from "../../lab/process.ts";
import { type Counters, metricNames } from "./kernel.ts";

const prefix = "overlaywatch.";

/** Settings that make every collector run each second. */
export const everySecond: Readonly<Record<string, string>> = Object.fromEntries(
  collectors.map(({ name }) => [`OVERLAYWATCH_COLLECTORS_${name.toUpperCase()}_INTERVAL`, "1s"]),
);

export interface Arrived {
  readonly name: string;
  readonly value: number;
  readonly tags: Readonly<Record<string, string>>;
  /** The run of the collector that it came from, counted from 0. */
  readonly cycle: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a running agent delivers to a unix socket: an agent's own metrics end each cycle. */
export class Delivered {
  readonly arrived: Arrived[] = [];
  readonly checks: Message[] = [];
  cycles = 0;
  invalid = 0;
  readonly path: string;
  #receiver: Receiver | undefined;

  constructor(path: string) {
    this.path = path;
  }

  static async open(lab: Lab): Promise<Delivered> {
    const made = new Delivered(`${lab.shared}/dsd-${randomBytes(4).toString("hex")}.sock`);
    await made.listen();
    return made;
  }

  /** The settings that make an agent send here, every second. */
  get settings(): Readonly<Record<string, string>> {
    return { DD_DOGSTATSD_URL: `unix://${this.path}`, ...everySecond };
  }

  get largestDatagram(): number {
    return this.#receiver?.stats().uds.largestDatagram ?? 0;
  }

  async listen(): Promise<void> {
    const onInvalid = () => void (this.invalid += 1);
    this.#receiver = await startReceiver({ uds: { path: this.path }, onInvalid }, (m) => this.take(m));
  }

  async close(): Promise<void> {
    await this.#receiver?.close();
  }

  /** A message as it came; also for what another receiver printed. */
  take(message: Message): void {
    if (message.kind === "service_check") this.checks.push(message);
    if (message.kind !== "metric") return;
    const name = message.name.startsWith(prefix) ? message.name.slice(prefix.length) : message.name;
    const tags = Object.fromEntries(
      message.tags.map((tag) => [tag.split(":", 1)[0] ?? "", tag.slice(tag.indexOf(":") + 1)]),
    );
    const at = Date.now();
    for (const value of message.values ?? []) this.arrived.push({ name, value, tags, cycle: this.cycles, at });
    // Written behind all samples of its cycle.
    if (name === "agent.collect.seconds") this.cycles += 1;
  }

  /** Waits for the end of as many more cycles; the last of them began after this call when `count` is 2 or more. */
  async next(count: number, milliseconds = 10_000): Promise<void> {
    const wanted = this.cycles + count;
    await until(
      () => this.cycles >= wanted || undefined,
      milliseconds,
      () => new Error(`${this.cycles} cycles came within ${milliseconds} ms, waited for ${wanted}`),
    );
  }

  /** Samples of the interface counters, of one container where it is named. */
  counters(container?: string): readonly Arrived[] {
    return this.arrived.filter(
      ({ name, tags }) =>
        metricNames.includes(name) && (container === undefined || tags["container_name"] === container),
    );
  }

  /** `interface|network|metric` -> sum of all that came for the container, from one cycle on and before another. */
  sums(container: string, from = 0, before = Infinity): Counters {
    return sumOf(this.counters(container).filter(({ cycle }) => cycle >= from && cycle < before));
  }

  total(name: string, match: Readonly<Record<string, string>> = {}): number {
    return this.arrived
      .filter((a) => a.name === name && Object.entries(match).every(([key, value]) => a.tags[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }
}

function sumOf(samples: readonly Arrived[]): Counters {
  const sums = new Map<string, number>();
  for (const { name, value, tags } of samples) {
    const key = `${tags["interface"]}|${tags["docker_network"]}|${name}`;
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return sums;
}

/** Series that came more than once in one cycle. */
export function repeated(samples: readonly Arrived[]): readonly string[] {
  const seen = new Map<string, number>();
  for (const { name, tags, cycle } of samples) {
    const key = `${cycle} ${name} ${JSON.stringify(
      Object.keys(tags)
        .toSorted((a, b) => a.localeCompare(b))
        .map((k) => [k, tags[k]]),
    )}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  return [...seen].filter(([, count]) => count > 1).map(([key]) => key);
}
