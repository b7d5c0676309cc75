import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, TLSSocket } from "node:tls";
import { askGateway } from "../../../dispatch/gateway/ask.ts";
import { until } from "../../../lab/process.ts";
import { type Certificate, certificate } from "./certificates.ts";
import { bodyOf, opened, token, useGateway } from "./use-gateway.ts";

interface Seen {
  readonly code: number;
  /** Subject of the gateway's certificate. */
  readonly name: string;
}

/** One valid request over TLS, as who trusts `trusted`, and shows `own`. */
function ask(url: string, trusted: string, event: number, own?: Certificate): Promise<Seen> {
  const body = bodyOf({ event: String(event) });
  const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/json",
    "Content-Length": body.length,
  };
  const shown = own === undefined ? {} : { cert: own.cert, key: own.key };
  return new Promise((resolve, reject) => {
    const asking = request(`${url}/webhook`, { method: "POST", headers, agent: false, ca: trusted, ...shown });
    asking.on("response", (response) => {
      const { socket } = response;
      assert.ok(socket instanceof TLSSocket);
      const name = socket.getPeerX509Certificate()?.subject ?? "";
      response.resume().on("end", () => resolve({ code: response.statusCode ?? 0, name }));
    });
    asking.on("error", reject).end(body);
  });
}

describe("dispatch/gateway: identification", function () {
  this.timeout(30_000);
  const gateway = useGateway();

  it("is replaced under load: no request fails, and new connections see the new certificate", async () => {
    const [first, second] = [certificate(gateway.folder(), "first"), certificate(gateway.folder(), "second")];
    await gateway.restart({}, { tls: first });
    const both = first.cert + second.cert;
    const seen: Seen[] = [];
    const load = new AbortController();
    let event = 0;
    const loaded = Promise.all(
      [1, 2, 3, 4].map(async () => {
        while (!load.signal.aborted) seen.push(await ask(gateway.url(), both, ++event));
      }),
    );
    await until(
      () => seen.length > 10 || undefined,
      10_000,
      () => new Error("no load"),
    );
    gateway.server().identify(second);
    const at = seen.length;
    await until(
      () => seen.length > at + 20 || undefined,
      10_000,
      () => new Error("no load"),
    );
    load.abort();
    await loaded;
    assert.deepEqual(new Set(seen.map(({ code }) => code)), new Set([202]));
    assert.equal(seen[0]?.name, "CN=first");
    assert.equal(seen.at(-1)?.name, "CN=second");
    assert.equal(gateway.worker().jobs.length, seen.length);
  });

  it("stays where the new one is no certificate, no key, or no pair", async () => {
    const [first, second] = [certificate(gateway.folder(), "first"), certificate(gateway.folder(), "second")];
    await gateway.restart({}, { tls: first });
    for (const bad of [
      { cert: first.cert, key: second.key },
      { cert: "", key: "" },
      { cert: first.cert.slice(0, 200), key: first.key },
      { cert: "hello", key: first.key },
      { ...second, ca: "no certificate" },
    ])
      assert.throws(() => gateway.server().identify(bad));
    assert.deepEqual(await ask(gateway.url(), first.cert, 1), { code: 202, name: "CN=first" });
  });

  it("of clients is asked for where there is a CA for it; others get no further than the handshake", async () => {
    const own = certificate(gateway.folder(), "gateway");
    const authority = certificate(gateway.folder(), "authority");
    const [client, stranger] = [
      certificate(gateway.folder(), "client", authority),
      certificate(gateway.folder(), "stranger"),
    ];
    await gateway.restart({}, { tls: { ...own, ca: authority.cert } });
    assert.equal((await ask(gateway.url(), own.cert, 1, client)).code, 202);
    await assert.rejects(ask(gateway.url(), own.cert, 2));
    await assert.rejects(ask(gateway.url(), own.cert, 3, stranger));
    assert.deepEqual(
      gateway.ends().map(({ ending }) => ending),
      ["accepted", "tls", "tls"],
    );
  });

  it("survives garbage, plain HTTP, old TLS and silence on its port", async () => {
    const own = certificate(gateway.folder(), "gateway");
    await gateway.restart({}, { tls: own });
    const { port } = new URL(gateway.url());
    await gateway.raw("\u0016\u0003\u0001\u00ff\u00ff garbage \r\n\r\n");
    await gateway.raw("POST /webhook HTTP/1.1\r\nHost: a\r\n\r\n");
    const old = connect({
      port: Number(port),
      ca: own.cert,
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1",
      ciphers: "ALL@SECLEVEL=0",
    });
    old.on("error", () => undefined);
    await new Promise((resolve) => old.on("close", resolve));
    await until(
      () => gateway.ends().length === 3 || undefined,
      5000,
      () => new Error(JSON.stringify(gateway.ends())),
    );
    assert.deepEqual(new Set(gateway.ends().map(({ ending }) => ending)), new Set(["tls"]));
    const began = performance.now();
    const silent = await opened(gateway.url());
    await once(silent.resume(), "close");
    assert.ok(performance.now() - began < 12_000);
    assert.equal((await ask(gateway.url(), own.cert, 1)).code, 202);
  });

  it("is pinned by who asks the own gateway: the token goes to nobody else", async () => {
    const [own, other] = [certificate(gateway.folder(), "gateway"), certificate(gateway.folder(), "other")];
    await gateway.restart({}, { tls: own });
    const question = { url: `${gateway.url()}/webhook`, token, body: bodyOf(), timeoutMs: 5000 };
    assert.equal((await askGateway({ ...question, pinned: own.cert })).code, 202);
    await assert.rejects(askGateway({ ...question, pinned: other.cert }), /another certificate/u);
    await assert.rejects(askGateway(question), /self-signed/u);
    await sleep(50);
    assert.deepEqual(
      gateway
        .ends()
        .filter(({ ending }) => ending !== "tls")
        .map(({ ending }) => ending),
      ["accepted"],
    );
    assert.notEqual(new X509Certificate(own.cert).fingerprint256, new X509Certificate(other.cert).fingerprint256);
  });
});
