import { createPublicKey } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Caps } from "../../dispatch/nats/provision.ts";
import { serverConfig } from "../../dispatch/nats/server-config.ts";
import { pause, until } from "../../lab/process.ts";
import { TestBroker } from "../dispatch/nats/broker.ts";
import { makeFleet, provisioned, type TestFleet } from "../dispatch/nats/fleet.ts";
import { answerSchema, deliver, pageOf, type Receiver, type Try } from "./delivery.ts";
import { sized } from "./length.ts";
import { here, type Program, says, start } from "./program.ts";

interface StormOptions {
  /** nats-server's. */
  readonly program: string;
  readonly hosts: readonly string[];
  /** Hosts whose workers are not simulated: somebody else has their credentials. */
  readonly without?: readonly string[];
  readonly caps: Caps;
  /** The section `broker` of the gateway's configuration, beside what it needs. */
  readonly broker: Readonly<Record<string, unknown>>;
}

const arrival = z.object({ host: z.string(), event: z.string(), at: z.number(), answer: z.string() });
/** When a job was at its host: milliseconds since the epoch. */
export type Arrival = z.output<typeof arrival>;

/** A page, the gateway's last answer, and how long that took, in milliseconds. */
export interface Paged {
  readonly host: string;
  readonly event: string;
  readonly last: Try;
  readonly status: string;
}

/** How many processes the workers are in: one event loop would be the limit. */
const processes = sized(3, 1);
const token = "a-token-that-is-long-enough-for-every-rule";
let events = 0;

/** A broker with many enrolled hosts, workers of theirs, and one gateway, all on this machine's loopback. */
export class Storm {
  readonly fleet: TestFleet;
  readonly broker: TestBroker;
  readonly #folder = mkdtempSync(join(tmpdir(), "ow-storm-"));
  readonly #programs: Program[] = [];
  readonly #workers: Program[] = [];
  readonly #options: StormOptions;
  #receiver: Receiver = { url: "", token, againMs: 500 };

  constructor(options: StormOptions) {
    this.#options = options;
    this.fleet = makeFleet(options.hosts);
    const text = serverConfig(this.fleet.registry);
    this.broker = new TestBroker(options.program, { fleet: text, more: "max_connections: 2000\nmax_pending: 4MB" });
  }

  async open(): Promise<void> {
    const { hosts, caps } = this.#options;
    await this.broker.start();
    await provisioned(this.broker.url, this.fleet, hosts, caps);
    await Promise.all([this.#startWorkers(), this.#startGateway()]);
  }

  /** A page from each of these hosts, at even distances within that time, each sent again until it is taken. */
  async pages(hosts: readonly string[], withinMs: number): Promise<readonly Paged[]> {
    const began = performance.now();
    const all = hosts.map(async (host, index) => {
      await sleep((index * withinMs) / hosts.length - (performance.now() - began));
      const event = String(++events);
      const last = await deliver(this.#receiver, event, pageOf(host, event), () => undefined);
      return { host, event, last, status: answerSchema.parse(JSON.parse(last.answer)).status };
    });
    return Promise.all(all);
  }

  arrivals(): readonly Arrival[] {
    const lines = this.#workers.flatMap((one) => one.out().split("\n").slice(0, -1));
    return lines.flatMap((line) => arrival.safeParse(JSON.parse(line)).data ?? []);
  }

  /** Waits until so many jobs are at their hosts, and no more come for a moment. */
  async arrived(count: number): Promise<readonly Arrival[]> {
    const late = () => new Error(`${this.arrivals().length} of ${count} jobs came: ${this.said()}`);
    await until(() => this.arrivals().length >= count || undefined, 30_000, late);
    await pause(300);
    return this.arrivals();
  }

  /** Of the gateway and the workers: what is no job. */
  said(): string {
    const others = this.#workers.map((one) =>
      one
        .out()
        .split("\n")
        .filter((line) => !line.includes('"answer"')),
    );
    return [...this.#programs.map((one) => one.err()), ...others.flat().slice(-20)].join("\n");
  }

  /** The most memory that each had at once, in MB. */
  memory(): { readonly gateway: number; readonly broker: number } {
    const [gateway] = this.#programs;
    return { gateway: peakOf(gateway?.child.pid), broker: peakOf(this.broker.pid) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#programs, ...this.#workers].map(async (one) => one.stop("SIGKILL")));
    await this.broker.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startWorkers(): Promise<void> {
    const { hosts, without = [] } = this.#options;
    const gatewayKey = createPublicKey(this.fleet.signingKey).export({ type: "spki", format: "pem" });
    const simulated = hosts.filter((host) => !without.includes(host));
    for (let number = 0; number < processes; number++) {
      const own = simulated.filter((_, index) => index % processes === number);
      const seeds = own.map((host) => ({ host, seed: this.fleet.seeds.of(host) }));
      const file = this.#secret(
        `workers-${number}`,
        JSON.stringify({ url: this.broker.url, gatewayKey, hosts: seeds }),
      );
      this.#workers.push(start([process.execPath, `${process.cwd()}/dist/test/accept/fleet-workers.js`, file], {}));
    }
    await Promise.all(this.#workers.map(async (one) => says(one, /"connected"/u, 60_000)));
  }

  async #startGateway(): Promise<void> {
    const { seeds, signingKey } = this.fleet;
    const key = signingKey.export({ type: "pkcs8", format: "pem" }).toString();
    const config = {
      broker: {
        servers: [this.broker.url],
        seed_file: this.#secret("gateway.seed", seeds.gateway),
        signing_key_file: this.#secret("gateway.key", key),
        ...this.#options.broker,
      },
      webhook: {
        listen: "127.0.0.1:0",
        token_files: [this.#secret("token", token)],
        monitors: ["any"],
        orgs: ["any"],
      },
    };
    const state = join(this.#folder, "state");
    mkdirSync(state);
    const file = this.#secret("gateway.yaml", JSON.stringify(config));
    const gateway = here(["webhook", "--json", "--config", file, "--state-dir", state]);
    this.#programs.push(gateway);
    await says(gateway, /connected to the broker/u, 20_000);
    const [, url = ""] = /"url":"([^"]+)"/u.exec(gateway.out()) ?? [];
    this.#receiver = { ...this.#receiver, url };
  }

  #secret(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }
}

function peakOf(pid: number | undefined): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/u.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
