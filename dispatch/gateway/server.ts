import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type ServerOptions } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import type { GatewayParts } from "./gateway.ts";
import { takeIn } from "./intake.ts";

export interface Identification {
  readonly cert: string;
  readonly key: string;
  /** Of clients: without it none has to show a certificate. */
  readonly ca?: string;
}

export interface ServerSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Plain HTTP where it is left out. */
  readonly tls?: Identification;
  readonly maxConnections: number;
}

export interface GatewayServer {
  /** Like `https://127.0.0.1:8480`. */
  readonly url: string;
  /** For connections from now on. Throws where certificate and key are no pair, or no such things: the old ones stay. */
  readonly identify: (tls: Identification) => void;
  /** Takes no more, finishes what is under way, within 15 s, and cuts the rest. */
  readonly close: () => Promise<void>;
}

/** Milliseconds that a request that was let in may still take. */
const finishWithin = 15_000;

const strict: ServerOptions = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 15_000,
  insecureHTTPParser: false,
  requireHostHeader: true,
};

/** Rejects where the address can not be had, or certificate and key are no pair. */
export async function serveGateway(settings: ServerSettings, parts: GatewayParts): Promise<GatewayServer> {
  const secure = settings.tls === undefined ? undefined : secureServer(settings.tls);
  const server = secure ?? createServer(strict);
  server.maxConnections = settings.maxConnections;
  server.maxRequestsPerSocket = 1000;
  // Those beyond Node's 2000 would be dropped without a word, and a second token with them; 8 KiB bound them all the same.
  server.maxHeadersCount = 0;
  const { underWay, turnAway } = takeIn(server, parts);
  server.on("drop", () => parts.onEnd({ ending: "connections", trace: "", sender: "" }));
  // Before Node's own listener makes a `clientError` of it.
  secure?.prependListener("tlsClientError", (_, socket) => turnAway(socket, "tls"));
  // Node's 511 is a quarter of a second of an attack; the kernel takes net.core.somaxconn at most.
  server.listen({ port: settings.port, host: settings.host, backlog: 4096 });
  await once(server, "listening");
  // Of accept(2), where there are no more file descriptors: it is tried again with the next connection.
  server.on("error", (error) => parts.onEnd({ ending: "connections", trace: "", sender: "", error }));
  return {
    url: urlOf(server, settings),
    identify: (tls) => {
      if (secure === undefined) throw new Error("this gateway has no TLS");
      // Throws before anything is changed.
      mustBePair(tls);
      createSecureContext(tlsOptions(tls));
      secure.setSecureContext(tlsOptions(tls));
    },
    close: () => closed(server, underWay),
  };
}

/** OpenSSL takes nothing at all for a certificate, and then has none. */
function mustBePair({ cert, key, ca }: Identification): void {
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error("the key is not that of the certificate");
  if (ca !== undefined) mustBeCertificate(ca);
}

const mustBeCertificate = (text: string): void => void new X509Certificate(text);

function secureServer(tls: Identification): SecureServer {
  mustBePair(tls);
  const mutual = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  return createSecureServer({ ...strict, ...tlsOptions(tls), ...mutual, handshakeTimeout: 5000 });
}

const tlsOptions = ({ cert, key, ca }: Identification) => ({
  cert,
  key,
  ...(ca !== undefined && { ca }),
  minVersion: "TLSv1.2" as const,
});

function urlOf(server: Server, { host, tls }: ServerSettings): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http${tls === undefined ? "" : "s"}://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

async function closed(server: Server, underWay: ReadonlySet<unknown>): Promise<void> {
  const end = once(server, "close");
  server.close();
  const until = performance.now() + finishWithin;
  while (underWay.size > 0 && performance.now() < until) await sleep(20);
  server.closeAllConnections();
  await end;
}
