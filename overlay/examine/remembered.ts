import type { Container } from "../../host/docker/inventory.ts";
import type { Endpoint } from "../endpoints.ts";
import type { Link } from "../links.ts";

/** Endpoints of namespaces as they were found last, for who looks every few seconds. */
export interface EndpointMemory {
  /** What was found last time, where Docker's list and the ports are the same since; else what `read` finds now. */
  readonly of: (seen: Seen, read: () => Promise<readonly Endpoint[]>) => Promise<readonly Endpoint[]>;
}

interface Seen {
  /** Of the namespace. */
  readonly key: string;
  /** The list itself: it is another one after any change. */
  readonly containers: readonly Container[];
  readonly links: readonly Link[];
}

interface Known {
  readonly containers: readonly Container[];
  readonly ports: string;
  readonly endpoints: readonly Endpoint[];
}

/** More namespaces than a host has. */
const most = 1000;

/** Each container has its port and each port its container: what is missing may come without any change that shows here. */
function isWhole(endpoints: readonly Endpoint[], links: readonly Link[]): boolean {
  const ports = links.filter(({ kind, master }) => kind === "veth" && master !== undefined).length;
  return (
    endpoints.every(({ owner, veth }) => owner.kind === "container" && veth !== undefined) && ports <= endpoints.length
  );
}

/** Which container has which port is read from each one's `/proc`: most of what a look costs where nothing has changed. */
export function endpointMemory(): EndpointMemory {
  const known = new Map<string, Known>();
  return {
    of: async ({ key, containers, links }, read) => {
      const ports = links
        .map((one) => [one.ifindex, one.name, one.master?.ifindex, one.linkIndex].join(" "))
        .join("\n");
      const last = known.get(key);
      if (last?.containers === containers && last.ports === ports) return last.endpoints;
      const endpoints = await read();
      known.delete(key);
      if (known.size >= most) known.clear();
      if (isWhole(endpoints, links)) known.set(key, { containers, ports, endpoints });
      return endpoints;
    },
  };
}
