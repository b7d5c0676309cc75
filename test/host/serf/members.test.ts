import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { membersAsSeenBy, readStates } from "../../../host/serf/members.ts";

/** Of engine 20.10 with one other in its cluster, packed as it came. */
const answer = Buffer.from(
  "CYKkQWxnbwCjQnVm2gEJAA0MIqXkTRo3wko5eUOmzBwBrKrMKSNnCp0wdMowKeOmmQAwh0gFIUNGDilWH+AJWJXEzZgwctxgTPPGTQBSTcpcFPUPECknYdqUWUXmzZg1FNG8mUNHBikob+TQafZBQSmLGMsAGGVljhtTAQoIEFCAQMiRJU+mDMDSJUyZdGjaxKkzDE+fQIUSNYpUjlKmMZ5GnVr16sWMW7t+DTu2rABDqorY4UiHCZU0QgOYkkx5DjcBAICJHk26tOnTqFOrXs26tevXsGPLnk27tu3buHPr3s27t+/fsEtZxlxm5UYzdHK2EUNxDiRVUepQzDM8MyusdOrMqe5Q0N6jSZc2ZVsUvF/xMQAEBA==",
  "base64",
);

const both = [
  { name: "dockerhost1", address: "172.31.240.1", state: "alive" },
  { name: "dockerhost2", address: "172.31.240.2", state: "alive" },
];

const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);

describe("host/serf/members", () => {
  const { signal } = new AbortController();

  it("reads what an engine answers", () => {
    assert.deepEqual([...readStates(answer)].sort(byName), both);
  });

  it("reads it unpacked, in the words of newer writers, and takes a state that it does not know for dead", () => {
    const state = (of: number) =>
      Buffer.concat([
        Buffer.of(0x83),
        text("Name"),
        text("n"),
        text("Addr"),
        Buffer.of(0xc4, 4, 10, 0, 0, 7),
        text("State"),
        Buffer.of(of),
      ]);
    const head = Buffer.concat([Buffer.of(6, 0x81), text("Nodes"), Buffer.of(3)]);
    const members = readStates(Buffer.concat([head, state(1), state(2), state(3)]));
    assert.deepEqual(
      members.map(({ address, state: is }) => `${address} ${is}`),
      ["10.0.0.7 suspect", "10.0.0.7 dead", "10.0.0.7 dead"],
    );
  });

  it("does not take less than the whole for an answer, nor anything else", () => {
    for (let length = 0; length < answer.length - 2; length += 7)
      assert.throws(() => readStates(answer.subarray(0, length)));
    assert.throws(() => readStates(Buffer.from("HTTP/1.1 400 Bad Request\r\n")), /no list of members/);
    assert.throws(() => readStates(Buffer.of(10, 1, 2, 3)), /is gossip encrypted here/);
  });

  it("asks with an empty list of its own", async () => {
    const asked: Buffer[] = [];
    const answering = (socket: Socket) =>
      socket.on("data", (chunk: Buffer) => {
        asked.push(chunk);
        socket.end(answer);
      });
    await withServer(answering, async (port) => {
      const members = await membersAsSeenBy("127.0.0.1", signal, { port });
      assert.deepEqual([...members].sort(byName), both);
    });
    assert.equal(
      Buffer.concat(asked).toString("latin1"),
      "\u0006\u0083\u00a5Nodes\u0000\u00acUserStateLen\u0000\u00a4Join\u00c2",
    );
  });

  it("says who was asked where it is silent, where it hangs up and where nobody is", async () => {
    await withServer(
      () => undefined,
      async (port) =>
        assert.rejects(
          membersAsSeenBy("127.0.0.1", signal, { port, timeoutMs: 100 }),
          /at 127\.0\.0\.1:\d+ was asked.*not done after 100 ms|aborted/,
        ),
    );
    await withServer(
      (socket) => socket.destroy(),
      async (port) =>
        assert.rejects(membersAsSeenBy("127.0.0.1", signal, { port }), /was asked for its members and did not tell/),
    );
    await assert.rejects(membersAsSeenBy("127.0.0.1", signal, { port: 1 }), /ECONNREFUSED/);
    const ended = AbortSignal.abort(new Error("enough"));
    await assert.rejects(membersAsSeenBy("127.0.0.1", ended, { port: 1 }), /enough/);
  });
});

const text = (of: string) => Buffer.concat([Buffer.of(0xd9, of.length), Buffer.from(of)]);

async function withServer(on: (socket: Socket) => void, work: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    on(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    await work(typeof address === "object" && address !== null ? address.port : 0);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}
