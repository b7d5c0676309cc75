import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { until } from "../../lab/process.ts";

/** One container's having of one address, in milliseconds since the epoch. */
export interface Tenure {
  readonly ip: string;
  readonly host: LabHost;
  readonly container: string;
  /** The engine had said that it has it. */
  readonly from: number;
  /** The engine was told to take it away; Infinity while it was not. */
  until: number;
}

export interface ChurnOptions {
  readonly network: string;
  readonly subnet: string;
  readonly addresses: readonly string[];
  /** On each host, beside one that keeps its address: `stay1`, `stay2`. */
  readonly containers: number;
  /** Milliseconds between the beginnings of two changes on one host, where the engine is not slower. */
  readonly paceMs: number;
  /** Milliseconds for which an address that was left is nobody's: Docker gives them in turn. */
  readonly restMs: number;
  readonly seed: number;
}

/**
 * Containers on all hosts that leave their address and take another one, without end: at best one that a container of another
 * host has just left. An address is never at two places: it is free once its engine has said so. Long-living containers join and
 * leave, by the engine's same path as those that start and end, at a fifth of the time.
 */
export class AddressChurn {
  readonly tenures: Tenure[] = [];
  /** What the engine said no to, in its words. */
  readonly refused: string[] = [];
  readonly #hosts: readonly LabHost[];
  readonly #options: ChurnOptions;
  readonly #random: () => number;
  readonly #free: { readonly ip: string; readonly last: LabHost | undefined; readonly since: number }[];

  constructor(hosts: readonly LabHost[], options: ChurnOptions) {
    this.#hosts = hosts;
    this.#options = options;
    this.#random = seeded(options.seed);
    this.#free = options.addresses.map((ip) => ({ ip, last: undefined, since: 0 }));
  }

  /** The network, and on each host all containers, each with its first address. */
  async start(): Promise<void> {
    const { network, subnet } = this.#options;
    const [first] = this.#hosts;
    const body = { Name: network, Driver: "overlay", Attachable: true, IPAM: { Config: [{ Subnet: subnet }] } };
    await first?.demand("POST", "/networks/create", { body });
    for (const host of this.#hosts) await this.#populate(host);
  }

  async #populate(host: LabHost): Promise<void> {
    await host.run(`stay${host.number}`);
    await this.#join(host, `stay${host.number}`);
    for (const name of this.#names(host)) {
      await host.run(name);
      await this.#join(host, name);
    }
  }

  #names(host: LabHost): readonly string[] {
    return Array.from({ length: this.#options.containers }, (_, n) => `mover${host.number}-${n}`);
  }

  /** On all hosts at once, until `isOver`. */
  async run(isOver: () => boolean): Promise<void> {
    await Promise.all(
      this.#hosts.map(async (host) => {
        for (let step = 0; !isOver(); step++) await this.#step(host, step);
      }),
    );
  }

  async steps(count: number): Promise<void> {
    let left = count;
    await this.run(() => left-- <= 0);
  }

  async #step(host: LabHost, step: number): Promise<void> {
    const next = Date.now() + this.#options.paceMs;
    const name = this.#pick(this.#names(host)) ?? "";
    await this.#leave(host, name);
    await this.#join(host, name, step);
    await sleep(Math.max(0, next - Date.now()));
  }

  async #leave(host: LabHost, container: string): Promise<void> {
    const tenure = this.tenureOf(container);
    if (tenure === undefined) return;
    tenure.until = Date.now();
    await this.#disconnect(host, container);
    this.#free.push({ ip: tenure.ip, last: host, since: Date.now() });
  }

  async #disconnect(host: LabHost, container: string): Promise<void> {
    const path = `/networks/${this.#options.network}/disconnect`;
    const { status, text } = await host.api("POST", path, { body: { Container: container, Force: true } });
    if (status >= 300) this.refused.push(`${container} leaves: ${text.trim()}`);
  }

  async #join(host: LabHost, container: string, step = 0): Promise<void> {
    const found = this.#choose(host, step);
    this.#free.splice(this.#free.indexOf(found), 1);
    const { ip } = found;
    const body = { Container: container, EndpointConfig: { IPAMConfig: { IPv4Address: ip } } };
    const { status, text } = await host.api("POST", `/networks/${this.#options.network}/connect`, { body });
    if (status < 300) return void this.tenures.push({ ip, host, container, from: Date.now(), until: Infinity });
    this.refused.push(`${container} takes ${ip}: ${text.trim()}`);
    // What came half-way is in the way of the next.
    await host.api("POST", `/networks/${this.#options.network}/disconnect`, {
      body: { Container: container, Force: true },
    });
    this.#free.push(found);
  }

  /** Each second time one that was never had, as long as there is one; else what the other host had: often its last one. */
  #choose(host: LabHost, step: number) {
    const rested = this.#free.filter(({ since }) => Date.now() - since >= this.#options.restMs);
    const fresh = rested.filter(({ last }) => last === undefined);
    const left = rested.filter(({ last }) => last !== undefined && last !== host);
    const old = this.#random() < 0.3 ? left.at(-1) : this.#pick(left);
    const found = (step % 2 === 0 ? (fresh[0] ?? old) : (old ?? fresh[0])) ?? this.#pick(rested) ?? this.#free[0];
    if (found === undefined) throw new Error("no address is free");
    return found;
  }

  #pick<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random() * all.length)];
  }

  /** What the container has now. */
  tenureOf(container: string): Tenure | undefined {
    return this.tenures.findLast((one) => one.container === container && one.until === Infinity);
  }

  /** Who has the address now. */
  holderOf(ip: string): Tenure | undefined {
    return this.tenures.findLast((one) => one.ip === ip && one.until === Infinity);
  }

  /** How many addresses were had, and how often one was had on another host than the time before. */
  counts(): { readonly used: number; readonly crossed: number; readonly joins: number } {
    const last = new Map<string, LabHost>();
    let crossed = 0;
    for (const { ip, host } of this.tenures) {
      if (last.has(ip) && last.get(ip) !== host) crossed++;
      last.set(ip, host);
    }
    return { used: last.size, crossed, joins: this.tenures.length };
  }

  /** All that `start` made. */
  async remove(): Promise<void> {
    for (const host of this.#hosts)
      for (const name of [`stay${host.number}`, ...this.#names(host)])
        await host.api("DELETE", `/containers/${name}?force=true`);
    const [first] = this.#hosts;
    if (first === undefined) return;
    await until(
      async () => ((await first.api("DELETE", `/networks/${this.#options.network}`)).status < 300 ? true : undefined),
      20_000,
      () => new Error(`the network ${this.#options.network} can not be removed`),
    );
  }

  /** Its id, as the host has it. */
  async networkId(host: LabHost): Promise<string> {
    const found = await host.demand("GET", `/networks/${this.#options.network}`);
    return z.object({ Id: z.string() }).parse(found).Id;
  }
}

/** A linear congruential generator: the same numbers, from 0 and below 1, for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
