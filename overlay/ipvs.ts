/** One of the addresses that the kernel's load balancer sends a service's connections to. */
export interface RealServer {
  /** As the table names it: `FWM 257` by a mark (Docker's services), or `TCP 10.0.0.254:80`. */
  readonly service: string;
  readonly ip: string;
  /** 0 by a mark: any. */
  readonly port: number;
  /** 0: nothing new is sent to it. */
  readonly weight: number;
}

/**
 * `/proc/net/ip_vs`, IPv4 only: addresses are hexadecimal, as they are read (the kernel prints them through ntohl,
 * ip_vs_info_seq_show in net/netfilter/ipvs/ip_vs_ctl.c). Lines that are not of this form are left out.
 */
export function parseIpvs(text: string): readonly RealServer[] {
  const servers: RealServer[] = [];
  let service: string | undefined;
  for (const line of text.split("\n")) {
    const [, to = "", port = "", weight] = serverLine.exec(line) ?? [];
    if (weight === undefined) {
      // A real server belongs to the service above it; that of IPv6 has servers of IPv6.
      if (!line.startsWith("  ->")) service = serviceOf(line);
    } else if (service !== undefined) {
      servers.push({ service, ip: addressOf(to), port: Number.parseInt(port, 16), weight: Number(weight) });
    }
  }
  return servers;
}

/** Address, port, how it is forwarded, weight, and how many connections are and were. */
const serverLine = /^ {2}-> ([\dA-F]{8}):([\dA-F]{4}) +\S+ +(\d{1,10}) +\d+ +\d+ *$/;

function serviceOf(line: string): string | undefined {
  const [, mark] = /^FWM +([\dA-F]{8}) /.exec(line) ?? [];
  if (mark !== undefined) return `FWM ${Number.parseInt(mark, 16)}`;
  const [, protocol, address, port] = /^(TCP|UDP|SCTP) +([\dA-F]{8}):([\dA-F]{4}) /.exec(line) ?? [];
  return protocol === undefined || address === undefined || port === undefined
    ? undefined
    : `${protocol} ${addressOf(address)}:${Number.parseInt(port, 16)}`;
}

const addressOf = (hex: string): string =>
  [0, 2, 4, 6].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(".");
