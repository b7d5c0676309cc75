import { accountRoutes } from "./account.ts";
import { Refused } from "./answer.ts";
import { auditRoutes } from "./audit.ts";
import type { Route } from "./call.ts";
import { dashboardRoutes } from "./dashboard/routes.ts";
import { eventRoutes } from "./events.ts";
import { monitorRoutes } from "./monitor/routes.ts";
import { webhookRoutes } from "./webhook/routes.ts";

/** Everything that is answered; a path with fixed words stands before one with `{}` in their place. */
const routes: readonly (Route & { readonly pattern: RegExp })[] = [
  ...accountRoutes,
  ...auditRoutes,
  ...monitorRoutes,
  ...dashboardRoutes,
  ...webhookRoutes,
  ...eventRoutes,
].map((route) => ({ ...route, pattern: new RegExp(`^${route.path.replaceAll(/\{(\w+)\}/gu, "(?<$1>[^/]+)")}$`, "u") }));

export interface Found {
  readonly route: Route;
  readonly path: Readonly<Record<string, string>>;
}

/** Throws a 404 for a path that is none of the API's here, a 405 for another method. */
export function routeOf(method: string, path: string): Found {
  const matching = routes.filter(({ pattern }) => pattern.test(path));
  if (matching.length === 0) throw new Refused(404, "Not found");
  const route = matching.find((one) => one.method === method);
  if (route === undefined) throw new Refused(405, "Method not allowed");
  const parts = Object.entries(route.pattern.exec(path)?.groups ?? {});
  return { route, path: Object.fromEntries(parts.map(([name, part]) => [name, decoded(part)])) };
}

/** A part with a stray `%` stands for itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
