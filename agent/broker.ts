import type { KeyObject } from "node:crypto";
import type { BrokerOptions } from "../dispatch/nats/connection.ts";
import { inboxOf } from "../dispatch/nats/server-config.ts";
import { readGatewayKeys, readSigningKey } from "../dispatch/nats/signature.ts";
import { readWhole } from "../host/kernel-files.ts";
import { readSecret } from "../host/secret-file.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { Config } from "./config/schema.ts";
import { errorText } from "./error-text.ts";
import { ConfigError } from "./exit-codes.ts";

type Section = Config["broker"];

/** As which user: `admin`, `gateway`, or a host's key. `seedFile` unless the section's own. Throws `ConfigError`. */
export function brokerOptions(
  { broker }: Config,
  who: string,
  seedFile = broker.seed_file,
): Omit<BrokerOptions, "onChange"> {
  if (broker.servers.length === 0) throw new ConfigError("broker.servers: name the broker's servers");
  if ((broker.cert_file === "") !== (broker.key_file === ""))
    throw new ConfigError("broker: cert_file and key_file go together: set both, or none");
  return {
    servers: broker.servers,
    seed: needed("seed_file", seedFile, readSecret).trim(),
    ca: optional("ca_file", broker, readWhole),
    cert: optional("cert_file", broker, readWhole),
    key: optional("key_file", broker, readSecret),
    name: `overlaywatch ${who}`,
    inboxPrefix: inboxOf(who),
    timeoutMs: milliseconds(broker.timeout),
  };
}

/** Throws `ConfigError`. */
export const signingKeyOf = ({ broker }: Config): KeyObject =>
  needed("signing_key_file", broker.signing_key_file, (path) => readSigningKey(readSecret(path)));

/** Throws `ConfigError`. */
export const gatewayKeysOf = ({ broker }: Config): readonly KeyObject[] =>
  needed("gateway_key_file", broker.gateway_key_file, (path) => readGatewayKeys(readWhole(path)));

type FileKey = "seed_file" | "ca_file" | "cert_file" | "key_file" | "signing_key_file" | "gateway_key_file";

const optional = (key: FileKey, broker: Section, read: (path: string) => string): string | undefined =>
  broker[key] === "" ? undefined : needed(key, broker[key], read);

function needed<T>(key: FileKey, path: string, read: (path: string) => T): T {
  if (path === "")
    throw new ConfigError(`broker.${key}: name the file that \`overlaywatch fleet\` made for this machine`);
  try {
    return read(path);
  } catch (cause) {
    throw new ConfigError(`broker.${key}: ${path}: ${errorText(cause)}`, { cause });
  }
}
