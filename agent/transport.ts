import { BadSetting, type ResolvedTransport, resolveTransport } from "../emit/dogstatsd/transport.ts";
import { isHeard } from "../emit/dogstatsd/heard.ts";
import type { Log } from "./log.ts";
import type { Config } from "./config/schema.ts";
import { ConfigError } from "./exit-codes.ts";

export function transportOf({ sinks }: Config, env: Readonly<Record<string, string | undefined>>): ResolvedTransport {
  const { url } = sinks.dogstatsd;
  try {
    return resolveTransport({ env, ...(url === "" ? {} : { setting: { url, name: "sinks.dogstatsd.url" } }) });
  } catch (cause) {
    if (cause instanceof BadSetting) throw new ConfigError(cause.message, { cause });
    throw cause;
  }
}

/** A Datadog agent that is not there makes no other noise: what is sent by UDP is just lost. */
export async function warnUnheard({ transport, from }: ResolvedTransport, log: Log): Promise<void> {
  if (await isHeard(transport)) return;
  const where = transport.kind === "uds" ? `unix://${transport.path}` : `udp://${transport.host}:${transport.port}`;
  log.warn(
    `nobody listens on ${where} (${from}): metrics are lost until a Datadog agent does. Is it running? If it listens elsewhere, set sinks.dogstatsd.url or DD_DOGSTATSD_URL.`,
  );
}
