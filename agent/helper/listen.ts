import type { Socket } from "node:net";
import type { ErrorCode, NotDone } from "../../dispatch/helper/answer.ts";
import { serveGroup, spawnOn } from "../../host/privileged-socket.ts";
import { errorText } from "../error-text.ts";
import type { Log } from "../log.ts";

interface ListenOptions {
  readonly path: string;
  readonly groupId: number;
  /** How the helper is started, and with which environment. */
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** As `overlaywatch-helper.socket` and `overlaywatch-helper@.service` have it. Milliseconds. */
const [mostAtOnce, burst, burstMs, killAfterMs, patienceMs] = [4, 60, 60_000, 60_000, 2000];

export interface Listening {
  /** Takes no more, and resolves when what was under way has ended. */
  readonly close: () => Promise<void>;
}

/** Starts a helper for each connection, as systemd would. Throws where it can not listen there. */
export async function listen({ path, groupId, argv, env, log }: ListenOptions): Promise<Listening> {
  const running = new Set<Promise<void>>();
  const started: number[] = [];
  const serve = (socket: Socket): void => {
    const now = performance.now();
    while ((started[0] ?? now) <= now - burstMs) started.shift();
    if (running.size >= mostAtOnce) return refuse(socket, `${mostAtOnce} requests are under way`, log);
    if (started.length >= burst) return refuse(socket, `${burst} requests came within a minute`, log);
    started.push(now);
    const work = spawnOn(socket, { argv, env, killAfterMs }).then(
      (how) => void (how.startsWith("killed") && log.error(`a helper was ended: ${how}`)),
      (error: unknown) => log.error(`the helper can not be started: ${errorText(error)}`),
    );
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  // More than may run: what is too much is told so.
  const server = await serveGroup(path, { groupId, maxConnections: 2 * mostAtOnce }, serve);
  return {
    close: async () => {
      await server.close();
      await Promise.all(running);
    },
  };
}

const busy: ErrorCode = 75;

function refuse(socket: Socket, why: string, log: Log): void {
  const answer: NotDone = { v: 1, error: { code: busy, message: `${why}: ask again later` } };
  log.warn(`a request was refused: ${why}`, why);
  // What it asks is read, to be thrown away: one whose request can not be written does not read the answer either.
  socket.resume().end(`${JSON.stringify(answer)}\n`);
  socket.setTimeout(patienceMs, () => socket.destroy());
}
