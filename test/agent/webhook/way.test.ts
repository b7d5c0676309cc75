import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { askWorker } from "../../../agent/worker-socket.ts";
import { webhookOf } from "../../../monitors/webhook.ts";
import { until } from "../../../lab/process.ts";
import { isTransition } from "../../../standin/trigger.ts";
import { type Standin, startStandin } from "../../../standin/standin.ts";
import { liveClock } from "../../../host/clock.ts";
import { endAll, here, type Program, says } from "../../accept/program.ts";
import { certificate } from "../../dispatch/gateway/certificates.ts";
import { startLineWorker } from "../../dispatch/gateway/line-worker.ts";
import { token } from "../../dispatch/gateway/use-gateway.ts";
import { HelperServer } from "../../dispatch/worker/helper-server.ts";
import { useFolder } from "../folder.ts";

const testJson = z.object({
  host: z.string(),
  code: z.number().nullable(),
  job: z.object({ state: z.string(), trace: z.string() }).nullable(),
  ok: z.boolean(),
  advice: z.string(),
});

describe("agent/webhook: the way to the host", function () {
  this.timeout(60_000);
  const { path, file } = useFolder();
  const helper = new HelperServer();
  let gateway: Program | undefined;
  afterEach(async () => {
    endAll();
    await helper.close();
    gateway = undefined;
  });

  const env = (changed: Readonly<Record<string, string>> = {}) => {
    const tokenFile = file("token", token);
    chmodSync(tokenFile, 0o600);
    return {
      OVERLAYWATCH_WEBHOOK_LISTEN: "127.0.0.1:0",
      OVERLAYWATCH_WEBHOOK_TOKEN_FILES: tokenFile,
      OVERLAYWATCH_WEBHOOK_MONITORS: "any",
      OVERLAYWATCH_WEBHOOK_ORGS: "any",
      OVERLAYWATCH_WORKER_HOSTNAME: "host-a",
      OVERLAYWATCH_WORKER_JOBS_SOCKET: join(path(), "jobs.sock"),
      OVERLAYWATCH_WORKER_CONTROL_SOCKET: join(path(), "control.sock"),
      OVERLAYWATCH_WORKER_HELPER_SOCKET: join(path(), "helper/h.sock"),
      OVERLAYWATCH_PATHS_STATE_DIR: path(),
      OVERLAYWATCH_SINKS_ENABLED: "none",
      ...changed,
    };
  };
  const openGateway = async (changed: Readonly<Record<string, string>> = {}): Promise<string> => {
    const program = here(["webhook", "--json"], env(changed));
    gateway = program;
    return until(
      () => /"url":"([^"]+)"/u.exec(program.out())?.[1],
      10_000,
      () => new Error(program.err()),
    );
  };
  const openWorker = async (): Promise<void> => {
    await helper.listen(join(path(), "helper/h.sock"));
    const program = here(["worker"], env());
    const control = join(path(), "control.sock");
    await until(
      () =>
        askWorker(control, { v: 1, ask: "status" }).then(
          ({ proved }) => proved === null || undefined,
          () => undefined,
        ),
      10_000,
      () => new Error(program.err()),
    );
  };
  const test = async (url: string, changed: Readonly<Record<string, string>> = {}) => {
    const program = here(["webhook", "test", "--json", ...(url === "" ? [] : ["--url", url])], env(changed));
    const code = await program.ended;
    if (program.out() === "") throw new Error(program.err());
    const told = testJson.parse(JSON.parse(program.out()));
    assert.equal(code, told.ok ? 0 : 1);
    return told;
  };

  it("is shown whole by `webhook test`: accepted, followed to its end at the worker, and proved by it", async () => {
    await openWorker();
    const url = await openGateway();
    const { ok, code, job, host, advice } = await test(url);
    assert.deepEqual(
      { ok, code, state: job?.state, host, advice },
      { ok: true, code: 202, state: "healthy", host: "host-a", advice: "" },
    );
    assert.deepEqual(
      helper.asked.filter(({ trace }) => trace === job?.trace).map(({ verb }) => verb),
      ["look"],
    );
    if (gateway !== undefined)
      await says(gateway, new RegExp(`accepted, job [0-9a-f]{64} \\(trace ${job?.trace}\\)`, "u"));
    const { proved } = await askWorker(join(path(), "control.sock"), { v: 1, ask: "status" });
    assert.ok(proved !== null && Date.now() - proved < 60_000, "the worker takes it as a proof");
    const page = here(["webhook", "test", "--url", url], env());
    assert.equal(await page.ended, 0);
    assert.match(
      page.out(),
      /answered: 202 .*\nthe worker: healthy: .*\nThe way from the gateway to this host works\.\n/u,
    );
  });

  it("says where it is broken, and what to do", async () => {
    const url = await openGateway();
    const other = file("other", "another-token-of-at-least-32-characters");
    chmodSync(other, 0o600);
    const cases: readonly (readonly [string, Readonly<Record<string, string>>, number | null, RegExp])[] = [
      [url, {}, 503, /start `overlaywatch worker`/u],
      [url, { OVERLAYWATCH_WEBHOOK_TOKEN_FILES: other }, 401, /token_files/u],
      [url, { OVERLAYWATCH_WORKER_HOSTNAME: "host-b" }, 422, /webhook\.hosts/u],
      [`${url}x`, {}, 404, /webhook\.path/u],
      ["http://127.0.0.1:1/webhook", {}, null, /start `overlaywatch webhook`/u],
    ];
    for (const [to, changed, code, advice] of cases) {
      const told = await test(to, changed);
      assert.deepEqual([told.code, told.ok], [code, false], to);
      assert.match(told.advice, advice);
    }
  });

  it("goes over TLS to the own certificate, and to no other", async () => {
    const lines = await startLineWorker(path());
    const [own, other] = [certificate(path(), "own"), certificate(path(), "other")];
    const tls = (one: typeof own) => ({
      OVERLAYWATCH_WEBHOOK_TLS_CERT_FILE: one.certFile,
      OVERLAYWATCH_WEBHOOK_TLS_KEY_FILE: one.keyFile,
    });
    const { host } = new URL(await openGateway(tls(own)));
    const [good, bad] = [
      await test("", { ...tls(own), OVERLAYWATCH_WEBHOOK_LISTEN: host }),
      await test("", { ...tls(other), OVERLAYWATCH_WEBHOOK_LISTEN: host }),
    ];
    assert.deepEqual([good.ok, good.code], [true, 202]);
    assert.match(good.advice, /can not be asked/u);
    assert.deepEqual([bad.ok, bad.code], [false, null]);
    assert.match(bad.advice, /another certificate/u);
    assert.equal(lines.jobs.length, 1);
    await lines.close();
  });

  describe("from Datadog's stand-in, with the shipped webhook", () => {
    let standin: Standin | undefined;
    beforeEach(async () => {
      standin = await startStandin({
        clock: liveClock,
        onProblem: (error) => assert.fail(String(error)),
        deliveryPause: 100,
      });
    });
    afterEach(() => standin?.close());

    const call = async (method: string, at: string, body: unknown): Promise<string> => {
      assert.ok(standin);
      const [{ apiKey, appKey } = { apiKey: "", appKey: "" }] = standin.organisations;
      const answer = await fetch(`${standin.url}${at}`, {
        method,
        headers: { "DD-API-KEY": apiKey, "DD-APPLICATION-KEY": appKey },
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      assert.ok(answer.ok, text);
      return text;
    };
    const monitor = async (url: string): Promise<number> => {
      const configuration = "/api/v1/integration/webhooks/configuration";
      const variable = { name: "OVERLAYWATCH_WEBHOOK_TOKEN", value: token, is_secret: true };
      await call("POST", `${configuration}/custom-variables`, variable);
      await call("POST", `${configuration}/webhooks`, webhookOf(url).body);
      const made = await call("POST", "/api/v1/monitor", {
        name: "Frames take the wrong way",
        type: "query alert",
        query: "max(last_5m):max:overlaywatch.fdb.misplaced{*} by {host,docker_network} > 0",
        message: 'It said: "no".\n@webhook-overlaywatch',
        options: { thresholds: { critical: 0 } },
      });
      return z.looseObject({ id: z.number() }).parse(JSON.parse(made)).id;
    };
    const sent = async (id: number, transition: string, scope: string): Promise<number | string | undefined> => {
      assert.ok(standin && isTransition(transition));
      standin.trigger(id, { host: "host-a", transition, scope });
      await standin.settled();
      return standin.deliveries().at(-1)?.outcome;
    };

    it("Triggered and Re-Triggered are two jobs, Recovered takes them back, the rest is noted; an outage of the worker is mended by Datadog's next try", async () => {
      const scope = "docker_network:web,host:host-a";
      const url = await openGateway();
      const id = await monitor(url);
      assert.ok(standin);
      standin.trigger(id, { host: "host-a", transition: "Triggered", scope });
      const first = standin;
      await until(
        () => first.deliveries().length > 1 || undefined,
        10_000,
        () => new Error("no second try"),
      );
      assert.deepEqual(first.deliveries()[0]?.outcome, 503);
      const lines = await startLineWorker(path());
      await first.settled();
      assert.equal(first.deliveries().at(-1)?.outcome, 202);
      assert.deepEqual(
        [await sent(id, "Re-Triggered", scope), await sent(id, "No Data", scope), await sent(id, "Warn", scope)],
        [202, 202, 202],
      );
      assert.equal(await sent(id, "Recovered", scope), 202);
      assert.deepEqual(
        lines.jobs.map(({ host, alert }) => [host, alert?.transition, alert?.monitor]),
        [
          ["host-a", "Triggered", String(id)],
          ["host-a", "Re-Triggered", String(id)],
        ],
      );
      assert.deepEqual(
        lines.withdrawals.map(({ host, cycle }) => [host, cycle]),
        [["host-a", lines.jobs[0]?.alert?.cycle]],
      );
      assert.equal(await sent(id, "Triggered", "host:host-a,host:host-b"), 422);
      assert.equal(await sent(id, "Triggered", "docker_network:web"), 422);
      assert.equal(lines.jobs.length, 2);
      await lines.close();
    });
  });
});
