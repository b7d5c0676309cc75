import type { StoredValue } from "../../host/kv/store.ts";
import { inside, rowIn, textOf } from "../rows.ts";
import { type Place, placeOf, type Telling } from "./place.ts";

/** Below Docker's prefix; each value is an endpoint as libnetwork keeps it. */
export const endpointsFolder = (networkId: string): string => `docker/network/v1.0/endpoint/${networkId}`;

/**
 * Endpoints of a network over a key-value store, by `locator`: the address that the owner advertises. One without a sandbox
 * is made and not joined: it runs nowhere yet, or not any more, and is no place.
 */
export function classicTelling(entries: readonly StoredValue[]): Telling {
  const places: Place[] = [];
  let doubts = 0;
  for (const { value } of entries) {
    const found = readEndpoint(value);
    if (found === "none") continue;
    if (found === undefined) doubts++;
    else places.push(found);
  }
  return { places, doubts, complete: doubts === 0 };
}

function readEndpoint(value: string): Place | "none" | undefined {
  const endpoint = rowIn(value);
  const iface = inside(endpoint, "ep_iface");
  if (text(endpoint["sandbox"]) === "") return "none";
  const [ip = ""] = text(iface["addr"]).split("/");
  const mac = text(iface["mac"]).toLowerCase();
  const [vtep, name, id] = [text(endpoint["locator"]), text(endpoint["name"]), text(endpoint["id"])];
  return placeOf({ ip, mac, vtep, name, endpoint: `${id} ${text(endpoint["sandbox"])}` });
}

const text = (value: unknown): string => textOf(value) ?? "";
