import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectOnce } from "../../../dispatch/nats/connection.ts";
import { fleetStream } from "../../../dispatch/nats/subjects.ts";
import { until } from "../../../lab/process.ts";
import { fleetPause } from "../../../overlay/remedy/limits.ts";
import { type Program, says } from "../../accept/program.ts";
import { optionsOf } from "../../dispatch/nats/fleet.ts";
import type { HelperServer } from "../../dispatch/worker/helper-server.ts";
import { cli } from "../cli.ts";
import { useFleetWay } from "./use-fleet-way.ts";

const holds = ({ limits }: HelperServer): boolean => fleetPause(limits, Date.now()) !== undefined;
const comes = async (what: string, is: () => boolean, program: Program) =>
  until(
    () => is() || undefined,
    15_000,
    () => new Error(`${what}: ${program.err()}`),
  );
const events = (program: Program, what: RegExp): number => program.out().match(new RegExp(what, "gu"))?.length ?? 0;

describe("agent/webhook: a fleet that is paused", function () {
  this.timeout(60_000);
  const { path, inFleet, env, openGateway, openWorker, page, server } = useFleetWay(["host-a", "host-b"]);

  const ofGateway = () => ({
    OVERLAYWATCH_BROKER_SEED_FILE: inFleet("gateway.seed"),
    OVERLAYWATCH_BROKER_SIGNING_KEY_FILE: inFleet("gateway-signing.key"),
  });
  const pause = async (...args: readonly string[]) =>
    cli(["pause", "--fleet", ...args, "--state-dir", join(path(), "none")], { env: env(ofGateway()) });
  const dropStream = async (): Promise<void> => {
    const seed = readFileSync(inFleet("admin.seed"), "utf8").trim();
    const admin = await connectOnce(optionsOf(server().url, seed, "admin"));
    await (await jetstreamManager(admin, { checkAPI: false })).streams.delete(fleetStream);
    await admin.close();
  };

  it("answers pages `paused` with the reason, its hosts heal nothing, and all go on when a person lifts it", async () => {
    const gateway = await openGateway();
    const [one, two] = [await openWorker("host-a"), await openWorker("host-b")];
    assert.deepEqual(await pause(), { code: 0, out: "The fleet is not paused.\n", err: "" });
    const paused = await pause("--for", "1h", "--reason", "switch replaced");
    assert.match(
      paused.out,
      /^The whole fleet is paused until \S+: switch replaced\n2 of 2 hosts have taken it: host-a, host-b\n$/u,
    );
    assert.equal(paused.code, 0, paused.err);
    assert.ok(holds(one.helper) && holds(two.helper));
    await says(
      gateway,
      /WARN the whole fleet is paused until \S+: switch replaced; `overlaywatch pause --fleet --off`/u,
    );
    const { code, body } = await page(gateway.url, "host-a");
    assert.deepEqual([code, body["status"]], [202, "paused"]);
    assert.match(String(body["reason"]), /^the whole fleet is paused until \S+: switch replaced; /u);
    assert.deepEqual(await (await fetch(`${gateway.url}/healthz`)).json(), { status: "ok", reason: "paused" });
    assert.match((await pause()).out, /^The whole fleet is paused until \S+: switch replaced\n$/u);
    assert.ok(![one, two].some(({ helper }) => helper.asked.some(({ verb }) => verb === "look" || verb === "heal")));
    const sample = await cli(["webhook", "test", "--url", `${gateway.url}/webhook`], {
      env: env({
        OVERLAYWATCH_WEBHOOK_TOKEN_FILES: join(path(), "token"),
        OVERLAYWATCH_WORKER_HOSTNAME: "host-a",
        OVERLAYWATCH_WORKER_CONTROL_SOCKET: join(path(), "host-a/control.sock"),
      }),
    });
    assert.deepEqual([sample.code, /"reason":"the whole fleet/u.test(sample.out)], [1, true], sample.out + sample.err);
    assert.match(
      sample.out,
      /^the whole fleet is paused: `overlaywatch pause --fleet` on the gateway's machine says why$/mu,
    );
    const lifted = await pause("--off");
    assert.equal(lifted.code, 0, lifted.err);
    assert.match(lifted.out, /^The fleet is not paused\.\n2 of 2 hosts have taken it/u);
    assert.ok(!holds(one.helper) && !holds(two.helper));
    await says(gateway, /the fleet is not paused any more: pages are handed over again/u);
    assert.equal((await page(gateway.url, "host-a")).body["status"], "accepted");
    await comes("it is done", () => one.helper.asked.some(({ verb }) => verb === "look"), one);
  });

  it("reaches a host that was away when it is back, and its own trigger's jobs end refused with the reason", async () => {
    await openGateway();
    const one = await openWorker("host-a");
    const paused = await pause("--for", "1h", "--reason", "storm", "--json");
    assert.equal(paused.code, 1, paused.err);
    const said: unknown = JSON.parse(paused.out);
    assert.match(JSON.stringify(said), /"host":"host-b","trouble":"it is not connected to the broker"/u);
    const two = await openWorker("host-b");
    await comes("it is told", () => holds(two.helper), two);
    assert.ok(holds(one.helper));
    const { localHandOver } = await import("../../../dispatch/local/hand-over.ts");
    const handOver = localHandOver(join(path(), "host-b/jobs.sock"));
    const at = Date.now();
    const [id, trace] = ["a".repeat(64), "b".repeat(32)];
    const job = { v: 1, id, trace, host: "host-b", at, notAfter: at + 60_000 } as const;
    assert.equal((await handOver.offer(job)).answer, "accepted");
    await says(two, /job aaaaaaaaaaaa, trace b+: refused: .*pause: the whole fleet is paused until \S+: storm/u);
    assert.match(two.out(), /overlay remedy: refused/u, "people are told");
    await pause("--off");
    assert.ok(!holds(two.helper));
  });

  it("holds on a host that was away before the job that waits for it is begun", async () => {
    const gateway = await openGateway();
    assert.equal((await page(gateway.url, "host-b")).body["status"], "accepted");
    assert.equal((await pause("--for", "1h", "--reason", "storm")).code, 1);
    const { helper, ...two } = await openWorker("host-b");
    await says(two, /: refused: .*pause: the whole fleet is paused until \S+: storm/u);
    assert.deepEqual(
      helper.asked.map(({ verb }) => verb).filter((verb) => verb !== "hello"),
      ["pause", "look"],
    );
  });

  it("is not lifted by a gateway that was started anew and a broker that knows nothing of it", async () => {
    const gateway = await openGateway();
    const { helper } = await openWorker("host-a");
    await pause("--for", "1h", "--reason", "storm");
    await gateway.stop();
    await dropStream();
    const url = { OVERLAYWATCH_BROKER_SERVERS: server().url };
    assert.equal((await cli(["fleet", "provision", "--dir", inFleet("")], { env: url })).code, 0);
    const again = await openGateway();
    const { helper: late } = await openWorker("host-b");
    await sleep(3000);
    assert.ok(holds(helper));
    assert.ok(![helper, late].some(({ asked }) => asked.some(({ verb }) => verb === "resume")));
    assert.doesNotMatch(again.err(), /not paused any more/u);
  });

  it("can be told, and how a host stands be asked, without end: its helper is asked at a pace", async () => {
    const { helper } = await openWorker("host-a");
    for (let n = 0; n < 12; n++) {
      const status = await cli(["fleet", "status"], { env: env(ofGateway()) });
      assert.match(status.out, /^host-a /mu);
      await pause("--off");
    }
    const count = (verb: string) => helper.asked.filter((one) => one.verb === verb).length;
    assert.ok(count("hello") <= 3, `asked ${count("hello")} times`);
    assert.equal(count("resume"), 1, "it was kept already");
  });

  it("is opened by the breaker when too many hosts page, once, told to people, kept over a restart, and lifted by a person", async () => {
    const rules = { OVERLAYWATCH_BROKER_BREAKER_HOSTS: "1", OVERLAYWATCH_BROKER_BREAKER_FOR: "10m" };
    const gateway = await openGateway(rules);
    const [one, two] = [await openWorker("host-a"), await openWorker("host-b")];
    for (let n = 0; n < 2; n++) assert.equal((await page(gateway.url, "host-a")).body["status"], "accepted");
    assert.equal((await page(gateway.url, "host-b", { cycle: "test-1" })).body["status"], "accepted", "a sample");
    assert.equal((await page(gateway.url, "host-b")).body["status"], "accepted", "it is the one too many");
    const { body } = await page(gateway.url, "host-b");
    assert.match(
      String(body["reason"]),
      /is paused by its breaker until \S+: 2 of 2 hosts asked for healing within 300 s/u,
    );
    await comes("both are told", () => holds(one.helper) && holds(two.helper), gateway);
    await says(gateway, /ERROR the fleet's breaker has opened: 2 of 2 hosts/u);
    for (let n = 0; n < 3; n++) assert.equal((await page(gateway.url, "host-a")).body["status"], "paused");
    assert.equal(events(gateway, /overlaywatch: the whole fleet is paused by its breaker/u), 1);
    await gateway.stop();
    const again = await openGateway(rules);
    await says(again, /WARN the whole fleet is paused by its breaker until/u);
    assert.equal((await page(again.url, "host-a")).body["status"], "paused");
    assert.equal((await pause("--off")).code, 0);
    await says(again, /the fleet is not paused any more/u);
    assert.equal((await page(again.url, "host-b", { cycle: "another" })).body["status"], "rate_limited", "handed over");
    assert.equal(events(again, /has opened/u), 0);
  });

  it("is opened by jobs of hosts' own triggers too", async () => {
    const gateway = await openGateway({ OVERLAYWATCH_BROKER_BREAKER_HOSTS: "1" });
    const { localHandOver } = await import("../../../dispatch/local/hand-over.ts");
    for (const host of ["host-a", "host-b"]) {
      await openWorker(host);
      const at = Date.now();
      const job = { v: 1, id: "c".repeat(64), trace: "d".repeat(32), host, at, notAfter: at + 60_000 } as const;
      await localHandOver(join(path(), host, "jobs.sock")).offer(job);
    }
    await says(gateway, /ERROR the fleet's breaker has opened: 2 of 2 hosts/u);
    assert.equal((await page(gateway.url, "host-a")).body["status"], "paused");
  });

  it("is refused where it can not be kept, with what to do, and then nothing was done", async () => {
    const worker = await openWorker("host-a");
    for (const [args, message] of [
      [["--forever", "--reason", "r"], /--forever: not with --fleet/u],
      [["--for", "169h", "--reason", "r"], /--for: with --fleet 168h at most/u],
      [["--for", "1h"], /--reason is missing/u],
      [["--for", "1h", "--reason", "a\nb"], /--reason: 200 printable characters at most/u],
      [["--for", "1h", "--off"], /one of them/u],
    ] as const) {
      const { code, err } = await pause(...args);
      assert.equal(code, 64, args.join(" "));
      assert.match(err, message);
    }
    const elsewhere = await cli(["pause", "--fleet", "--off"], { env: env({}) });
    assert.equal(elsewhere.code, 78);
    assert.match(elsewhere.err, /on its gateway's machine: there, broker.servers, broker.seed_file/u);
    await dropStream();
    const old = await pause("--for", "1h", "--reason", "r");
    assert.equal(old.code, 69);
    assert.match(
      old.err,
      /it has no place for it, or is just starting; .*`overlaywatch fleet provision`: nothing was done/u,
    );
    assert.ok(!holds(worker.helper));
    const gateway = await openGateway();
    await says(gateway, /ERROR it can not be read whether the fleet is paused: .*fleet provision.*keep it themselves/u);
    assert.equal((await page(gateway.url, "host-a")).body["status"], "accepted", "pages go on");
    await server().end("SIGKILL");
    const away = await pause("--for", "1h", "--reason", "r");
    assert.equal(away.code, 69);
    assert.ok(!holds(worker.helper));
  });

  it("of a broker with an older fleet.conf can not be read: that is said, and pages go on", async () => {
    const text = readFileSync(inFleet("fleet.conf"), "utf8");
    const old = text.replaceAll(/, "(?:overlay\.fleet\.pause|\$JS\.API\.STREAM\.MSG\.GET\.FLEET)"/gu, "");
    assert.equal(old.split("overlay.fleet").length, 1);
    await server().reload(old);
    writeFileSync(inFleet("fleet.conf"), old);
    const gateway = await openGateway();
    assert.equal((await page(gateway.url, "host-a")).body["status"], "accepted");
    await says(gateway, /ERROR it can not be read whether the fleet is paused: .*fleet\.conf/u);
    assert.equal((await pause("--for", "1h", "--reason", "r")).code, 69);
  });
});
