import type { Place } from "../../../overlay/truth/place.ts";
import type { Truth } from "../../../overlay/truth/truth.ts";

/** Of containers that are told to be on another host, by MAC. */
export function truthWith(...macs: readonly string[]): Truth {
  const elsewhere = new Map(macs.map((mac) => [mac, placeOf(mac)]));
  return {
    elsewhere,
    here: new Map(),
    disputed: new Map(),
    twice: new Map(),
    addresses: new Set([...elsewhere.values()].map(({ ip }) => ip)),
    complete: true,
  };
}

function placeOf(mac: string): Place {
  const bytes = mac.split(":").slice(2);
  const ip = bytes.map((byte) => String(Number.parseInt(byte, 16))).join(".");
  return { mac, ip, vtep: "172.31.240.9", name: `r-${mac.slice(-2)}`, endpoint: `e-${mac}` };
}
