import type { IncomingMessage } from "node:http";
import type { Ending } from "./endings.ts";
import type { Peers } from "./peer.ts";
import type { Rates } from "./rates.ts";
import { isAuthorised, valuesOf } from "./token.ts";

/** What a request's head is judged by. */
export interface Door {
  /** Like `/webhook`. */
  readonly path: string;
  readonly peers: Peers;
  /** Digests of the tokens that are valid now. */
  readonly tokens: () => readonly Buffer[];
  /** Of failures, by sender. */
  readonly failures: Rates;
}

const healthPath = "/healthz";

/** Why the request is refused without a look at its body, `healthy` where it asks for that, undefined where it may go on. Cheap checks come first. */
export function judgeHead(request: IncomingMessage, door: Door, now: number): Ending | undefined {
  const { method, url } = request;
  if (url === healthPath && method === "GET") return "healthy";
  const sender = senderOf(request, door);
  return address(method, url, door.path) ?? content(request.rawHeaders) ?? stranger(request, sender, door, now);
}

export const senderOf = ({ socket, headers }: IncomingMessage, { peers }: Door): string =>
  peers.sender(socket.remoteAddress ?? "", [headers["x-forwarded-for"] ?? ""].flat().join(","));

/** Written just so: neither decoded nor shortened, for then two programs could read it in two ways. */
function address(method: string | undefined, url = "", path: string): Ending | undefined {
  if (method !== "POST") return "method";
  if (url.split("?", 1)[0] !== path) return "path";
  return url === path ? undefined : "query";
}

function content(rawHeaders: readonly string[]): Ending | undefined {
  const [type = "", ...more] = valuesOf(rawHeaders, "content-type");
  if (more.length > 0 || !/^application\/json\s*(?:;\s*charset="?utf-?8"?\s*)?$/iu.test(type)) return "media_type";
  return valuesOf(rawHeaders, "content-encoding").length > 0 ? "encoding" : undefined;
}

function stranger(
  request: IncomingMessage,
  sender: string,
  { peers, tokens, failures }: Door,
  now: number,
): Ending | undefined {
  if (!peers.isWelcome(sender)) return "source";
  if (isAuthorised(request.rawHeaders, tokens())) return undefined;
  return failures.take(sender, now) ? "token" : "failures";
}
