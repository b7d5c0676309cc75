import { isLoopback } from "../../dispatch/gateway/peer.ts";
import type { Identification } from "../../dispatch/gateway/server.ts";
import { readWhole } from "../../host/kernel-files.ts";
import { isMissing } from "../../host/thrown.ts";
import { readSecret } from "../../host/secret-file.ts";
import type { Config } from "../config/schema.ts";
import { errorText } from "../error-text.ts";
import { ConfigError } from "../exit-codes.ts";

type Section = Config["webhook"];

interface Place {
  readonly host: string;
  readonly port: number;
}

/** Where it listens. Throws `ConfigError` for plain HTTP that others could read, and for half a pair of files. */
export function placeOf({ listen, tls }: Section): Place {
  const colon = listen.lastIndexOf(":");
  const [host, port] = [listen.slice(0, colon).replace(/^\[|\]$/gu, ""), Number(listen.slice(colon + 1))];
  if (port > 65_535) throw new ConfigError(`webhook.listen: ${port} is no port`);
  if ((tls.cert_file === "") !== (tls.key_file === ""))
    throw new ConfigError("webhook.tls: cert_file and key_file go together: set both, or none");
  if (tls.cert_file === "" && tls.client_ca_file !== "")
    throw new ConfigError("webhook.tls.client_ca_file: needs cert_file and key_file");
  if (tls.cert_file === "" && !isLoopback(host))
    throw new ConfigError(
      `webhook.listen: ${listen} can be reached from elsewhere, and without TLS the token could be read on its way: set webhook.tls.cert_file and key_file, or listen on 127.0.0.1 behind a reverse proxy`,
    );
  return { host, port };
}

/** Certificate and key, as they are now; undefined for plain HTTP. Throws `ConfigError`. */
export function identificationOf({ tls }: Section): Identification | undefined {
  if (tls.cert_file === "") return undefined;
  const ca = tls.client_ca_file === "" ? {} : { ca: read("client_ca_file", tls.client_ca_file, readWhole) };
  return {
    cert: read("cert_file", tls.cert_file, readWhole),
    key: read("key_file", tls.key_file, readSecret),
    ...ca,
  };
}

function read(key: string, path: string, reader: (path: string) => string): string {
  try {
    return reader(path);
  } catch (cause) {
    const why = isMissing(cause) ? `there is no file ${path}` : errorText(cause);
    throw new ConfigError(`webhook.tls.${key}: ${why}`, { cause });
  }
}
