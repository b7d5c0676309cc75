import type { Policy } from "../../dispatch/gateway/decide.ts";
import type { GatewayParts } from "../../dispatch/gateway/gateway.ts";
import { peersOf } from "../../dispatch/gateway/peer.ts";
import { ratesOf } from "../../dispatch/gateway/rates.ts";
import { type GatewayServer, serveGateway } from "../../dispatch/gateway/server.ts";
import { localHandOver } from "../../dispatch/local/hand-over.ts";
import { liveClock } from "../../host/clock.ts";
import { watchFiles } from "../../host/watched-files.ts";
import { hasBroker } from "../has-broker.ts";
import type { Io } from "../command.ts";
import { milliseconds } from "../config/milliseconds.ts";
import type { Config } from "../config/schema.ts";
import { aborted } from "../ending.ts";
import { errorText } from "../error-text.ts";
import { ConfigError, exitCodes, UnavailableError } from "../exit-codes.ts";
import { hostIdentity, NoIdentity } from "../identity.ts";
import { type Log, streamLog } from "../log.ts";
import { journalDoor, openNotes } from "../notes.ts";
import { openOutputs } from "../outputs.ts";
import type { Way } from "./by-broker.ts";
import { identificationOf, placeOf } from "./place.ts";
import { openTelling, type Ways } from "./telling.ts";
import { openTokens, type Tokens } from "./tokens.ts";

/** Milliseconds between two looks at the files. */
const lookEvery = 2000;

/** Serves until the signal. Throws `ConfigError`, `UnavailableError`. */
export async function serveWebhook(config: Config, io: Io, asJson: boolean): Promise<number> {
  const log = streamLog(io.stderr);
  const [place, tls] = [placeOf(config.webhook), identificationOf(config.webhook)];
  const [tokens, policy] = [tokensOf(config, log), await policyOf(config, io)];
  const outputs = await openOutputs(config, { profiled: (samples) => samples }, io, () => undefined);
  const door = journalDoor(log);
  const notes = openNotes(door, log);
  const telling = openTelling({ outputs, notes, log, now: liveClock.now });
  const handOver = await wayOf(config, { outputs, notes, log });
  try {
    const { isThere, paused } = handOver;
    const parts = {
      policy,
      handOver,
      isThere,
      tokens: tokens.digests,
      onEnd: telling.ended,
      ...(paused && { paused }),
    };
    const settings = { ...place, ...(tls !== undefined && { tls }), maxConnections: config.webhook.max_connections };
    const server = await started(() => serveGateway(settings, { ...limitsOf(config), ...parts }), config);
    const unwatch = keepFresh(config, server, tokens, log);
    tell(server, policy, config, io, log, asJson);
    await aborted(io.signal);
    unwatch();
    await server.close();
  } finally {
    telling.close();
    await Promise.all([handOver.close(), outputs.flush().then(outputs.close), door.close()]);
  }
  return exitCodes.ok;
}

/** To the worker of this host, or to hosts through the broker. */
async function wayOf(config: Config, ways: Omit<Ways, "now">): Promise<Way> {
  if (!hasBroker(config)) return localHandOver(config.worker.jobs_socket);
  return (await import("./by-broker.ts")).handOverByBroker(config, ways);
}

function tokensOf({ webhook }: Config, log: Log): Tokens {
  if (webhook.token_files.length === 0)
    throw new ConfigError(
      "webhook.token_files: name a file that holds the token, which Datadog sends as the custom variable OVERLAYWATCH_WEBHOOK_TOKEN; `openssl rand -hex 32` makes one",
    );
  return openTokens(webhook.token_files, log);
}

async function policyOf(config: Config, { env }: Io): Promise<Policy> {
  const { monitors, orgs, hosts, max_age: maxAge } = config.webhook;
  for (const [key, ids] of [
    ["monitors", monitors],
    ["orgs", orgs],
  ] as const)
    if (ids.length === 0) throw new ConfigError(`webhook.${key}: say which may ask: a list of their ids, or [any]`);
  return { monitors, orgs, maxAge: milliseconds(maxAge), hosts: await hostsOf(hosts, config, env) };
}

async function hostsOf(hosts: readonly string[], config: Config, env: Io["env"]): Promise<Policy["hosts"]> {
  if (hosts.length > 0) return new Set(hosts);
  if (hasBroker(config)) return "enrolled";
  try {
    return new Set([(await hostIdentity(config, env)).host]);
  } catch (cause) {
    if (cause instanceof NoIdentity) throw new ConfigError(`webhook.hosts is empty, and ${cause.message}`, { cause });
    throw cause;
  }
}

function limitsOf({
  webhook,
}: Config): Pick<GatewayParts, "path" | "peers" | "failures" | "rates" | "validFor" | "now"> {
  return {
    path: webhook.path,
    peers: peersOf(webhook.sources, webhook.proxies),
    failures: ratesOf(webhook.max_failures_per_minute),
    rates: ratesOf(webhook.max_per_minute),
    validFor: milliseconds(webhook.valid_for),
    now: liveClock.now,
  };
}

async function started(start: () => Promise<GatewayServer>, { webhook }: Config): Promise<GatewayServer> {
  try {
    return await start();
  } catch (cause) {
    // What the system refuses has a name of its own.
    if (!(cause instanceof Error && "syscall" in cause))
      throw new ConfigError(
        `webhook.tls: cert_file, key_file and client_ca_file do not make an identification: ${errorText(cause)}`,
        { cause },
      );
    const isTaken = "code" in cause && cause.code === "EADDRINUSE";
    const why = isTaken
      ? "another program listens there already (EADDRINUSE); `ss -ltnp` names it. End it, or set webhook.listen to another port."
      : errorText(cause);
    throw new UnavailableError(`cannot listen on ${webhook.listen}: ${why}`, { cause });
  }
}

/** Takes over tokens and certificates that were replaced. Returns how to end it. */
function keepFresh(config: Config, server: GatewayServer, tokens: Tokens, log: Log): () => void {
  const { tls, token_files: tokenFiles } = config.webhook;
  const tlsFiles = [tls.cert_file, tls.key_file, tls.client_ca_file].filter((path) => path !== "");
  const again = (): void => {
    try {
      const fresh = identificationOf(config.webhook);
      if (fresh !== undefined) server.identify(fresh);
      log.info("the certificate was read again: new connections see it");
    } catch (error) {
      log.error(`the new certificate is not taken, the one before stays: ${errorText(error)}`);
    }
  };
  const ends = [watchFiles(tokenFiles, lookEvery, tokens.reload), watchFiles(tlsFiles, lookEvery, again)];
  return () => ends.forEach((end) => end());
}

function tell(
  server: GatewayServer,
  policy: Policy,
  { webhook, worker, broker }: Config,
  io: Io,
  log: Log,
  asJson: boolean,
): void {
  const named = policy.hosts === "enrolled" ? ["all hosts that are enrolled"] : [...policy.hosts];
  const hosts = `${named.slice(0, 5).join(", ")}${named.length > 5 ? "..." : ""}`;
  const url = `${server.url}${webhook.path}`;
  if (asJson) io.stdout.write(`${JSON.stringify({ url })}\n`);
  log.info(
    `listening on ${url} for ${hosts}; monitors ${webhook.monitors.join(" ")}, organisations ${webhook.orgs.join(" ")}; handed over at ${broker.servers.join(", ") || worker.jobs_socket}`,
  );
}
