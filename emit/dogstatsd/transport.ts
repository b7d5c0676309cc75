import { statSync } from "node:fs";
import { isIP } from "node:net";

export type Transport =
  | { readonly kind: "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "uds"; readonly path: string };

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ResolvedTransport {
  readonly transport: Transport;
  /** What decided: the name of the setting or of the variables, `socket found`, or `default`. */
  readonly from: string;
}

export interface TransportSources {
  /** The URL from the flag or the configuration file, and the name that it has there, for messages. */
  readonly setting?: { readonly url: string; readonly name: string };
  readonly env: Environment;
  /** Whether there is a socket at a path; a parameter for the sake of tests. */
  readonly isSocket?: (path: string) => boolean;
}

/** A value that can not be used. The message names the setting or variable and what would be right. */
export class BadSetting extends Error {
  override readonly name = "BadSetting";
  readonly setting: string;

  constructor(setting: string, problem: string) {
    super(`${setting}: ${problem}`);
    this.setting = setting;
  }
}

const AGENT_SOCKET = "/var/run/datadog/dsd.socket";
const AGENT_PORT = 8125;
/** `sun_path` has 108 bytes with the closing zero; the native addon cuts longer ones without a word. */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Where samples go, in the order of Datadog's own clients: the setting, `DD_DOGSTATSD_URL`, `DD_DOGSTATSD_SOCKET`,
 * `DD_AGENT_HOST` with `DD_DOGSTATSD_PORT` (one is enough), the agent's socket where there is one, else 127.0.0.1:8125.
 * An empty variable counts as not set. Throws `BadSetting`; what can not be used is never skipped in silence.
 */
export function resolveTransport({ setting, env, isSocket = isSocketAt }: TransportSources): ResolvedTransport {
  if (setting !== undefined) return { transport: parseUrl(setting.url, setting.name), from: setting.name };
  const url = valueOf(env, "DD_DOGSTATSD_URL");
  if (url !== undefined) return { transport: parseUrl(url, "DD_DOGSTATSD_URL"), from: "DD_DOGSTATSD_URL" };
  const path = valueOf(env, "DD_DOGSTATSD_SOCKET");
  if (path !== undefined) return { transport: parsePath(path, "DD_DOGSTATSD_SOCKET"), from: "DD_DOGSTATSD_SOCKET" };
  return fromHostAndPort(env) ?? fallback(isSocket);
}

/** Throws `BadSetting` unless a unix socket can be reached by this path. */
export function checkSocketPath(path: string, name: string): void {
  if (!path.startsWith("/") || path.includes("\0")) {
    throw new BadSetting(name, `${JSON.stringify(path)} is no absolute path of a socket`);
  }
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new BadSetting(
      name,
      `${path} has ${bytes} bytes; the path of a unix socket can have ${MAX_SOCKET_PATH_BYTES}`,
    );
  }
}

function valueOf(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}

function parseUrl(text: string, name: string): Transport {
  const [, scheme, rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(text.trim()) ?? [];
  if (scheme === "udp") return parseAuthority(rest, name);
  if (scheme === "unix" || scheme === "unixgram") return parsePath(rest, name);
  const hint = scheme === "unixstream" ? " (stream sockets are not supported)" : "";
  throw new BadSetting(
    name,
    `${JSON.stringify(text)} is none of udp://HOST:PORT, unix:///PATH, unixgram:///PATH${hint}`,
  );
}

function parsePath(path: string, name: string): Transport {
  checkSocketPath(path, name);
  return { kind: "uds", path };
}

/** `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; an IPv6 address without brackets has no port. */
function parseAuthority(text: string, name: string): Transport {
  if (isIP(text) !== 0) return { kind: "udp", host: text, port: AGENT_PORT };
  const [, bracketed, plain = "", port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? [];
  const host = parseHost(bracketed ?? plain, name);
  if (bracketed !== undefined && isIP(bracketed) !== 6) {
    throw new BadSetting(name, `${JSON.stringify(bracketed)} in brackets is no IPv6 address`);
  }
  return { kind: "udp", host, port: port === undefined ? AGENT_PORT : parsePort(port, name) };
}

function parseHost(text: string, name: string): string {
  if (isIP(text) !== 0 || /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_.])?$/i.test(text)) return text;
  throw new BadSetting(name, `${JSON.stringify(text)} is no host name and no address`);
}

function parsePort(text: string, name: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new BadSetting(name, `${JSON.stringify(text)} is no port (1 to 65535)`);
}

function fromHostAndPort(env: Environment): ResolvedTransport | undefined {
  const host = valueOf(env, "DD_AGENT_HOST");
  const port = valueOf(env, "DD_DOGSTATSD_PORT");
  if (host === undefined && port === undefined) return undefined;
  const transport: Transport = {
    kind: "udp",
    host: host === undefined ? "127.0.0.1" : parseHost(host, "DD_AGENT_HOST"),
    port: port === undefined ? AGENT_PORT : parsePort(port, "DD_DOGSTATSD_PORT"),
  };
  const names = [host !== undefined && "DD_AGENT_HOST", port !== undefined && "DD_DOGSTATSD_PORT"];
  return { transport, from: names.filter((each) => each !== false).join(", ") };
}

function fallback(isSocket: (path: string) => boolean): ResolvedTransport {
  if (isSocket(AGENT_SOCKET)) return { transport: { kind: "uds", path: AGENT_SOCKET }, from: "socket found" };
  return { transport: { kind: "udp", host: "127.0.0.1", port: AGENT_PORT }, from: "default" };
}

export function isSocketAt(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}
