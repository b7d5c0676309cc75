import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import type { Lab } from "../../lab/lab.ts";
import { until } from "../../lab/process.ts";
import { type Entry, type EntryKind, fieldNames, fieldPrefix, identifier, readEntry } from "../../pipelines/entry.ts";
import { type Arrived, Delivered } from "./delivered.ts";
import { onHost, type Program } from "./program.ts";

export interface PipelineOptions {
  /** `pipeline.record.max_entries_per_second`; the product's default unless told. */
  readonly maxEntries?: number;
  /** `pipeline.record.rcvbuf`, likewise. */
  readonly rcvbuf?: number;
}

/** An entry as it stands in the journal, and when journald stored it, in microseconds since the epoch. */
export type Stored = Entry & { readonly stored: number };

/** Both halves of the pipeline on one host of the lab, each a process of its own, and what reaches DogStatsD. */
export class Pipeline {
  readonly host: LabHost;
  readonly delivered: Delivered;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #stateDir = `/var/lib/overlaywatch/${randomBytes(4).toString("hex")}`;
  readonly #since = Date.now() / 1000;
  #recorder: Program | undefined;
  #follower: Program | undefined;

  private constructor(host: LabHost, delivered: Delivered, { maxEntries, rcvbuf }: PipelineOptions) {
    this.host = host;
    this.delivered = delivered;
    this.#settings = {
      ...delivered.settings,
      OVERLAYWATCH_PIPELINE_FOLLOW_INTERVAL: "1s",
      ...(maxEntries !== undefined && { OVERLAYWATCH_PIPELINE_RECORD_MAX_ENTRIES_PER_SECOND: String(maxEntries) }),
      ...(rcvbuf !== undefined && { OVERLAYWATCH_PIPELINE_RECORD_RCVBUF: String(rcvbuf) }),
    };
  }

  /** Returns when the follower reads and every overlay namespace of the host is recorded. */
  static async start(lab: Lab, host: LabHost, options: PipelineOptions = {}): Promise<Pipeline> {
    const made = new Pipeline(host, await Delivered.open(lab), options);
    made.startFollower();
    await made.waitFor(() => made.delivered.arrived.length > 0, "a sample of the follower");
    made.startRecorder();
    await made.waitFor(async () => (await made.entries("namespace")).length > 0, "a namespace");
    return made;
  }

  get recorder(): Program {
    return running(this.#recorder, "recorder");
  }

  get follower(): Program {
    return running(this.#follower, "follower");
  }

  startRecorder(): void {
    this.#recorder = onHost(this.host, ["record", "--state-dir", this.#stateDir], this.#settings);
  }

  startFollower(): void {
    const args = ["follow", "--state-dir", this.#stateDir, "--sink", "dogstatsd"];
    this.#follower = onHost(this.host, args, this.#settings);
  }

  /** Ends both politely and gives their exit codes. */
  async close(): Promise<readonly number[]> {
    const codes: number[] = [];
    for (const program of [this.#recorder, this.#follower]) if (program) codes.push((await program.stop()).code);
    await this.delivered.close();
    return codes;
  }

  /** What both have said, for the message of a failure. */
  words(): string {
    return `recorder: ${this.#recorder?.err() ?? ""}\nfollower: ${this.#follower?.err() ?? ""}`;
  }

  async waitFor(ready: () => boolean | Promise<boolean>, what: string, milliseconds = 20_000): Promise<void> {
    await until(
      async () => (await ready()) || undefined,
      milliseconds,
      () => new Error(`${what}: not within ${milliseconds} ms\n${this.words()}`),
    );
  }

  /** Waits until the network's namespace is recorded. */
  async waitForNetwork(network: string): Promise<void> {
    const { Id } = created.parse(await this.host.demand("GET", `/networks/${network}`));
    const isUp = (one: Stored) => one.state === "up" && Id.startsWith(one.networkId ?? "-");
    await this.waitFor(async () => (await this.entries("namespace")).some(isUp), `the namespace of ${network}`);
  }

  /** Entries since this pipeline began, in the journal's order; of one kind where it is named, which is much faster. */
  async entries(kind?: EntryKind): Promise<readonly Stored[]> {
    return readJournal(this.host, this.#since, kind);
  }

  /** What was counted in one network, by `object action`. */
  counts(network: string): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { name, tags, value } of this.delivered.arrived) {
      if (name !== "netlink.events" || tags["docker_network"] !== network || value === 0) continue;
      const key = `${tags["object"]} ${tags["action"]}`;
      sums.set(key, (sums.get(key) ?? 0) + value);
    }
    return sums;
  }

  counted(network: string, object = "fdb"): number {
    return this.delivered.total("netlink.events", { docker_network: network, object });
  }

  lost(match: Readonly<Record<string, string>> = {}): number {
    return this.delivered.total("netlink.lost", match);
  }

  /** Waits until no count grows any more for that long. */
  async settled(milliseconds = 2000): Promise<void> {
    const sum = () => this.delivered.total("netlink.events") + this.lost();
    for (let last = -1, since = performance.now(); performance.now() - since < milliseconds;) {
      if (sum() !== last) [last, since] = [sum(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** The gauge as it was told last, of each container. */
  misplaced(): ReadonlyMap<string, number> {
    return new Map(this.gauges().map(({ tags, value }) => [tags["container_name"] ?? "", value]));
  }

  gauges(): readonly Arrived[] {
    return this.delivered.arrived.filter(({ name }) => name === "fdb.misplaced");
  }
}

const created = z.object({ Id: z.string() });
const line = z.record(z.string(), z.union([z.string(), z.null(), z.array(z.unknown())]));

const wanted = ["MESSAGE", ...fieldNames.map((name) => fieldPrefix + name)].join(",");

/** Since a moment in seconds since the epoch. Throws on an entry of ours that can not be read. */
export async function readJournal(
  host: LabHost,
  since: number,
  kind: EntryKind | undefined,
): Promise<readonly Stored[]> {
  const match = kind === undefined ? [] : [`${fieldPrefix}KIND=${kind}`];
  const begin = `--since=@${since.toFixed(6)}`;
  const argv = ["journalctl", "-q", "--no-pager", "-a", "-o", "json", `--output-fields=${wanted}`, begin];
  const { stdout } = await host.exec([...argv, `SYSLOG_IDENTIFIER=${identifier}`, ...match], { timeout: 100_000 });
  return stdout.split("\n").flatMap((text) => (text === "" ? [] : (stored(line.parse(JSON.parse(text))) ?? [])));
}

function stored(fields: z.output<typeof line>): Stored | undefined {
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : undefined);
  if (text("OVERLAYWATCH_KIND") === undefined) return undefined;
  return { ...readEntry(text), stored: Number(text("__REALTIME_TIMESTAMP")) };
}

function running(program: Program | undefined, what: string): Program {
  if (!program) throw new Error(`the ${what} was never started`);
  return program;
}

/**
 * The engine's store may not know a network yet that was made just now ("failed to get network from store"), or one of
 * its threads is still in another namespace, where its store can not be reached ("etcd cluster is unavailable").
 */
async function runSoon(host: LabHost, container: string, network: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await host.run(container, { network });
      return;
    } catch (error) {
      if (attempt === 5 || !/from store|etcd cluster is unavailable|already exists in network/.test(String(error)))
        throw error;
      await takeAway(host, container, network);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/**
 * The container first: what a start that failed half-way has left in the store is in the next one's way, and the engine only
 * looks there for a name that is no container's.
 */
async function takeAway(host: LabHost, container: string, network: string): Promise<void> {
  await host.api("DELETE", `/containers/${container}?force=true`);
  const body = { Container: container, Force: true };
  await host.api("POST", `/networks/${network}/disconnect`, { body });
}

/** An overlay network of its own on one host, with idle containers; `remove` takes them away again. */
export interface Stage {
  readonly name: string;
  readonly id: string;
  readonly remove: () => Promise<void>;
}

export async function stage(host: LabHost, name: string, third: number, containers: readonly string[]): Promise<Stage> {
  const ipam = { Driver: "default", Config: [{ Subnet: `10.0.${third}.0/24` }] };
  const body = { Name: name, Driver: "overlay", IPAM: ipam };
  const { Id: id } = created.parse(await host.demand("POST", "/networks/create", { body }));
  const remove = async () => {
    for (const container of containers) await host.api("DELETE", `/containers/${container}?force=true`);
    await host.api("DELETE", `/networks/${name}`);
  };
  try {
    for (const container of containers) await runSoon(host, container, name);
  } catch (error) {
    // Nothing of it may be in the way of a second try.
    for (const container of containers) await takeAway(host, container, name);
    await remove();
    throw error;
  }
  return { name, id, remove };
}
