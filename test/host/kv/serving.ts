import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server as HttpServer } from "node:http";
import type { Server } from "node:net";

/** `127.0.0.1:PORT` of a server that listens from now on. */
export async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `127.0.0.1:${address.port}`;
}

interface Servers {
  /** Paths that they were asked for in this test. */
  readonly asked: string[];
  /** Starts one; gives `HOST:PORT`. */
  readonly serving: (answer: RequestListener) => Promise<string>;
}

/** In a `describe`: HTTP servers that end with each test. */
export function useServers(): Servers {
  const servers: HttpServer[] = [];
  const asked: string[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    asked.length = 0;
  });
  const serving = async (answer: RequestListener): Promise<string> => {
    const server = createServer((request, response) => {
      asked.push(decodeURIComponent(request.url ?? ""));
      answer(request, response);
    });
    servers.push(server);
    return listening(server);
  };
  return { asked, serving };
}
