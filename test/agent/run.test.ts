import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { main } from "../../agent/cli.ts";
import type { Message } from "../../emit/dogstatsd/parse.ts";
import { dogstatsdSink } from "../../emit/dogstatsd/sink.ts";
import { listen, type Listening } from "../emit/dogstatsd/listening.ts";
import { until } from "../host/until.ts";
import { assertDocumented } from "./documented.ts";
import { memoryIo } from "./cli.ts";
import { useFolder } from "./folder.ts";
import { replayedHost, type ReplayedHost } from "./replayed-host.ts";

const everySecond = { OVERLAYWATCH_COLLECTORS_INTERFACES_INTERVAL: "1s" };

interface Running {
  readonly text: () => { readonly out: string; readonly err: string };
  readonly code: Promise<number>;
  /** Ends it as SIGTERM does; gives the exit code. */
  readonly end: () => Promise<number>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const ending = new AbortController();
  const { io, text } = memoryIo({ env, signal: ending.signal });
  const code = main(args, io);
  return {
    text,
    code,
    end: async () => {
      ending.abort(new Error("SIGTERM"));
      return code;
    },
  };
}

const sums = (messages: readonly Message[], name: string) => {
  const found: Record<string, number> = {};
  for (const message of messages) {
    if (message.kind !== "metric" || message.name !== `overlaywatch.${name}`) continue;
    const tags = Object.fromEntries(
      message.tags.map((tag) => [tag.slice(0, tag.indexOf(":")), tag.slice(tag.indexOf(":") + 1)]),
    );
    const key = [tags["container_name"], tags["docker_network"], tags["over_budget"]]
      .filter((text) => text !== undefined)
      .join(" ");
    found[key] = (found[key] ?? 0) + (message.values ?? []).reduce((a, b) => a + b, 0);
  }
  return found;
};

describe("agent/run", () => {
  const { path } = useFolder();
  let host: ReplayedHost;
  let heard: Listening;
  const running: Running[] = [];
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const one = start(["run", ...args], { ...everySecond, DD_DOGSTATSD_URL: `unix://${path()}/dsd.sock`, ...env });
    running.push(one);
    return one;
  };
  const checks = () => heard.messages.filter((message) => message.kind === "service_check");
  const lastHealth = () => checks().findLast(({ name }) => name === "overlaywatch.overlay.health");

  beforeEach(async () => {
    host = await replayedHost("two-networks", path());
    heard = await listen({ uds: { path: join(path(), "dsd.sock") } });
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(async (one) => one.end()));
    await heard.receiver.close();
    await host.remove();
  });

  it("sends what the counters grew by since its start, and what it has to say of itself, until it is ended", async () => {
    const one = run(["interfaces", ...host.args]);
    await until(
      "it has read the counters once",
      () => Object.keys(sums(heard.messages, "agent.collect.outcome")).length > 0,
    );
    assert.deepEqual(sums(heard.messages, "net.bytes_rcvd"), {});
    host.turnTo(2);
    await until("the growth arrives", () => Object.keys(sums(heard.messages, "net.bytes_rcvd")).length > 0);
    assert.equal(await one.end(), 0);
    assert.deepEqual(sums(heard.messages, "net.bytes_rcvd"), { "A1 back": 970, "A1 testnet": 336, "B1 testnet": 336 });
    assert.deepEqual(sums(heard.messages, "net.drops_rcvd"), {}, "what never moved is not sent");
    const [check] = checks();
    assert.deepEqual([check?.name, check?.status], ["overlaywatch.docker.can_connect", "ok"]);
    for (const name of ["collect.seconds", "collect.outcome", "docker.age", "docker.containers", "series"])
      assert.equal(Object.keys(sums(heard.messages, `agent.${name}`)).length, 1, name);
    assert.deepEqual(one.text(), { out: "", err: "" });
  });

  it("tells by a service check how the overlays are, and that it does not know without Docker", async () => {
    const env = { OVERLAYWATCH_COLLECTORS_OVERLAY_INTERVAL: "1s" };
    run(["overlay", ...host.args, "--netns-dir", join(path(), "none")], env);
    await until("it is well", () => lastHealth()?.status === "ok");
    await host.docker.stop();
    await until("it is not known", () => lastHealth()?.status === "unknown");
    assert.match(lastHealth()?.message ?? "", /local containers: Docker can not be asked/);
  });

  it("keeps to the budget of series, and loses nothing of the sums", async () => {
    run(["interfaces", ...host.args], { OVERLAYWATCH_SINKS_DOGSTATSD_MAX_SERIES: "5" });
    await until(
      "it has read the counters once",
      () => Object.keys(sums(heard.messages, "agent.collect.outcome")).length > 0,
    );
    host.turnTo(2);
    await until("the growth arrives", () => Object.keys(sums(heard.messages, "net.bytes_rcvd")).length > 0);
    const all = Object.entries(sums(heard.messages, "net.bytes_rcvd"));
    assert.equal(
      all.reduce((sum, [, value]) => sum + value, 0),
      970 + 336 + 336,
    );
    assert.ok(
      all.some(([key]) => key === "testnet true"),
      JSON.stringify(all),
    );
    await until("it says how much it folded", () => Object.keys(sums(heard.messages, "agent.dropped")).length > 0);
  });

  it("says that Docker does not answer, once in its log and in each check, and works once it does", async () => {
    await host.docker.stop();
    const one = run(["interfaces", ...host.args]);
    await until("the check is critical", () => checks().length > 0);
    assert.equal(checks()[0]?.status, "critical");
    await host.docker.listen();
    await until("the check is well", () => checks().some(({ status }) => status === "ok"));
    await one.end();
    const lines = one.text().err.trim().split("\n");
    assert.ok(
      lines.every((line) => /^\S+ (?:WARN|INFO) /u.test(line)),
      one.text().err,
    );
    assert.equal(lines.filter((line) => line.includes("interfaces: absent")).length, 1, one.text().err);
    assert.match(one.text().err, /INFO Docker answers again: 2 containers run\./u);
  });

  it("shows a table with --sink console, and sends nothing", async () => {
    const one = run(["interfaces", "--sink", "console", ...host.args]);
    await until("the first table", () => one.text().out.includes("0 B/s"));
    host.turnTo(2);
    await until("the growth in it", () => /^A1 +back +eth4 +\d/mu.test(one.text().out));
    assert.equal(await one.end(), 0);
    assert.deepEqual(heard.messages, []);
  });

  it("says that nobody listens where it sends to, and who said so; nothing where somebody does", async () => {
    const nowhere = `unix://${path()}/none.sock`;
    const one = run(["interfaces", ...host.args], { DD_DOGSTATSD_URL: nowhere });
    const says = `WARN nobody listens on ${nowhere} (DD_DOGSTATSD_URL): metrics are lost until a Datadog agent does.`;
    await until("it is said", () => one.text().err.includes(says));
    const examples = { "udp://127.0.0.1:8125": nowhere, "(default)": "(DD_DOGSTATSD_URL)" };
    assertDocumented("no Datadog agent", one.text().err, "runs on", examples);
    const other = run(["interfaces", ...host.args]);
    await until("it sends", () => heard.messages.length > 0);
    assert.doesNotMatch(other.text().err, /nobody listens/u);
  });

  it("says that another one sends the same already, and nothing of one that sends something else", async () => {
    const one = run(["interfaces", ...host.args]);
    await until("it sends", () => heard.messages.length > 0);
    const beside = async (...names: readonly string[]): Promise<string> => {
      const { io, text } = memoryIo({ env: { ...everySecond, DD_DOGSTATSD_URL: `unix://${path()}/dsd.sock` } });
      assert.equal(await main(["run", ...names, "--for", "100ms", ...host.args], { ...io, pid: 4711 }), 0);
      return text().err;
    };
    const pair = await beside("interfaces", "netstat");
    const [, pid = ""] = /ERROR another agent \(pid (\d+)\)/u.exec(pair) ?? [];
    assertDocumented("a second `run`", pair, "runs on", { 4711: pid, "interfaces, tcp": "interfaces" });
    assert.doesNotMatch(await beside("netstat"), /another agent/u);
    assert.doesNotMatch(await beside("interfaces", "--sink", "none"), /another agent/u);
    assert.equal(await one.end(), 0);
  });

  it("ends by itself after --for, also with nothing to send to", async () => {
    const one = run(["--sink", "none", "--for", "100ms", ...host.args]);
    assert.equal(await one.code, 0);
    assert.ok(host.docker.asked.length > 0);
  });

  it("lets go of Docker when it can not begin", async () => {
    const one = run([...host.args], { DD_DOGSTATSD_URL: "http://x" });
    assert.equal(await one.code, 78);
    await sleep(200);
    assert.deepEqual([host.docker.connections.size, host.docker.subscribers.size], [0, 0]);
  });
});

