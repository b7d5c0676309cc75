import { join } from "node:path";
import { openApi } from "../../monitors/sync/api.ts";
import { openLedger } from "../../monitors/sync/ledger.ts";
import { patience } from "../../monitors/sync/retry.ts";
import { apiUrl, BadSite } from "../../monitors/sync/site.ts";
import { datadogTransport } from "../../monitors/sync/transport.ts";
import type { World } from "../../monitors/sync/write.ts";
import type { Io } from "../command.ts";
import type { Config } from "../config/schema.ts";
import { ConfigError, UsageError } from "../exit-codes.ts";
import { keysOf } from "./keys.ts";
import type { SyncRequest } from "./request.ts";

export interface Connection extends World {
  /** The API's address. */
  readonly url: string;
  /** What is kept between runs: the ledger, backups, the lock. */
  readonly folder: string;
}

export const connectFor = ({ config, values, io }: SyncRequest): Promise<Connection> =>
  connect(config, values["api-url"], io);

/** Sends nothing yet. Throws `UsageError`, `ConfigError`, or an Error that says which key is missing. */
export async function connect(config: Config, url: string | undefined, io: Io): Promise<Connection> {
  const address = addressOf(config, url, io);
  const keys = await keysOf(config, io);
  const folder = join(config.paths.state_dir, "monitors");
  const host = new URL(address).host.replaceAll(/[^\w.-]/gu, "-");
  return {
    url: address,
    folder,
    ledger: await openLedger(join(folder, `objects-${host}.json`)),
    api: openApi({
      transport: datadogTransport(address, keys),
      patience,
      signal: io.signal,
      tell: (sentence) => void io.stderr.write(`overlaywatch: ${sentence}\n`),
      now: () => new Date(),
      random: Math.random,
    }),
  };
}

function addressOf(config: Config, url: string | undefined, { env }: Io): string {
  const site = env["DD_SITE"] ?? "";
  try {
    return apiUrl(site === "" ? config.datadog.site : site, url);
  } catch (error) {
    if (!(error instanceof BadSite)) throw error;
    if (url !== undefined) throw new UsageError(`--api-url: ${error.message}`, { cause: error });
    throw new ConfigError(`${site === "" ? "datadog.site" : "DD_SITE"}: ${error.message}`, { cause: error });
  }
}
