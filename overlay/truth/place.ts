import { parseIpv4 } from "../../host/ipv4.ts";

/** Where an endpoint of an overlay network runs, as something other than this host's tables tells. */
export interface Place {
  readonly ip: string;
  readonly mac: string;
  /** The address of its host for vxlan. */
  readonly vtep: string;
  readonly name: string;
  /** Its id: another one after each start. */
  readonly endpoint: string;
}

/** What one source tells of one network at one moment. */
export interface Telling {
  readonly places: readonly Place[];
  /** Endpoints that it names without saying where they are. */
  readonly doubts: number;
  /** Whether what it does not name is not there: a swarm does not name its load balancers. */
  readonly complete: boolean;
}

/** All is written by the engine: what does not look so is not believed. */
export function placeOf(place: Place): Place | undefined {
  const { ip, mac, vtep, endpoint } = place;
  const isWhole = parseIpv4(ip) !== undefined && parseIpv4(vtep) !== undefined && unicast.test(mac) && endpoint !== "";
  return isWhole && !vtep.startsWith("127.") && vtep !== "0.0.0.0" ? place : undefined;
}

const unicast = /^(?!00:00:00:00:00:00$)[\da-f][02468ace](?::[\da-f]{2}){5}$/;

/** As Docker makes it of an address: `02:42:0a:00:00:03` of 10.0.0.3. */
export function macOfIp(ip: string): string | undefined {
  if (parseIpv4(ip) === undefined) return undefined;
  const bytes = ip.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["02", "42", ...bytes].join(":");
}
