import { type IncomingMessage, request as httpRequest } from "node:http";
import { type Asked, DockerError, transportError, garbageError } from "./error.ts";
import { jsonLines } from "./lines.ts";

export interface CallOptions {
  /** Ends the call at once; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Deadline of this call, in milliseconds, in place of the client's. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Docker's HTTP API on its unix socket. Every call opens a connection of its own (a kept one would fail once after
 * each restart of the engine), has a deadline for the whole answer, and rejects with a `DockerError` or with the
 * reason of the caller's signal, nothing else.
 *
 * Paths carry no `/v1.NN`: engine 29 refuses versions below 1.44 and engine 1.12 knows none above 1.24, so no single
 * one fits all. Every engine from 1.12 up to the present routes the bare path too (moby `server.CreateMux`) and
 * answers in its own newest version, also after an upgrade under our feet; the few fields read here never moved.
 */
export interface DockerClient {
  readonly socketPath: string;
  /** The parsed JSON answer. */
  readonly get: (path: string, options?: CallOptions) => Promise<unknown>;
  /** Resolves if the engine's HTTP server answers at all: it takes no lock of the engine. */
  readonly ping: (options?: CallOptions) => Promise<void>;
  /** Any call; `body` goes as JSON. Resolves to the parsed answer, to undefined where the answer is empty. */
  readonly request: (method: string, path: string, body?: unknown, options?: CallOptions) => Promise<unknown>;
  /**
   * JSON objects one a line. Resolves when the engine has answered with headers, from then on the deadline no longer
   * holds. Iteration returns when the engine ends the stream, and throws where it breaks off.
   */
  readonly stream: (path: string, options?: CallOptions) => Promise<AsyncGenerator>;
}

export interface DockerClientOptions {
  /** Absolute path, see `socketPathOf`. */
  readonly socketPath: string;
  /** For connection, headers and body together. */
  readonly timeoutMs?: number;
  /** Cap of one answer's body. */
  readonly maxBytes?: number;
  /** Cap of one line of a stream. */
  readonly maxLine?: number;
}

/** Without its options: 5 s for an answer, 64 MiB of it, 1 MiB a line of a stream. Its calls reject with a `DockerError`. */
export function dockerClient(options: DockerClientOptions): DockerClient {
  const engine: Engine = { timeoutMs: 5_000, maxBytes: 64 * 2 ** 20, maxLine: 2 ** 20, ...options };
  const call = (method: string, path: string, rest: CallOptions & { body?: unknown } = {}): Call => {
    if (!/^[A-Z]+$/.test(method)) throw new TypeError(`${JSON.stringify(method)} is not an HTTP method`);
    if (!/^\/[!-~]*$/.test(path)) throw new TypeError(`${JSON.stringify(path)} is not a path of Docker's API`);
    return { socketPath: engine.socketPath, method, path, ...rest };
  };
  return {
    socketPath: engine.socketPath,
    get: async (path, rest) => exchangeJson(engine, call("GET", path, rest)),
    ping: async (rest) => void (await exchange(engine, call("GET", "/_ping", rest))),
    request: async (method, path, body, rest) => exchangeJson(engine, call(method, path, { ...rest, body })),
    stream: async (path, rest) => openStream(engine, call("GET", path, rest)),
  };
}

type Engine = Required<DockerClientOptions>;

interface Call extends Asked, CallOptions {
  readonly body?: unknown;
}

async function exchangeJson(engine: Engine, call: Call): Promise<unknown> {
  const text = await exchange(engine, call);
  if (text === "" && call.method !== "GET") return undefined;
  try {
    const answer: unknown = JSON.parse(text);
    return answer;
  } catch (cause) {
    throw garbageError(call, `the answer is not JSON (it begins ${JSON.stringify(text.slice(0, 80))})`, cause);
  }
}

async function exchange(engine: Engine, call: Call): Promise<string> {
  return within(engine, call, async (signal) => {
    const response = await accepted(await send(call, signal), call, engine);
    return bodyOf(response, call, engine.maxBytes);
  });
}

/** Runs `work` under the deadline and the caller's signal; the reason of whichever fires is what comes out. */
async function within<T>(engine: Engine, call: Call, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController();
  const ms = call.timeoutMs ?? engine.timeoutMs;
  const expire = () =>
    limit.abort(new DockerError(call, { kind: "timeout", detail: `no whole answer within ${ms} ms` }));
  const cancel = () => limit.abort(call.signal?.reason);
  const timer = setTimeout(expire, ms);
  call.signal?.addEventListener("abort", cancel, { once: true });
  try {
    call.signal?.throwIfAborted();
    return await work(limit.signal);
  } catch (cause) {
    limit.signal.throwIfAborted();
    throw cause;
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener("abort", cancel);
  }
}

async function send(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
  const body = call.body === undefined ? "" : JSON.stringify(call.body);
  const { socketPath, method, path } = call;
  return new Promise((resolve, reject) => {
    const headers = { host: "docker", accept: "application/json", ...contentHeaders(body) };
    const outgoing = httpRequest({ socketPath, method, path, headers, agent: false, signal }, resolve);
    outgoing.on("error", (cause) => reject(transportError(call, cause)));
    outgoing.end(body);
  });
}

function contentHeaders(body: string): Record<string, string | number> {
  return body === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
}

/** The response if its status says yes; else a DockerError with the engine's own message. */
async function accepted(response: IncomingMessage, call: Call, engine: Engine): Promise<IncomingMessage> {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  const text = await bodyOf(response, call, engine.maxBytes);
  throw new DockerError(call, { kind: "status", status, detail: `it answered ${status}: ${messageIn(text)}` });
}

/** The engine writes errors as `{"message":"..."}`; proxies and old engines as plain text. */
function messageIn(text: string): string {
  const plain = text.trim().slice(0, 500);
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== "object" || answer === null || !("message" in answer)) return plain;
    return typeof answer.message === "string" ? answer.message.trim() : plain;
  } catch {
    return plain;
  }
}

async function bodyOf(response: IncomingMessage, call: Call, maxBytes: number): Promise<string> {
  const chunks: AsyncIterable<unknown> = response;
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of chunks) {
      if (!(chunk instanceof Uint8Array)) continue;
      parts.push(chunk);
      size += chunk.length;
      if (size > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    }
  } catch (cause) {
    throw transportError(call, cause);
  }
  return Buffer.concat(parts).toString("utf8");
}

async function openStream(engine: Engine, call: Call): Promise<AsyncGenerator> {
  const response = await within(engine, call, async (signal) => accepted(await send(call, signal), call, engine));
  const cancel = () => response.destroy();
  call.signal?.addEventListener("abort", cancel, { once: true });
  response.once("close", () => call.signal?.removeEventListener("abort", cancel));
  return follow(response, call, engine.maxLine);
}

async function* follow(response: IncomingMessage, call: Call, maxLine: number): AsyncGenerator {
  try {
    call.signal?.throwIfAborted();
    yield* jsonLines(response, maxLine);
  } catch (cause) {
    call.signal?.throwIfAborted();
    throw transportError(call, cause);
  } finally {
    response.destroy();
  }
  // A response that is destroyed without an error ends its iteration as if it were complete.
  call.signal?.throwIfAborted();
}
