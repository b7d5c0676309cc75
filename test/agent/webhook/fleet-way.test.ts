import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../lab/process.ts";
import { endAll, here, type Program, says } from "../../accept/program.ts";
import { post, token } from "../../dispatch/gateway/use-gateway.ts";
import { natsServer, TestBroker } from "../../dispatch/nats/broker.ts";
import { HelperServer } from "../../dispatch/worker/helper-server.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";

describe("agent/webhook: the way to hosts of a fleet", function () {
  this.timeout(60_000);
  const { path } = useFolder();
  const hosts = ["host-a", "host-b"] as const;
  const helpers = new Map<string, HelperServer>();
  let program = "";
  let server: TestBroker;

  before(async function () {
    program = await natsServer(this);
  });
  beforeEach(async () => {
    const dir = join(path(), "fleet");
    for (const args of [["init"], ...hosts.map((host) => ["enroll", host])])
      assert.equal((await cli(["fleet", ...args, "--dir", dir])).code, 0);
    server = new TestBroker(program, { fleet: readFileSync(join(dir, "fleet.conf"), "utf8") });
    await server.start();
    const provisioned = await cli(["fleet", "provision", "--dir", dir], {
      env: { OVERLAYWATCH_BROKER_SERVERS: server.url },
    });
    assert.equal(provisioned.code, 0, provisioned.err);
  });
  afterEach(async () => {
    endAll();
    await Promise.all([...helpers.values()].map(async (one) => one.close()));
    helpers.clear();
    await server.remove();
  });

  const inFleet = (name: string) => join(path(), "fleet", name);

  const env = (more: Readonly<Record<string, string>>) => ({
    OVERLAYWATCH_BROKER_SERVERS: server.url,
    OVERLAYWATCH_BROKER_TIMEOUT: "2s",
    OVERLAYWATCH_SINKS_ENABLED: "console",
    ...more,
  });

  async function openGateway(): Promise<Program & { readonly url: string }> {
    writeFileSync(join(path(), "token"), token);
    chmodSync(join(path(), "token"), 0o600);
    const gateway = here(
      ["webhook", "--json"],
      env({
        OVERLAYWATCH_WEBHOOK_LISTEN: "127.0.0.1:0",
        OVERLAYWATCH_WEBHOOK_TOKEN_FILES: join(path(), "token"),
        OVERLAYWATCH_WEBHOOK_MONITORS: "any",
        OVERLAYWATCH_WEBHOOK_ORGS: "any",
        OVERLAYWATCH_BROKER_SEED_FILE: inFleet("gateway.seed"),
        OVERLAYWATCH_BROKER_SIGNING_KEY_FILE: inFleet("gateway-signing.key"),
      }),
    );
    const url = await until(
      () => /"url":"([^"]+)\/webhook"/u.exec(gateway.out())?.[1],
      10_000,
      () => new Error(gateway.err()),
    );
    await says(gateway, /connected to the broker/u);
    return { ...gateway, url };
  }

  async function openWorker(host: string): Promise<Program & { readonly helper: HelperServer }> {
    const helper = new HelperServer(1);
    helpers.set(host, helper);
    const folder = join(path(), host);
    await helper.listen(join(folder, "helper/h.sock"));
    const worker = here(
      ["worker", "--mode", "auto"],
      env({
        OVERLAYWATCH_WORKER_HOSTNAME: host,
        OVERLAYWATCH_WORKER_JOBS_SOCKET: join(folder, "jobs.sock"),
        OVERLAYWATCH_WORKER_CONTROL_SOCKET: join(folder, "control.sock"),
        OVERLAYWATCH_WORKER_HELPER_SOCKET: join(folder, "helper/h.sock"),
        OVERLAYWATCH_PATHS_STATE_DIR: join(folder, "state"),
        OVERLAYWATCH_BROKER_SEED_FILE: inFleet(`hosts/${host}.seed`),
        OVERLAYWATCH_BROKER_GATEWAY_KEY_FILE: inFleet("gateway-signing.pub"),
      }),
    );
    await says(worker, /connected to the broker/u);
    return { ...worker, helper };
  }

  let events = 0;
  const page = async (url: string, host: string, changed: Readonly<Record<string, string>> = {}) => {
    const event = String(++events);
    const about = { host, scope: `host:${host}`, tags: `host:${host}`, event, date: String(Date.now()) };
    return post(url, { fields: { ...about, ...changed } });
  };

  it("a page comes to its host alone, by the broker, with one trace; its end comes back to the gateway", async () => {
    const gateway = await openGateway();
    const [one, two] = [await openWorker("host-a"), await openWorker("host-b")];
    const { code, body } = await page(gateway.url, "host-a");
    assert.equal(code, 202);
    const trace = String(body["trace"]);
    assert.match(trace, /^[0-9a-f]{32}$/u);
    await until(
      () => one.helper.asked.some((asked) => asked.trace === trace) || undefined,
      10_000,
      () => new Error(one.err()),
    );
    await says(gateway, /job [0-9a-f]{12}: taken: /u);
    assert.ok(!two.helper.asked.some((asked) => asked.trace === trace));
    assert.ok(one.err().includes(trace));
  });

  it("a host that is not enrolled is answered 422; a broker that is away 503, and nothing is lost", async () => {
    const gateway = await openGateway();
    assert.equal((await page(gateway.url, "host-c")).code, 422);
    const health = async () => (await fetch(`${gateway.url}/healthz`)).status;
    assert.equal(await health(), 200);
    await server.end("SIGKILL");
    await says(gateway, /the connection to the broker is lost/u);
    assert.equal((await page(gateway.url, "host-a")).code, 503);
    assert.equal(await health(), 503);
    await server.start();
    await until(
      async () => ((await health()) === 200 ? true : undefined),
      10_000,
      () => new Error(gateway.err()),
    );
    assert.equal((await page(gateway.url, "host-a")).code, 202);
    const worker = await openWorker("host-a");
    await until(
      () => worker.helper.asked.some(({ verb }) => verb !== "hello") || undefined,
      10_000,
      () => new Error(worker.err()),
    );
  });

  it("a third page for a host within the window is answered as too many, by the broker's own cap", async () => {
    const gateway = await openGateway();
    const codes = [];
    for (let n = 0; n < 3; n++) codes.push((await page(gateway.url, "host-a")).body);
    assert.deepEqual(
      codes.map((body) => body["status"]),
      ["accepted", "accepted", "rate_limited"],
    );
  });

  it("no seed and no key is in what either says, also where files are wrong", async () => {
    const gateway = await openGateway();
    const worker = await openWorker("host-a");
    await page(gateway.url, "host-a");
    await sleep(500);
    const wrong = [
      ["OVERLAYWATCH_BROKER_SEED_FILE", ""],
      ["OVERLAYWATCH_BROKER_SEED_FILE", "/nowhere/seed"],
      ["OVERLAYWATCH_BROKER_SIGNING_KEY_FILE", inFleet("gateway.seed")],
      ["OVERLAYWATCH_BROKER_CERT_FILE", inFleet("gateway-signing.pub")],
    ] as const;
    const said = [gateway.err() + gateway.out() + worker.err() + worker.out()];
    for (const [name, value] of wrong) {
      const good = {
        OVERLAYWATCH_WEBHOOK_TOKEN_FILES: join(path(), "token"),
        OVERLAYWATCH_WEBHOOK_MONITORS: "any",
        OVERLAYWATCH_WEBHOOK_ORGS: "any",
        OVERLAYWATCH_BROKER_SEED_FILE: inFleet("gateway.seed"),
        OVERLAYWATCH_BROKER_SIGNING_KEY_FILE: inFleet("gateway-signing.key"),
      };
      const { code, err } = await cli(["webhook"], { env: env({ ...good, [name]: value }) });
      assert.equal(code, 78, err);
      assert.match(
        err,
        new RegExp(name === "OVERLAYWATCH_BROKER_CERT_FILE" ? "broker: cert_file" : `broker\\.\\w+_file`, "u"),
      );
      said.push(err);
    }
    assert.doesNotMatch(said.join("\n"), /SU[A-Z2-7]{40,}|PRIVATE KEY/u);
  });
});
