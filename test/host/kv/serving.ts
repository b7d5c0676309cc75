import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:net";

/** `127.0.0.1:PORT` of a server that listens from now on. */
export async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `127.0.0.1:${address.port}`;
}
