import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, chmodSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "node:net";
import { askLine, oneLine, serveSocket } from "../../host/line-socket.ts";

const echo = (socket: Socket): void =>
  void oneLine(socket, 64).then(
    (line) => socket.end(`got ${line}\n`),
    (error: unknown) => socket.end(`${String(error)}\n`),
  );

const because = (text: RegExp) => (error: Error) => text.test(String(error.cause));

describe("host/line-socket", () => {
  let dir: string;
  const limits = { timeoutMs: 300, maxBytes: 64 };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "overlaywatch-lines-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const answering = async (serve: (socket: Socket) => void) =>
    serveSocket(join(dir, "s"), { mode: 0o600, maxConnections: 4 }, serve);

  it("carries one line each way, at a socket of that mode that goes at the close", async () => {
    const server = await answering(echo);
    assert.equal(await askLine(join(dir, "s"), "ä line", limits), "got ä line");
    assert.equal(statSync(join(dir, "s")).mode & 0o777, 0o600);
    await server.close();
    assert.equal(existsSync(join(dir, "s")), false);
  });

  it("refuses a line that is too long, of either side", async () => {
    const server = await answering(echo);
    assert.match(await askLine(join(dir, "s"), "x".repeat(64), limits), /more than 64 bytes/u);
    await server.close();
    const other = await answering((socket) => socket.resume().end("y".repeat(100)));
    await assert.rejects(askLine(join(dir, "s"), "?", limits), ({ cause }: Error) =>
      /more than 64/u.test(String(cause)),
    );
    await other.close();
  });

  it("says that there was no answer: nobody, silence, or half a line", async () => {
    await assert.rejects(askLine(join(dir, "s"), "?", limits), because(/ENOENT/u));
    const silent = await answering((socket) => void setTimeout(() => socket.destroy(), 500));
    await assert.rejects(askLine(join(dir, "s"), "?", limits), because(/not answered within 300 ms/u));
    await silent.close();
    const half = await answering((socket) => socket.resume().end("half"));
    await assert.rejects(askLine(join(dir, "s"), "?", limits), because(/before a whole line/u));
    await half.close();
  });

  it("trusts no socket of another user, and none where others may write", async () => {
    const server = await answering(echo);
    const { uid } = statSync(dir);
    const ask = async (owner: number) => askLine(join(dir, "s"), "?", { ...limits, owner });
    assert.equal(await ask(uid), "got ?");
    await assert.rejects(ask(uid + 1), /not trusted/u);
    chmodSync(dir, 0o777);
    await assert.rejects(ask(uid), /not trusted/u);
    await server.close();
    chmodSync(dir, 0o700);
    writeFileSync(join(dir, "s"), "");
    await assert.rejects(ask(uid), /no socket/u);
  });

  it("takes the place of a dead one, never of one that is alive", async () => {
    writeFileSync(join(dir, "s"), "");
    const server = await answering(echo);
    await assert.rejects(answering(echo), /listens at .* already/u);
    assert.equal(await askLine(join(dir, "s"), "still", limits), "got still");
    await server.close();
  });
});
