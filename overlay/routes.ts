import { NotAvailable, type OverlayView } from "../host/host.ts";
import { ProgramError } from "../host/iproute2/error.ts";
import { parseIpv4 } from "../host/ipv4.ts";
import { lane } from "./examine/lane.ts";
import { given, inside, parseRows, readRows, textOf, UnreadableTable, wholeOf } from "./rows.ts";

/** How this host reaches another's address. */
export interface RouteTo {
  readonly to: string;
  readonly device?: string;
  readonly source?: string;
  /** Of the device, or the route's own: bytes of a packet of IP. */
  readonly mtu?: number;
  /** The kernel's own words where there is no way. */
  readonly problem?: string;
}

interface RouteReading {
  /** The host's own namespace. */
  readonly hostNetns: string;
  readonly run: OverlayView["run"];
  readonly signal: AbortSignal;
}

/** More hosts than an overlay is used with. */
const mostRoutes = 512;

/** Addresses of other hosts, each once: a row may also lead back to this one, or nowhere. */
export function otherVteps(addresses: readonly string[], own: ReadonlySet<string>): readonly string[] {
  return [...new Set(addresses)].filter(
    (ip) => parseIpv4(ip) !== undefined && !own.has(ip) && !ip.startsWith("127.") && ip !== "0.0.0.0",
  );
}

/**
 * How the host's own namespace reaches each of these addresses, in their order: by one process for all, one for each where
 * that fails (`ip -batch` ends at the first that has no route). Of one that could not be asked for only `to` is known. No more
 * than 512 are asked for. Rejects with the signal's reason.
 */
export async function routesTo(addresses: readonly string[], reading: RouteReading): Promise<readonly RouteTo[]> {
  const wanted = addresses.slice(0, mostRoutes);
  if (wanted.length === 0) return [];
  const all = await known(async () => inOneBatch(wanted, reading), reading.signal);
  return all instanceof Error ? oneByOne(wanted, reading) : all;
}

async function inOneBatch(wanted: readonly string[], { hostNetns, run, signal }: RouteReading) {
  const input = ["link show", ...wanted.map((to) => `route get ${to}`), ""].join("\n");
  const text = await run(hostNetns, ["ip", "-j", "-batch", "-"], { signal, input });
  const [links = "", ...routes] = text.split("\n").filter((line) => line.trim() !== "");
  if (routes.length !== wanted.length)
    throw new UnreadableTable(`ip -batch: ${routes.length} routes where ${wanted.length} were asked for`);
  const mtus = parseMtus(links);
  return wanted.map((to, index) => parseRoute(to, routes[index] ?? "", mtus));
}

async function oneByOne(wanted: readonly string[], { hostNetns, run, signal }: RouteReading) {
  const few = lane(4);
  const ask = async (...argv: readonly string[]) => run(hostNetns, ["ip", "-j", ...argv], { signal });
  const links = await known(async () => parseMtus(await ask("link", "show")), signal);
  const mtus = links instanceof Error ? new Map<string, number>() : links;
  return Promise.all(
    wanted.map(async (to): Promise<RouteTo> => {
      const found = await few(async () =>
        known(async () => parseRoute(to, await ask("route", "get", to), mtus), signal),
      );
      if (!(found instanceof Error)) return found;
      if (!(found instanceof ProgramError)) return { to };
      return { to, problem: found.stderr === "" ? found.message : found.stderr };
    }),
  );
}

/** What it gives, or the error that says why it could not be read. */
async function known<T>(
  read: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | ProgramError | NotAvailable | UnreadableTable> {
  try {
    return await read();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ProgramError || error instanceof NotAvailable || error instanceof UnreadableTable)
      return error;
    throw error;
  }
}

/** `ip -j link show`. Throws `UnreadableTable`. */
function parseMtus(text: string): ReadonlyMap<string, number> {
  const { rows } = readRows(parseRows(text, "ip -j link show"), (row): readonly [string, number] | undefined => {
    const [device, mtu] = [textOf(row["ifname"]), wholeOf(row["mtu"])];
    return device === undefined || mtu === undefined ? undefined : [device, mtu];
  });
  return new Map(rows);
}

/** `ip -j route get ADDRESS`; a route may have an MTU of its own. Throws `UnreadableTable`. */
export function parseRoute(to: string, text: string, mtus: ReadonlyMap<string, number>): RouteTo {
  const [route = {}] = readRows(parseRows(text, "ip -j route get"), (row) => row).rows;
  const device = textOf(route["dev"]);
  const metrics: readonly unknown[] = Array.isArray(route["metrics"]) ? route["metrics"] : [];
  const [own] = metrics.flatMap((metric) => wholeOf(inside({ metric }, "metric")["mtu"]) ?? []);
  const mtu = own ?? (device === undefined ? undefined : mtus.get(device));
  return { to, ...given("device", device), ...given("source", textOf(route["prefsrc"])), ...given("mtu", mtu) };
}
