import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type RunState, runStateSchema } from "./run-state.ts";

/** Each running agent answers on a socket of its own, so that two never collide. */
const socketName = /^status-\d+\.sock$/u;

export interface StatusServer {
  readonly close: () => void;
}

/** Answers each connection with the state as JSON, and ends it. Throws where the folder can not be written. */
export async function serveStatus(stateDir: string, pid: number, state: () => RunState): Promise<StatusServer> {
  mkdirSync(stateDir, { recursive: true, mode: 0o755 });
  const path = join(stateDir, `status-${pid}.sock`);
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(JSON.stringify(state()));
  });
  server.listen(path);
  await once(server, "listening");
  server.unref();
  return {
    close: () => {
      server.close();
      rmSync(path, { force: true });
    },
  };
}

export interface Running {
  readonly agents: readonly RunState[];
  /** Agents that are there and could not be asked: the others are told of all the same. */
  readonly errors: readonly Error[];
}

/** The states of all agents that run with this state folder; sockets that nobody answers any more are removed. */
export async function runningAgents(stateDir: string, timeout = 2000): Promise<Running> {
  const answers = await Promise.all(socketsIn(stateDir).map((path) => ask(path, timeout)));
  return {
    agents: answers.flatMap((answer) => (answer === undefined || answer instanceof Error ? [] : [answer])),
    errors: answers.filter((answer) => answer instanceof Error),
  };
}

function socketsIn(stateDir: string): readonly string[] {
  try {
    return readdirSync(stateDir)
      .filter((name) => socketName.test(name))
      .map((name) => join(stateDir, name));
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return [];
    throw new Error(`cannot look for running agents in ${stateDir}`, { cause });
  }
}

async function ask(path: string, timeout: number): Promise<RunState | Error | undefined> {
  const socket = createConnection({ path, timeout });
  socket.on("timeout", () => socket.destroy(new Error(`it does not answer within ${timeout} ms`)));
  try {
    return runStateSchema.parse(JSON.parse(await text(socket)));
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    if (codeOf(cause) !== "ECONNREFUSED") return new Error(`cannot ask the agent behind ${path}`, { cause });
    rmSync(path, { force: true });
    return undefined;
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);
