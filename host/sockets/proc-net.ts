/** What the kernel counts of the TCP sockets of one network namespace without walking them. */
export interface Totals {
  /** Sockets in its tables, IPv4 and IPv6: all but TIME_WAIT, orphaned FIN_WAIT2 and SYN_RECV. */
  readonly inUse: number;
  /** TIME_WAIT and orphaned FIN_WAIT2; on old kernels those of the whole machine. */
  readonly timeWait: number;
  /** ESTABLISHED, with or without CLOSE_WAIT by the kernel's age. */
  readonly currEstab: number;
  /** Segments that came in since the namespace began. */
  readonly inSegs: number;
}

/** From `net/sockstat`, `net/sockstat6` (empty without IPv6) and `net/snmp`; undefined where one does not say what it should. */
export function readTotals(sockstat: string, sockstat6: string, snmp: string): Totals | undefined {
  const ipv4 = /^TCP: inuse (?<inuse>\d+) .*?\btw (?<tw>\d+)/mu.exec(sockstat)?.groups;
  const ipv6 = sockstat6 === "" ? "0" : /^TCP6: inuse (?<inuse>\d+)/mu.exec(sockstat6)?.groups?.["inuse"];
  const tcp = snmpColumns(snmp);
  const totals = {
    inUse: Number(ipv4?.["inuse"]) + Number(ipv6),
    timeWait: Number(ipv4?.["tw"]),
    currEstab: Number(tcp("CurrEstab")),
    inSegs: Number(tcp("InSegs")),
  };
  return Object.values(totals).some(Number.isNaN) ? undefined : totals;
}

/** Two lines, names and values; kernels differ in their columns. */
function snmpColumns(snmp: string): (name: string) => string | undefined {
  const [names = [], values = []] = [...snmp.matchAll(/^Tcp: (.*)$/gmu)].map(([, line = ""]) => line.split(" "));
  return (name) => values[names.indexOf(name)];
}
