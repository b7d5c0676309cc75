import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "./answer.ts";
import type { Ending, Request } from "./api.ts";

/** Larger bodies are a 413. */
export const maxBody = 5 * 1024 * 1024;

export const tooLarge = Symbol("the body is too large");

export async function requestOf(incoming: IncomingMessage): Promise<Request | typeof tooLarge> {
  const body = await bodyOf(incoming);
  if (body === undefined) return tooLarge;
  const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://stand-in");
  return {
    method: incoming.method ?? "GET",
    path: pathname,
    query: searchParams,
    apiKey: header(incoming, "dd-api-key"),
    appKey: header(incoming, "dd-application-key"),
    body,
  };
}

const header = ({ headers }: IncomingMessage, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
};

async function bodyOf(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxBody) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Sends the answer, late, half or not at all where it is said so. */
export async function respond(response: ServerResponse, { answer, cut, delay }: Omit<Ending, "wrote">): Promise<void> {
  if (delay !== undefined) await sleep(delay);
  if (cut === "before") return void response.destroy();
  const text = textOf(answer);
  response.writeHead(answer.status, {
    ...answer.headers,
    "Content-Type": answer.html === undefined ? "application/json" : "text/html",
    "Content-Length": Buffer.byteLength(text),
  });
  if (cut === undefined) return void response.end(text);
  response.write(text.slice(0, Math.floor(text.length / 2)), () => response.destroy());
}

const textOf = ({ html, body }: Answer): string => html ?? JSON.stringify(body);
