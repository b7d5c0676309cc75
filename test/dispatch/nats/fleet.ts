import type { HostStatus } from "../../../dispatch/host-status.ts";
import type { Answers } from "../../../dispatch/nats/answering.ts";
import { connectOnce, openBroker, type Broker } from "../../../dispatch/nats/connection.ts";
import { makeIdentity } from "../../../dispatch/nats/identity.ts";
import { pack } from "../../../dispatch/nats/pieces.ts";
import { provision, type Caps } from "../../../dispatch/nats/provision.ts";
import { emptyRegistry, enrolled, type Registry } from "../../../dispatch/nats/registry.ts";
import { inboxOf } from "../../../dispatch/nats/server-config.ts";
import { makeSigningKey, readGatewayKeys, readSigningKey } from "../../../dispatch/nats/signature.ts";
import { hostKeyOf } from "../../../dispatch/nats/subjects.ts";
import { type Job, jobIdOf } from "../../../dispatch/job.ts";
import type { HandOver, Receipt } from "../../../dispatch/hand-over.ts";
import { bundleOf } from "../../../overlay/explain/bundle.ts";
import type { HostTables } from "../../../overlay/explain/tables.ts";

/** A fleet that is enrolled, with all its secrets. */
export function makeFleet(hosts: readonly string[]) {
  const [admin, gateway, key] = [makeIdentity(), makeIdentity(), makeSigningKey()];
  const seeds = new Map(hosts.map((host) => [host, makeIdentity()]));
  let registry: Registry = emptyRegistry(admin.public, gateway.public);
  for (const [host, { public: own }] of seeds) registry = enrolled(registry, host, own, 0);
  return {
    registry,
    seeds: { admin: admin.seed, gateway: gateway.seed, of: (host: string) => seeds.get(host)?.seed ?? "" },
    signingKey: readSigningKey(key.secret),
    gatewayKeys: readGatewayKeys(key.public),
  };
}

export type TestFleet = ReturnType<typeof makeFleet>;

export const caps: Caps = { jobsPerHost: 10, jobsPerFleet: 100, windowMs: 900_000, replicas: 1 };

export const optionsOf = (url: string, seed: string, who: string) =>
  ({ servers: [url], seed, name: who, inboxPrefix: inboxOf(who), timeoutMs: 3000 }) as const;

export async function provisioned(url: string, { seeds }: TestFleet, hosts: readonly string[], limits: Caps = caps) {
  const connection = await connectOnce(optionsOf(url, seeds.admin, "admin"));
  try {
    return await provision(connection, hosts, limits);
  } finally {
    await connection.close();
  }
}

/** Connected. What changes is kept in `changes`. */
export async function brokerOf(url: string, seed: string, who: string, timeoutMs = 3000) {
  const changes: string[] = [];
  const broker: Broker = openBroker({
    ...optionsOf(url, seed, who),
    timeoutMs,
    onChange: (change) => changes.push(change),
  });
  return { broker, changes };
}

export const keyOf = hostKeyOf;

let events = 0;

/** A job as the gateway makes one; each is another. */
export function jobFor(host: string, { at = Date.now(), ...more }: Partial<Job> = {}): Job {
  const alert = {
    monitor: "1",
    cycle: "c",
    event: String(++events),
    org: "1",
    transition: "Triggered",
    scope: `host:${host}`,
    title: "t",
    link: "",
  } as const;
  const trace = events.toString(16).padStart(32, "0");
  return { v: 1, id: jobIdOf(host, alert), trace, host, alert, at, notAfter: at + 600_000, ...more };
}

export const statusOf = (host: string): HostStatus => ({
  host,
  version: "0",
  mode: "observe",
  inForce: "observe",
  proved: null,
  paused: [],
  open: 0,
  approval: 0,
  last: null,
  lastCure: null,
});

export const tablesOf = (host: string): HostTables => ({
  host,
  ownVteps: ["192.0.2.1"],
  advertised: "192.0.2.1",
  networks: [],
  routes: [],
});

/** A network whose table has so many rows. */
export function manyRows(count: number) {
  const fdb = Array.from({ length: count }, (_, row) => {
    const mac = `02:42:0a:00:${(row >> 8).toString(16).padStart(2, "0")}:${(row & 255).toString(16).padStart(2, "0")}`;
    return { mac, ifname: "vxlan0", dst: "192.0.2.2", flags: ["self"], state: "permanent" };
  });
  const space = { netns: "/var/run/docker/netns/1-0123456789", links: [], fdb, neighbours: [], mtus: [], sampled: [] };
  const network = { id: "0123456789ab", name: "many", driver: "classic", encrypted: false, members: [] } as const;
  return { ...network, space, told: null };
}

/** What a host answers that has nothing to tell. */
export const answersOf = (host: string): Answers => ({
  status: async () => statusOf(host),
  pause: async () => ({ paused: [] }),
  resume: async () => ({ paused: [] }),
  tables: async () => pack(JSON.stringify(bundleOf(tablesOf(host), "2026-01-01T00:00:00.000Z"))),
});

/** Keeps jobs as a worker's journal does: one that it has is a duplicate. */
export function memoryWorker(host: string) {
  const jobs = new Map<string, Job>();
  const offered: Job[] = [];
  const worker: Pick<HandOver, "offer" | "withdraw"> = {
    offer: async (job): Promise<Receipt> => {
      offered.push(job);
      if (job.host !== host) return { answer: "unknown-host", trace: job.trace };
      const first = jobs.get(job.id);
      if (first !== undefined) return { answer: "duplicate", trace: first.trace };
      jobs.set(job.id, job);
      return { answer: "accepted", trace: job.trace };
    },
    withdraw: async ({ cycle, trace }): Promise<Receipt> => {
      const found = [...jobs.values()].some(({ alert }) => alert?.cycle === cycle);
      return { answer: found ? "withdrawn" : "nothing", trace };
    },
  };
  return { worker, jobs, offered };
}
