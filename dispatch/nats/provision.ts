import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  type StreamConfig,
  StorageType,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { fleetStream, hostKeyOf, stream, subjects } from "./subjects.ts";

/** What the broker lets through, whoever asks: also where the gateway is somebody else's. */
export interface Caps {
  readonly jobsPerHost: number;
  readonly jobsPerFleet: number;
  /** Milliseconds that a job counts. */
  readonly windowMs: number;
  /** 1, or 3 with three servers. */
  readonly replicas: number;
  /** Milliseconds for the host to put a job on its disk, before it is sent again; 15 000 unless told. */
  readonly ackWaitMs?: number;
}

export interface Provisioned {
  readonly stream: "made" | "changed" | "there";
  readonly added: readonly string[];
  /** Consumers of hosts that are not in the fleet any more. */
  readonly removed: readonly string[];
  /** Of the server. */
  readonly version: string;
}

/** Of nats-server: whether one that others reach may have that version (GHSA: CVE-2023-47090, CVE-2025-30215, CVE-2026-58253). */
export function hasKnownHoles(version: string): boolean {
  const [, major = 0, minor = 0, patch = 0] = /^(\d+)\.(\d+)\.(\d+)/u.exec(version)?.map(Number) ?? [];
  return major < 2 || (major === 2 && (minor < 11 || patch < (fixedIn.get(minor) ?? 0)));
}

/** Of version 2: in which patch of a minor one. */
const fixedIn: ReadonlyMap<number, number> = new Map([
  [11, 16],
  [12, 7],
]);

/** Makes the streams, and a consumer for each host and no other, as they should be. May be done again at any time. */
export async function provision(
  connection: NatsConnection,
  hosts: readonly string[],
  caps: Caps,
): Promise<Provisioned> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: 10_000 });
  const made = await provideStream(manager, streamConfig(caps));
  await provideStream(manager, fleetStreamConfig(caps));
  const wanted = new Map(hosts.map((host) => [hostKeyOf(host), host]));
  const present = new Set<string>();
  for await (const { name } of manager.consumers.list(stream)) present.add(name);
  const removed = [...present].filter((name) => !wanted.has(name));
  for (const name of removed) await manager.consumers.delete(stream, name);
  // Those that are there too: what may be changed of them is changed, what may not is an error. From 2.10 on `add` changes nothing.
  for (const [key, host] of wanted) {
    const config = consumerConfig(key, host, caps);
    await (present.has(key) ? manager.consumers.update(stream, key, config) : manager.consumers.add(stream, config));
  }
  const added = [...wanted.keys()].filter((name) => !present.has(name));
  return { stream: made, added, removed, version: connection.info?.version ?? "" };
}

async function provideStream(
  manager: JetStreamManager,
  wanted: ReturnType<typeof streamConfig | typeof fleetStreamConfig>,
): Promise<Provisioned["stream"]> {
  const before = await manager.streams.info(wanted.name).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === streamNotFound) return undefined;
    throw error;
  });
  if (before === undefined) await manager.streams.add(wanted);
  else await manager.streams.update(wanted.name, wanted);
  const isSame =
    before !== undefined && Object.entries(wanted).every(([key, value]) => same(before.config, key, value));
  return before === undefined ? "made" : isSame ? "there" : "changed";
}

const streamNotFound = 10059;

const same = (config: StreamConfig, key: string, value: unknown): boolean =>
  JSON.stringify(new Map(Object.entries(config)).get(key)) === JSON.stringify(value);

const nanoseconds = (ms: number): number => ms * 1_000_000;

/** Options that Debian's 2.9 has. */
function streamConfig({ jobsPerHost, jobsPerFleet, windowMs, replicas }: Caps) {
  return {
    name: stream,
    subjects: [subjects.job("*")],
    // A work queue would forget after a restart which ids it had (nats-server#3272), and free its place at the ack: kept
    // until they are old, messages are the caps too.
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_age: nanoseconds(windowMs),
    duplicate_window: nanoseconds(windowMs),
    max_msgs: jobsPerFleet,
    max_msgs_per_subject: jobsPerHost,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    // The longest job in the longest way to write it, and its headers.
    max_msg_size: 32 * 1024,
    deny_delete: true,
    deny_purge: true,
  } as const satisfies Partial<StreamConfig>;
}

/** It outlives everything: what holds for the fleet holds until it is said otherwise. */
function fleetStreamConfig({ replicas }: Caps) {
  return {
    name: fleetStream,
    subjects: [subjects.fleetPause],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    discard: DiscardPolicy.Old,
    max_msg_size: 4096,
    deny_delete: true,
    deny_purge: true,
  } as const satisfies Partial<StreamConfig>;
}

function consumerConfig(key: string, host: string, { ackWaitMs = 15_000 }: Caps): Partial<ConsumerConfig> {
  return {
    durable_name: key,
    // By which the gateway knows who is in the fleet; no host sees it.
    description: host,
    filter_subject: subjects.job(key),
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanoseconds(ackWaitMs),
    // Then it is a dead letter, and the broker tells the gateway so.
    max_deliver: 3,
    max_ack_pending: 1,
  };
}
