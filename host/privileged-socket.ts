import { spawn } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { kill as signalTo } from "node:process";
import { NotAvailable } from "./host.ts";
import { find, fixedEnv } from "./iproute2/program.ts";
import { type LineServer, serveSocket } from "./line-socket.ts";

interface SocketOptions {
  /** Who may ask, beside root. */
  readonly groupId: number;
  readonly maxConnections: number;
}

/** A socket that one group may ask at, in a folder of root's, which is made where it is not there. Throws where others could put another in its place. */
export async function serveGroup(
  path: string,
  { groupId, maxConnections }: SocketOptions,
  serve: (socket: Socket) => void,
): Promise<LineServer> {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== 0 || (mode & 0o022) !== 0)
    throw new Error(`${folder} is not root's alone: others could put a socket of their own there`);
  // Only root may ask until the group is set.
  const server = await serveSocket(path, { mode: 0o600, maxConnections }, serve);
  chownSync(path, 0, groupId);
  chmodSync(path, 0o660);
  return server;
}

interface ProcessOptions {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** After so many milliseconds it is killed, with all that it started. */
  readonly killAfterMs: number;
}

/** Gives a connection, of which nothing was read, to a process of its own, as its stdin and stdout. Resolves to how it ended. */
export async function spawnOn(socket: Socket, { argv, env, killAfterMs }: ProcessOptions): Promise<string> {
  const [program, args] = confined(argv);
  const child = spawn(program, args, {
    // Of this program's own environment it gets nothing: NODE_OPTIONS would run code as root.
    env: { ...fixedEnv, ...env },
    cwd: "/",
    // A group of its own: what a terminal sends to this one does not reach what is under way.
    detached: true,
    stdio: [socket, socket, "inherit"],
  });
  const kill = (): void => killGroup(child.pid);
  const timer = setTimeout(kill, killAfterMs);
  try {
    return await new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `killed by ${signal}`));
      // The child has it now, and when it ends, so does the connection.
      child.once("spawn", () => socket.destroy());
    });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) signalTo(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

/** What `overlaywatch-helper@.service` takes away, as far as setpriv(1) of util-linux can; all of it stays where that is missing. */
function confined(argv: ProcessOptions["argv"]): readonly [string, readonly string[]] {
  const [program, ...args] = argv;
  try {
    return [find("setpriv"), [`--bounding-set=${bounding}`, "--inh-caps=-all", "--no-new-privs", "--", ...argv]];
  } catch (error) {
    if (error instanceof NotAvailable) return [program, args];
    throw error;
  }
}

const bounding = "-all,+sys_admin,+net_admin";
