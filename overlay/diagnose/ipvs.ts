import type { RealServer } from "../ipvs.ts";
import type { Finding } from "./finding.ts";
import { reportOnly, some } from "./report-only.ts";

/** A network namespace with the kernel's load balancer in it. */
export interface Balancer {
  /** File of a namespace, or name of a container. */
  readonly where: string;
  /** Ids of the networks that it is in. */
  readonly networks: readonly string[];
  readonly servers: readonly RealServer[];
}

/** Addresses that tasks have, by the id of the network. */
export type TaskAddresses = ReadonlyMap<string, ReadonlySet<string>>;

/** Real servers that no task of the balancer's networks has the address of; none where one of these is not known. */
export function withStaleServers(balancers: readonly Balancer[], tasks: TaskAddresses): readonly Balancer[] {
  return balancers.flatMap((one) => {
    const known = one.networks.map((id) => tasks.get(id));
    if (known.includes(undefined)) return [];
    const servers = one.servers.filter(({ ip }) => !known.some((addresses) => addresses?.has(ip) === true));
    return servers.length === 0 ? [] : [{ ...one, servers }];
  });
}

/** What is stale in both of two looks: the engine takes servers away some moments after their task. */
export function staleInBoth(first: readonly Balancer[], second: readonly Balancer[]): readonly Balancer[] {
  const before = new Set(first.flatMap((one) => one.servers.map((server) => keyOf(one, server))));
  return second.flatMap((one) => {
    const servers = one.servers.filter((server) => before.has(keyOf(one, server)));
    return servers.length === 0 ? [] : [{ ...one, servers }];
  });
}

const keyOf = ({ where }: Balancer, { service, ip, port }: RealServer): string => `${where} ${service} ${ip}:${port}`;

/** Latent: it takes its share of a service's connections only while it has a weight, and the engine may still take it away. */
export function staleBackendFindings(stale: readonly Balancer[]): readonly Finding[] {
  return stale.map(({ where, servers }) => {
    const told = servers.map(({ service, ip, port, weight }) => `${ip}:${port} for ${service}, weight ${weight}`);
    return reportOnly({
      class: "ipvs-stale-backend",
      state: "latent",
      ip: servers[0]?.ip ?? "",
      evidence: `the load balancer in ${where} sends to addresses that no task has: ${some(told)} (/proc/net/ip_vs)`,
      remedy: "have the swarm write it anew: docker service update --force SERVICE",
      why: "whether a task is about to come or to go is the swarm's business",
    });
  });
}
