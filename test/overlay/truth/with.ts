import type { Truth } from "../../../overlay/truth/truth.ts";

/** Of containers that are told to be on another host, by MAC. */
export function truthWith(...macs: readonly string[]): Truth {
  const ipOf = (mac: string): string =>
    mac
      .split(":")
      .slice(2)
      .map((byte) => String(Number.parseInt(byte, 16)))
      .join(".");
  const elsewhere = new Map(
    macs.map((mac) => [
      mac,
      { mac, ip: ipOf(mac), vtep: "172.31.240.9", name: `r-${mac.slice(-2)}`, endpoint: `e-${mac}` },
    ]),
  );
  return { elsewhere, here: new Set(), disputed: new Map(), twice: new Map(), complete: true };
}
