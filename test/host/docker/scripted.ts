import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A real HTTP server on a unix socket that plays Docker, also in ways that no real engine can be asked for. */
export interface ScriptedDocker {
  readonly socketPath: string;
  /** Inspect answers of what exists, by id. */
  readonly containers: Map<string, unknown>;
  readonly networks: unknown[];
  /** Answers by path (without the query) that go before the usual ones. */
  readonly faults: Map<string, Answer>;
  /** Paths asked for, in order, without the query. */
  readonly asked: string[];
  readonly subscribers: Set<ServerResponse>;
  /** Connections open now. */
  readonly connections: Set<Socket>;
  readonly emit: (event: unknown) => void;
  readonly start: (id: string, change?: object) => void;
  readonly die: (id: string) => void;
  /** The engine dies: socket file gone, all connections cut. */
  readonly stop: () => Promise<void>;
  readonly listen: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

export async function scriptedDocker(): Promise<ScriptedDocker> {
  const dir = await mkdtemp(join(tmpdir(), "ow-docker-"));
  const socketPath = join(dir, "docker.sock");
  let server: Server | undefined;
  const connections = new Set<Socket>();
  const engine: ScriptedDocker = {
    socketPath,
    containers: new Map(),
    networks: [],
    faults: new Map(),
    asked: [],
    subscribers: new Set(),
    connections,
    emit: (event) => {
      for (const subscriber of engine.subscribers) subscriber.write(`${JSON.stringify(event)}\n`);
    },
    start: (id, change) => {
      engine.containers.set(id, inspectOf(id, change));
      engine.emit(containerEvent("start", id));
    },
    die: (id) => {
      engine.containers.delete(id);
      engine.emit(containerEvent("die", id));
    },
    listen: async () => {
      server = createServer((request, response) => answer(engine, request, response));
      server.on("connection", (socket) => {
        connections.add(socket);
        socket.on("close", () => connections.delete(socket));
      });
      await new Promise<void>((resolve) => server?.listen(socketPath, resolve));
    },
    stop: async () => {
      const stopped = new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
      for (const socket of connections) socket.destroy();
      await stopped;
      server = undefined;
    },
    remove: async () => {
      await engine.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  await engine.listen();
  return engine;
}

function answer(engine: ScriptedDocker, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  engine.asked.push(path);
  const usual: Record<string, Answer> = {
    "/_ping": () => response.end("OK"),
    "/events": () => subscribe(engine, response),
    "/networks": () => json(response, engine.networks),
    "/containers/json": () => json(response, [...engine.containers.keys()].map(listed)),
  };
  const play = engine.faults.get(path) ?? usual[path] ?? (() => inspect(engine, path, response));
  play(response, request);
}

function inspect(engine: ScriptedDocker, path: string, response: ServerResponse): void {
  const found = engine.containers.get(/^\/containers\/([^/]+)\/json$/.exec(path)?.[1] ?? "");
  if (found === undefined) json(response, { message: "No such container" }, 404);
  else json(response, found);
}

function listed(id: string): object {
  return { Id: id, Names: [`/${id.slice(0, 5)}`] };
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
}

function subscribe(engine: ScriptedDocker, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
  engine.subscribers.add(response);
  response.on("close", () => engine.subscribers.delete(response));
}

export const idOf = (n: number): string => n.toString(16).padStart(64, "0");

/** The least that a running container's inspect answer holds. */
export function inspectOf(id: string, change: object = {}): object {
  return {
    Id: id,
    Name: `/c${Number.parseInt(id, 16)}`,
    State: { Running: true, Pid: 1000 + Number.parseInt(id, 16), StartedAt: "2026-11-22T10:00:00.123456789Z" },
    Config: { Image: "busybox", Labels: null, Env: null },
    HostConfig: { NetworkMode: "default" },
    NetworkSettings: { Networks: {} },
    ...change,
  };
}

export function containerEvent(action: string, id: string): object {
  return { Type: "container", Action: action, Actor: { ID: id, Attributes: { name: "x" } }, timeNano: 1 };
}

export function networkEvent(action: string, id: string, container?: string): object {
  const attributes = container === undefined ? {} : { container };
  return { Type: "network", Action: action, Actor: { ID: id, Attributes: { name: "n", ...attributes } } };
}

export function networkOf(id: string, name: string): object {
  return { Id: id, Name: name, Driver: "overlay", Scope: "swarm", IPAM: { Config: [{ Subnet: "10.0.1.0/24" }] } };
}
