import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ending } from "../../../dispatch/gateway/endings.ts";
import { until } from "../../../lab/process.ts";
import { bodyOf, headOf, opened, sample, token, useGateway } from "./use-gateway.ts";

const good = (event: string = sample.event) => {
  const body = bodyOf({ event });
  return headOf(Buffer.byteLength(body)) + body;
};

const statusesIn = (text: string): readonly number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/gu)].map(([, code]) => Number(code));

describe("dispatch/gateway: connections", function () {
  this.timeout(30_000);
  const gateway = useGateway();
  const endings = () => gateway.ends().map(({ ending }) => ending);

  describe("that carry no proper HTTP are answered, counted and closed, and the gateway goes on", () => {
    const chunked = headOf(0).replace(/Content-Length: 0\r\n/u, "Transfer-Encoding: chunked\r\n");
    const cases: Readonly<Record<string, readonly [string, number, Ending]>> = {
      garbage: ["\u0000\u0001\u0002\u0003 what\r\n\r\n", 400, "malformed"],
      "a TLS hello": [
        "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003" + "x".repeat(500),
        400,
        "malformed",
      ],
      "HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"],
      "a space in a header's name": [good().replace("Host:", "Ho st:"), 400, "malformed"],
      "a folded header": [good().replace("Host: gateway", "Host: gateway\r\n more"), 400, "malformed"],
      "a null in a header": [good().replace("gateway", "gate\u0000way"), 400, "malformed"],
      "length and chunks": [headOf(5, "Transfer-Encoding: chunked") + "0\r\n\r\n", 400, "malformed"],
      "two lengths": [headOf(5, "Content-Length: 6") + "12345", 400, "malformed"],
      "a length that is none": [good().replace(/Content-Length: \d+/u, "Content-Length: 5e1"), 400, "malformed"],
      "a negative length": [good().replace(/Content-Length: \d+/u, "Content-Length: -5"), 400, "malformed"],
      "chunks in another case and a trick": [
        chunked.replace("chunked", "chunked, identity") + "0\r\n\r\n",
        400,
        "malformed",
      ],
      "a bad chunk": [`${chunked}zz\r\n`, 400, "malformed"],
      "a chunk larger than any number": [`${chunked}ffffffffffffffffff\r\n`, 400, "malformed"],
      "lines that end in LF only": [good().replaceAll("\r\n", "\n"), 400, "malformed"],
      "8 KiB of headers": [
        `POST /webhook HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(9000)}\r\n\r\n`,
        431,
        "headers_too_large",
      ],
      "a very long address": [`POST /${"x".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431, "headers_too_large"],
      "many headers": [
        `POST /webhook HTTP/1.1\r\nHost: a\r\n${"X-Header: value\r\n".repeat(700)}\r\n`,
        431,
        "headers_too_large",
      ],
      "a tunnel": ["CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n", 405, "method"],
    };
    for (const [name, [bytes, code, ending]] of Object.entries(cases))
      it(`${code} ${ending}: ${name}`, async () => {
        assert.deepEqual(statusesIn(await gateway.raw(bytes)), [code]);
        assert.deepEqual(endings(), [ending]);
        assert.deepEqual(gateway.worker().jobs, []);
        assert.equal((await gateway.post()).code, 202);
      });
  });

  it("for a tunnel that are reset before they are answered harm nobody", async () => {
    for (let n = 0; n < 20; n++) {
      const socket = await opened(gateway.url());
      socket.on("error", () => undefined);
      socket.write("CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n");
      // Sooner and later, so that the answer meets the reset.
      await sleep(n % 4);
      socket.resetAndDestroy();
    }
    assert.equal((await gateway.post()).code, 202);
  });

  it("without a Host are refused", async () => {
    assert.deepEqual(statusesIn(await gateway.raw(good().replace("Host: gateway\r\n", ""))), [400]);
    assert.deepEqual(gateway.worker().jobs, []);
  });

  it("hide no second token behind thousands of other headers", async () => {
    const many = good().replace("Host: gateway", `Host: gateway${"\r\nX: y".repeat(2500)}`);
    assert.deepEqual(
      statusesIn(await gateway.raw(many.replace("\r\n\r\n", `\r\nAuthorization: Bearer x\r\n\r\n`))),
      [401],
    );
  });

  it("that stay open serve one request after the other, also when they are sent at once", async () => {
    const socket = await gateway.connect();
    const text = collect(socket);
    socket.write(good("1") + good("2") + good("3"));
    await until(
      () => statusesIn(text()).length === 3 || undefined,
      5000,
      () => new Error(text()),
    );
    assert.deepEqual(statusesIn(text()), [202, 202, 202]);
    assert.deepEqual(
      gateway.worker().jobs.map(({ alert }) => alert?.event),
      ["1", "2", "3"],
    );
    socket.destroy();
  });

  it("end with the first refusal: what was sent along behind it, with the right token or within its body, is not looked at", async () => {
    const wrong =
      "POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer x\r\nContent-Length: 0\r\n\r\n";
    assert.deepEqual(statusesIn(await gateway.raw(wrong + good())), [401]);
    const inside = wrong.replace("Content-Length: 0", `Content-Length: ${good().length}`) + good();
    assert.deepEqual(statusesIn(await gateway.raw(inside)), [401]);
    const garbled = `${headOf(4)}null${good()}`;
    assert.equal(statusesIn(await gateway.raw(garbled))[0], 400);
    await sleep(100);
    assert.deepEqual(endings(), ["token", "token", "body"]);
    assert.deepEqual(gateway.worker().jobs, []);
  });

  it("whose next request is garbage still get the answer to the one before", async () => {
    assert.deepEqual(statusesIn(await gateway.raw(`${good()}\u0000\u0001\r\n\r\n`)), [202]);
    assert.equal(gateway.worker().jobs.length, 1);
  });

  it("are asked for a body that waits only where the sender is let in", async () => {
    const body = bodyOf();
    const head = headOf(Buffer.byteLength(body), "Expect: 100-continue");
    const socket = await gateway.connect();
    const text = collect(socket);
    socket.write(head);
    await until(
      () => text().includes("100 Continue") || undefined,
      5000,
      () => new Error(text()),
    );
    assert.deepEqual(gateway.worker().jobs, []);
    socket.write(body);
    await until(
      () => statusesIn(text()).includes(202) || undefined,
      5000,
      () => new Error(text()),
    );
    socket.destroy();
    assert.deepEqual(statusesIn(await gateway.raw(head.replace(token, "x".repeat(40)))), [401]);
    assert.deepEqual(
      statusesIn(await gateway.raw(head.replace(/Content-Length: \d+/u, "Content-Length: 99999"))),
      [100, 413],
    );
  });

  it("that are cut within the body leave nothing: no job, no answer to nobody", async () => {
    for (const end of ["end", "resetAndDestroy"] as const) {
      const socket = await gateway.connect();
      socket.on("error", () => undefined);
      socket.write(headOf(500) + bodyOf().slice(0, 100));
      await sleep(50);
      socket[end]();
      if (end === "end") socket.resume();
      await once(socket, "close");
    }
    await until(
      () => endings().length >= 1 || undefined,
      5000,
      () => new Error("not counted"),
    );
    assert.deepEqual(new Set(endings()), new Set(["malformed"]));
    assert.deepEqual(gateway.worker().jobs, []);
    assert.equal((await gateway.post()).code, 202);
  });

  it("408 too_slow: headers that never end, a body that never ends, and no word at all, each within 13 s", async () => {
    const began = performance.now();
    const dripping = async (first: string): Promise<readonly [number, string]> => {
      const socket = await gateway.connect();
      const text = collect(socket);
      socket.on("error", () => undefined);
      if (first !== "") socket.write(first);
      const timer = setInterval(() => void (first !== "" && socket.writable && socket.write("x")), 500);
      await once(socket, "close");
      clearInterval(timer);
      return [Math.round(performance.now() - began), text()];
    };
    const all = await Promise.all([
      dripping("POST /webhook HTTP/1.1\r\nHost: a\r\nX-Slow: "),
      dripping(""),
      dripping(headOf(16_000)),
    ]);
    for (const [ms, text] of all) {
      assert.deepEqual(statusesIn(text), [408]);
      assert.ok(ms < 20_000, `${ms} ms`);
    }
    assert.deepEqual(endings(), ["too_slow", "too_slow", "too_slow"]);
    assert.deepEqual(gateway.worker().jobs, []);
  });

  it("above the most are closed at once, and free places are given again", async () => {
    await gateway.restart({}, { maxConnections: 3 });
    const held = await Promise.all([1, 2, 3].map(() => opened(gateway.url())));
    assert.equal(await gateway.raw(""), "");
    assert.deepEqual(endings(), ["connections"]);
    held[0]?.destroy();
    await sleep(100);
    assert.equal((await gateway.post()).code, 202);
    for (const socket of held) socket.destroy();
  });

  it("are finished at the end: who was let in gets the answer, who was not is cut", async () => {
    const [slow, idle] = [await gateway.connect(), await gateway.connect()];
    const text = collect(slow);
    const body = bodyOf();
    slow.write(headOf(Buffer.byteLength(body)) + body.slice(0, 50));
    idle.on("error", () => undefined);
    const cut = once(idle, "close");
    await sleep(100);
    const closing = gateway.server().close();
    await sleep(100);
    slow.write(body.slice(50));
    await closing;
    await cut;
    assert.deepEqual(statusesIn(text()), [202]);
    assert.equal(gateway.worker().jobs.length, 1);
    await gateway.restart();
  });
});

function collect(socket: Socket): () => string {
  const chunks: string[] = [];
  socket.setEncoding("latin1").on("data", (chunk: string) => chunks.push(chunk));
  return () => chunks.join("");
}
