import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { serverConfig } from "../../../dispatch/nats/server-config.ts";
import { certificate, type Certificate } from "../gateway/certificates.ts";
import { natsServer, TestBroker } from "./broker.ts";
import { keyOf, makeFleet, optionsOf } from "./fleet.ts";

const a = "a.example.com";

const pair = ({ cert, key }: Certificate) => ({ cert, key });

describe("dispatch/nats: TLS", () => {
  const fleet = makeFleet([a]);
  const folder = mkdtempSync(join(tmpdir(), "ow-nats-tls-"));
  let server: TestBroker;
  let [authority, client, stranger]: Certificate[] = [];

  before(async function () {
    const program = await natsServer(this);
    authority = certificate(folder, "authority");
    const own = certificate(folder, "server", authority);
    client = certificate(folder, "client", authority);
    stranger = certificate(folder, "stranger");
    const tls = `tls { cert_file: "${own.certFile}", key_file: "${own.keyFile}", ca_file: "${authority.certFile}", verify: true, timeout: 5 }`;
    server = new TestBroker(program, { fleet: serverConfig(fleet.registry), more: tls });
    await server.start();
  });

  after(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const attempt = async (
    scheme: "tls" | "nats",
    more: { ca?: string; cert?: string; key?: string },
    seed = fleet.seeds.of(a),
  ) => {
    const options = { ...optionsOf(`${scheme}://${server.address}`, seed, keyOf(a)), ...more };
    try {
      const connection = await connectOnce(options);
      await connection.close();
      return "in";
    } catch (error) {
      return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    }
  };

  it("lets in who has a certificate of its authority, and a key that is enrolled", async () => {
    assert.equal(await attempt("tls", { ca: authority!.cert, ...pair(client!) }), "in");
  });

  it("lets nobody in with another's certificate, or none", async () => {
    assert.notEqual(await attempt("tls", { ca: authority!.cert, ...pair(stranger!) }), "in");
    assert.notEqual(await attempt("tls", { ca: authority!.cert }), "in");
  });

  it("lets nobody in with a certificate alone", async () => {
    const nobody = makeFleet([a]).seeds.of(a);
    assert.match(await attempt("tls", { ca: authority!.cert, ...pair(client!) }, nobody), /Authorization/u);
  });

  it("is broken off by a client that does not know the server's authority", async () => {
    assert.match(await attempt("tls", pair(client!)), /certificate|self-signed|verify/iu);
    assert.match(await attempt("tls", { ca: stranger!.cert, ...pair(client!) }), /certificate|self-signed|verify/iu);
  });

  it("is broken off by a client that wants TLS of a server without it", async function () {
    const plain = new TestBroker(await natsServer(this), { fleet: serverConfig(fleet.registry) });
    try {
      await plain.start();
      const options = optionsOf(`tls://${plain.address}`, fleet.seeds.of(a), keyOf(a));
      await assert.rejects(connectOnce(options), (error: Error) => /tls/iu.test(String(error.cause)));
    } finally {
      await plain.remove();
    }
  });
});
