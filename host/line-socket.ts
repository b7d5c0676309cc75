import { once } from "node:events";
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { dirname } from "node:path";

interface AskOptions {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Whose the socket and its folder must be; whoever it is unless told. A folder that others may write in is refused too. */
  readonly owner?: number;
}

/**
 * Sends one line to who listens at that path, and gives the one line that is answered. Throws an Error that says why
 * there was no such answer; whether the line was read is then unknown.
 */
export async function askLine(path: string, line: string, { timeoutMs, maxBytes, owner }: AskOptions): Promise<string> {
  if (owner !== undefined) refuseStranger(path, owner);
  const socket = createConnection({ path });
  const timer = setTimeout(
    () => socket.destroy(new Error(`${path} has not answered within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    socket.write(`${line}\n`);
    return await oneLine(socket, maxBytes);
  } catch (cause) {
    throw new Error(`cannot ask at ${path}`, { cause });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Bytes to their first newline, as UTF-8. Throws where there are more than `maxBytes`, or the other end stops before it. */
export async function oneLine(socket: Socket, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    socket.on("data", (chunk: Buffer) => {
      const end = chunk.indexOf(0x0a);
      const part = end === -1 ? chunk : chunk.subarray(0, end);
      chunks.push(part);
      bytes += part.length;
      const isTooLong = end === -1 ? bytes > maxBytes : bytes >= maxBytes;
      if (isTooLong) reject(new Error(`more than ${maxBytes} bytes in one line`));
      else if (end !== -1) settle(() => resolve(utf8.decode(Buffer.concat(chunks))), reject);
      if (isTooLong || end !== -1) socket.removeAllListeners("data").pause();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("it ended before a whole line")));
    socket.on("end", () => reject(new Error("it ended before a whole line")));
    socket.resume();
  });
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function settle(resolve: () => void, reject: (error: unknown) => void): void {
  try {
    resolve();
  } catch (error) {
    reject(error);
  }
}

/** Makes the folder of a socket where it is missing, for this user to write in alone. */
export function socketFolder(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
}

interface ServeOptions {
  /** Of the socket's file, such as 0o660. */
  readonly mode: number;
  readonly maxConnections: number;
}

export interface LineServer {
  /** Takes no more; connections that are open go on. */
  readonly close: () => Promise<void>;
}

/**
 * Listens at a path, in a folder that is there. A file that a dead one left is put away; one that somebody answers
 * behind is left alone, and it throws.
 */
export async function serveSocket(
  path: string,
  { mode, maxConnections }: ServeOptions,
  serve: (socket: Socket) => void,
): Promise<LineServer> {
  if (await answers(path)) throw new Error(`somebody listens at ${path} already`);
  rmSync(path, { force: true });
  // Paused, so that it can be given to another process with nothing read of it.
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    serve(socket);
  });
  server.maxConnections = maxConnections;
  server.listen(path);
  await once(server, "listening");
  chmodSync(path, mode);
  return {
    close: async () => {
      const closed = once(server, "close");
      server.close();
      rmSync(path, { force: true });
      await closed;
    },
  };
}

/** Whether somebody takes connections there, within a second. */
export async function answers(path: string): Promise<boolean> {
  const socket = createConnection({ path });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(1000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** unix(7): who may write in the folder may put another socket in the place of this one. */
function refuseStranger(path: string, owner: number): void {
  const [socket, folder] = [lstatSync(path), lstatSync(dirname(path))];
  if (!socket.isSocket()) throw new Error(`${path} is no socket`);
  const isSafe = socket.uid === owner && folder.uid === owner && (folder.mode & 0o022) === 0;
  if (!isSafe) throw new Error(`${path} or its folder is another user's, or others may write there: it is not trusted`);
}
