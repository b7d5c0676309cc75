import assert from "node:assert/strict";
import { createServer } from "node:net";
import { knock } from "../../host/knock.ts";

describe("host/knock", () => {
  const { signal } = new AbortController();

  it("takes a connection and a refusal for an answer: somebody is at home", async () => {
    const server = createServer((socket) => void socket.destroy());
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    assert.equal(await knock("127.0.0.1", port, signal), "answered");
    server.close();
    assert.equal(await knock("127.0.0.1", port, signal), "answered");
  });

  it("takes an address that can not be reached for silent, and ends when it is told to", async () => {
    // Class E: the kernel sends nothing there.
    assert.equal(await knock("255.255.255.255", 7946, signal, 200), "silent");
    await assert.rejects(knock("127.0.0.1", 1, AbortSignal.abort(new Error("enough"))), /enough/);
  });
});
