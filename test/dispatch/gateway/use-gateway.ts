import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import type { Ended, GatewayParts } from "../../../dispatch/gateway/gateway.ts";
import { peersOf } from "../../../dispatch/gateway/peer.ts";
import { ratesOf } from "../../../dispatch/gateway/rates.ts";
import { type GatewayServer, type ServerSettings, serveGateway } from "../../../dispatch/gateway/server.ts";
import { digestOf } from "../../../dispatch/gateway/token.ts";
import { localHandOver } from "../../../dispatch/local/hand-over.ts";
import { type LineWorker, startLineWorker } from "./line-worker.ts";

export const token = "a-token-that-is-long-enough-for-every-rule";
export const now = Date.UTC(2026, 0, 2, 3, 4, 5);

/** As `monitors/webhook.ts` and Datadog make it, for a host that the gateway knows. */
export const sample = {
  version: "1",
  monitor_id: "11",
  cycle: "1767323045000",
  transition: "Triggered",
  event: "8440102030405060708",
  host: "host-a",
  scope: "docker_network:web,host:host-a",
  tags: "host:host-a,monitor,team:net",
  title: "[Triggered on {host:host-a}] Frames take the wrong way",
  date: String(now - 1000),
  org: "22",
  link: "https://app.datadoghq.com/monitors/11",
} as const;

export type Fields = Partial<Record<keyof typeof sample, string>>;

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  /** In place of the right ones; one that is undefined is left out. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: string | Buffer;
  /** Changes of the sample. */
  readonly fields?: Fields;
}

export interface Answered {
  readonly code: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Readonly<Record<string, unknown>>;
}

export interface GatewayUnderTest {
  readonly url: () => string;
  readonly server: () => GatewayServer;
  readonly worker: () => LineWorker;
  readonly folder: () => string;
  /** How requests ended so far. */
  readonly ends: () => readonly Ended[];
  readonly post: (sent?: Sent) => Promise<Answered>;
  /** Bytes on a connection of its own; all that comes back until its end. */
  readonly raw: (bytes: string | readonly string[], pauseMs?: number) => Promise<string>;
  readonly connect: () => Promise<Socket>;
  /** Another gateway in place of the one that runs. */
  readonly restart: (parts?: Partial<GatewayParts>, settings?: Partial<ServerSettings>) => Promise<void>;
}

/** In a `describe`: a gateway for each test, over a worker that speaks the true protocol. */
export function useGateway(
  parts: Partial<GatewayParts> = {},
  settings: Partial<ServerSettings> = {},
): GatewayUnderTest {
  let [folder, ends] = ["", new Array<Ended>()];
  let worker: LineWorker | undefined;
  let server: GatewayServer | undefined;
  const start = async (more: Partial<GatewayParts>, place: Partial<ServerSettings>): Promise<void> => {
    const handOver = localHandOver(join(folder, "jobs.sock"));
    server = await serveGateway(
      { host: "127.0.0.1", port: 0, maxConnections: 1000, ...settings, ...place },
      {
        path: "/webhook",
        peers: peersOf([], []),
        tokens: () => [digestOf(token)],
        failures: ratesOf(1000),
        policy: { monitors: ["11"], orgs: ["22"], hosts: new Set(["host-a"]), maxAge: 15 * 60_000 },
        handOver,
        isThere: handOver.isThere,
        rates: ratesOf(1000),
        validFor: 15 * 60_000,
        now: () => now,
        onEnd: (ended) => void ends.push(ended),
        ...parts,
        ...more,
      },
    );
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ow-gateway-"));
    ends = [];
    worker = await startLineWorker(folder);
    await start({}, {});
  });
  afterEach(async () => {
    await server?.close();
    await worker?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const running = () => there(server);
  const open = () => opened(running().url);
  return {
    url: () => running().url,
    server: running,
    worker: () => there(worker),
    folder: () => folder,
    ends: () => ends,
    post: (sent) => post(running().url, sent),
    raw: (bytes, pauseMs) => raw(running().url, [bytes].flat(), pauseMs),
    connect: open,
    restart: async (more = {}, place = {}) => {
      await server?.close();
      await start(more, place);
    },
  };
}

function there<T>(value: T | undefined): T {
  assert.ok(value);
  return value;
}

export const bodyOf = (fields: Fields = {}): string => JSON.stringify({ ...sample, ...fields });

export async function post(url: string, { method = "POST", path = "/webhook", ...sent }: Sent = {}): Promise<Answered> {
  const body = sent.body ?? bodyOf(sent.fields);
  const wanted = {
    Connection: "keep-alive",
    "Content-Type": "application/json",
    Authorization: `Bearer ${token}`,
    ...sent.headers,
  };
  const headers = Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const { hostname, port } = new URL(url);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = request({ host: hostname, port, method, path, agent: false });
    for (const [name, value] of headers) asking.setHeader(name, value);
    asking.on("response", resolve).on("error", reject).end(body);
  });
  const said = await textOf(response);
  return { code: response.statusCode ?? 0, headers: response.headers, body: recordOf(said) };
}

function recordOf(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = text === "" ? {} : JSON.parse(text);
  assert.ok(typeof value === "object" && value !== null);
  return { ...value };
}

export function opened(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => resolve(socket));
    socket.once("error", reject);
  });
}

async function raw(url: string, parts: readonly string[], pauseMs = 20): Promise<string> {
  const socket = await opened(url);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await closed;
  return Buffer.concat(chunks).toString("latin1");
}

/** The head of a good request, and more headers. */
export const headOf = (length: number, ...more: readonly string[]): string =>
  [
    "POST /webhook HTTP/1.1",
    "Host: gateway",
    "Content-Type: application/json",
    `Authorization: Bearer ${token}`,
    `Content-Length: ${length}`,
    ...more,
  ]
    .map((line) => `${line}\r\n`)
    .join("") + "\r\n";
