import { BadSetting, type ResolvedTransport, resolveTransport } from "../emit/dogstatsd/transport.ts";
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