describe("agent/sink", () => {
  const { path } = useFolder();

  it("prints each message as one line of JSON, says what it refused, and sums up at the end", async () => {
    const one = start(["sink", "--udp", "0", "--json"]);
    await until("it listens", () => one.text().err.includes("listening on udp 127.0.0.1:"));
    const port = Number(/127\.0\.0\.1:(\d+)/u.exec(one.text().err)?.[1]);
    const sender = createSocket("udp4");
    await new Promise((resolve) => sender.send("a.b:1|c|#x:y\nnonsense\n", port, "127.0.0.1", resolve));
    await until("both arrived", () => one.text().out !== "" && one.text().err.includes("refused (udp)"));
    sender.close();
    assert.equal(await one.end(), 0);
    assert.deepEqual(JSON.parse(one.text().out), {
      kind: "metric",
      name: "a.b",
      type: "count",
      values: [1],
      sample_rate: 1,
      tags: ["x:y"],
    });
    assert.match(one.text().err, /udp: 1 messages in 1 datagrams, the largest 22 bytes; 1 lines refused\n$/u);
  });

  it("shows a table of rates, from a unix socket too", async () => {
    const socket = join(path(), "sink.sock");
    const one = start(["sink", "--uds", socket]);
    await until("it listens", () => one.text().err.includes(`unix ${socket}`));
    const sender = dogstatsdSink({ transport: { kind: "uds", path: socket } });
    const send = async (value: number) => {
      sender.write(
        [
          {
            name: "net.bytes_rcvd",
            type: "count",
            value,
            tags: { container_name: "a", docker_network: "n", interface: "eth0" },
          },
        ],
        0,
      );
      await sender.flush();
    };
    await send(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await send(100_000);
    await until("the table", () => /^a +n +eth0 +[\d.]+ [kM]B /mu.test(one.text().out));
    await sender.close();
    assert.equal(await one.end(), 0);
  });
});
