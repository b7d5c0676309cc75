import {
  BaseServerConfiguration,
  createConfiguration,
  HttpMethod,
} from "@datadog/datadog-api-client/dist/packages/datadog-api-client-common/index.js";
import { logger } from "@datadog/datadog-api-client/dist/logger.js";
import type { JsonObject } from "../desired.ts";

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With the query, from `/api/` on. */
  readonly path: string;
  readonly body?: JsonObject;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** One request, once. Throws what the network threw. */
export type Transport = (request: Request, signal: AbortSignal) => Promise<Answer>;

export interface Keys {
  readonly api: string;
  readonly application: string;
}

/**
 * Datadog's own client, by its transport: its typed models drop what they do not know, and can not write back what they could
 * not read. Its retries are off, because it sends a POST again that may have been done.
 */
export function datadogTransport(url: string, keys: Keys): Transport {
  silence(logger);
  const configuration = createConfiguration({
    baseServer: new BaseServerConfiguration(url, {}),
    authMethods: { apiKeyAuth: keys.api, appKeyAuth: keys.application },
    // The keys would follow a redirect to wherever it leads.
    fetch: (address: string, options: RequestInit) => fetch(address, { ...options, redirect: "manual" }),
  });
  return async ({ method, path, body }, signal) => {
    const context = configuration.getServer("").makeRequestContext(path, HttpMethod[method]);
    context.setHttpConfig({ ...configuration.httpConfig, signal });
    context.setHeaderParam("Accept", "application/json");
    if (body !== undefined) {
      context.setHeaderParam("Content-Type", "application/json");
      context.setBody(JSON.stringify(body));
    }
    const { apiKeyAuth, appKeyAuth } = configuration.authMethods;
    for (const auth of [apiKeyAuth, appKeyAuth]) auth?.applySecurityAuthentication(context);
    const answer = await configuration.httpApi.send(context);
    return { status: answer.httpStatusCode, headers: answer.headers, text: await answer.body.text() };
  };
}

/** The client writes errors to the console by itself; they are thrown as well. Its types do not say what its log is. */
function silence(log: unknown): void {
  if (typeof log !== "object" || log === null || !("setLevel" in log) || typeof log.setLevel !== "function") return;
  Reflect.apply(log.setLevel, log, ["silent"]);
}
