import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../lab/process.ts";
import { says } from "../../accept/program.ts";
import { cli } from "../cli.ts";
import { useFleetWay } from "./use-fleet-way.ts";

describe("agent/webhook: the way to hosts of a fleet", function () {
  this.timeout(60_000);
  const { path, inFleet, env, openGateway, openWorker, page, server } = useFleetWay(["host-a", "host-b"]);

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
    await server().end("SIGKILL");
    await says(gateway, /the connection to the broker is lost/u);
    assert.equal((await page(gateway.url, "host-a")).code, 503);
    assert.equal(await health(), 503);
    await server().start();
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
    assert.doesNotMatch(said.join("\n"), /\bSU[A-Z2-7]{40,}|PRIVATE KEY/u);
  });
});
