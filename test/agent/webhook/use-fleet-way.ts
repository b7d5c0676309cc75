import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../../lab/process.ts";
import { endAll, here, type Program, says } from "../../accept/program.ts";
import { post, token } from "../../dispatch/gateway/use-gateway.ts";
import { natsServer, TestBroker } from "../../dispatch/nats/broker.ts";
import { HelperServer } from "../../dispatch/worker/helper-server.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";

type Settings = Readonly<Record<string, string>>;

/** In a `describe`: a fleet of its own for each test, with a real broker; gateway and workers are programs of their own. */
export function useFleetWay(hosts: readonly string[]) {
  const { path } = useFolder();
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

  const env = (more: Settings) => ({
    OVERLAYWATCH_BROKER_SERVERS: server.url,
    OVERLAYWATCH_BROKER_TIMEOUT: "2s",
    OVERLAYWATCH_SINKS_ENABLED: "console",
    ...more,
  });

  async function openGateway(more: Settings = {}): Promise<Program & { readonly url: string }> {
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
        ...more,
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

  async function openWorker(host: string, more: Settings = {}): Promise<Program & { readonly helper: HelperServer }> {
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
        ...more,
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

  return { path, inFleet, env, openGateway, openWorker, page, server: () => server };
}
