import { request } from "node:http";
import { z } from "zod";

export interface ApiOptions {
  /** Sent as JSON; a Buffer is sent as it is, as a tar. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds for the whole exchange; 30 000 unless told. */
  readonly timeout?: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** One request to an engine on its unix socket. Throws only when there is no answer in time. */
export async function ask(
  socketPath: string,
  method: string,
  path: string,
  options: ApiOptions = {},
): Promise<ApiAnswer> {
  const { body, timeout = 30_000 } = options;
  const payload = encode(body);
  const ofBody = payload && { "content-type": payload.type, "content-length": payload.bytes.length };
  const headers = { ...options.headers, ...ofBody };
  const signal = AbortSignal.timeout(timeout);
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new Error(`${method} ${path} on ${socketPath}: no answer`, { cause }));
    const call = request({ socketPath, method, path, agent: false, signal, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      response.once("error", fail);
    });
    call.once("error", fail);
    call.end(payload?.bytes);
  });
}

/** As `ask`, but an error status throws with the engine's own words. Gives the parsed JSON, or undefined for none. */
export async function demand(
  socketPath: string,
  method: string,
  path: string,
  options: ApiOptions = {},
): Promise<unknown> {
  const { status, text } = await ask(socketPath, method, path, options);
  // 304: started or stopped already.
  if ((status >= 200 && status < 300) || status === 304) return parsed(text);
  throw new Error(`${method} ${path} on ${socketPath}: the engine answered ${status}: ${messageIn(text)}`);
}

function encode(body: unknown): { bytes: Buffer; type: string } | undefined {
  if (body === undefined) return undefined;
  if (Buffer.isBuffer(body)) return { bytes: body, type: "application/x-tar" };
  return { bytes: Buffer.from(JSON.stringify(body)), type: "application/json" };
}

/** Some answers are a stream of several JSON texts: of no use to us, but no error either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const errorBody = z.object({ message: z.string() });

function messageIn(text: string): string {
  const body = errorBody.safeParse(parsed(text));
  return body.success ? body.data.message : text.slice(0, 500);
}
