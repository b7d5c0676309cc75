import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { shippedMonitors } from "../../../monitors/shipped.ts";
import { monitorOf } from "../../../monitors/definition.ts";
import { webhookOf } from "../../../monitors/webhook.ts";
import { isList, isObject, type JsonObject, objectAt, parseJson, textAt, wordAt } from "../../../standin/json.ts";
import { plainSettings } from "../../../monitors/assets.ts";
import { useStandin } from "../use-standin.ts";
import { sendUdp } from "./samples.ts";

interface Story {
  /** Ten seconds in good times, and in bad ones. */
  readonly well: readonly string[];
  readonly ill: readonly string[];
  readonly scope: string;
}

const metric = (name: string, value: number, type: "g" | "c", tags: string) =>
  `overlaywatch.${name}:${value}|${type}|#${tags}`;

/** Of each monitor that pages: what its host sends, as the collectors and the follower do. */
const stories: Readonly<Record<string, Story>> = {
  "fdb-misplaced": {
    well: [],
    ill: ["A1", "B1"].map((name) => metric("fdb.misplaced", 1, "g", `docker_network:testnet,container_name:${name}`)),
    scope: "host:h1,docker_network:testnet",
  },
  "active-findings": {
    well: [metric("overlay.findings", 3, "g", "docker_network:testnet,class:stale-local,state:latent")],
    ill: [metric("overlay.findings", 1, "g", "docker_network:testnet,class:missing-fdb,state:active")],
    scope: "host:h1,docker_network:testnet",
  },
  "netlink-events-spike": {
    well: [metric("netlink.events", 20, "c", "docker_network:testnet,object:fdb,action:new")],
    ill: ["new", "del"].map((action) =>
      metric("netlink.events", 500, "c", `docker_network:testnet,object:fdb,action:${action}`),
    ),
    scope: "host:h1,docker_network:testnet",
  },
  "probe-loss": {
    well: [metric("probe.loss", 0, "g", "docker_network:testnet,container_name:A2,placement:remote")],
    ill: [metric("probe.loss", 1, "g", "docker_network:testnet,container_name:A2,placement:remote")],
    scope: "host:h1,docker_network:testnet,container_name:A2",
  },
  "remedy-failed": {
    well: [metric("remedy.runs", 1, "c", "strategy:pin,outcome:cured")],
    ill: [metric("remedy.runs", 1, "c", "strategy:pin,outcome:failed")],
    scope: "host:h1,strategy:pin",
  },
};

const settings = { ...plainSettings, webhookUrl: "https://gateway.example.org/datadog" };

const misplaced = (host: string, value: number) =>
  metric("fdb.misplaced", value, "g", `docker_network:testnet,host:${host}`);

const scopeOn = (host: string) => `${host} host:${host},docker_network:testnet`;

describe("standin/evaluation: what ships", function () {
  this.timeout(20_000);
  const { standin, call, clock } = useStandin({
    dogstatsd: { udp: { port: 0 }, hostname: "h1" },
    evaluateEvery: 0,
    unlimited: true,
  });
  const make = async (key: string) => {
    const definition = shippedMonitors.find((one) => one.key === key)!;
    const { body } = monitorOf(definition, settings);
    return (await call("POST", "/api/v1/monitor", parseJson(JSON.stringify(body)))).object;
  };
  /** Each ten seconds the lines are sent, and each minute the monitors are evaluated; until that was told, or the time is up. */
  const pass = async (minutes: number, lines: readonly string[], transition = "nothing"): Promise<number> => {
    for (let ten = 1; ten <= minutes * 6; ten++) {
      await sendUdp(standin(), lines);
      clock().advance(10_000);
      if (ten % 6 === 0) await standin().evaluate();
      if (told().at(-1)?.startsWith(transition) === true) return ten * 10;
    }
    return Infinity;
  };
  const told = (): readonly string[] =>
    standin()
      .organisations[0]!.kept.events.values()
      .map((event) => objectAt(event, "alert"))
      .map(
        (alert) => `${textAt(alert, "ALERT_TRANSITION")} ${textAt(alert, "HOSTNAME")} ${textAt(alert, "ALERT_SCOPE")}`,
      );

  it("has a story for every monitor that pages", () => {
    const pages = shippedMonitors.filter(({ level }) => level === "page").map(({ key }) => key);
    assert.deepEqual(Object.keys(stories).toSorted(), pages.toSorted());
  });

  for (const [key, { well, ill, scope }] of Object.entries(stories))
    it(`${key}: fires, is told again only if it says so, and recovers`, async () => {
      const monitor = await make(key);
      await pass(8, well);
      assert.deepEqual(told(), [], "nothing is told in good times");
      const seconds = await pass(6, ill, "Triggered");
      assert.ok(seconds <= 180, `told after ${seconds} s`);
      assert.deepEqual(told(), [`Triggered h1 ${scope}`]);
      const read = async () => (await call("GET", `/api/v1/monitor/${wordAt(monitor, "id")}`)).object;
      assert.equal((await read())["overall_state"], "Alert");
      await pass(35, ill);
      const again =
        objectAt(await read(), "options")["renotify_interval"] === undefined ? [] : [`Re-Triggered h1 ${scope}`];
      assert.deepEqual(told().slice(1), again);
      // A gauge of a fault tells its end: 0 for some time.
      await pass(
        17,
        [...well, ...ill.map((line) => line.replace(/:\d+\|g/u, ":0|g")).filter((line) => line.includes("|g"))],
        "Recovered",
      );
      assert.equal(told().at(-1), `Recovered h1 ${scope}`);
      assert.equal((await read())["overall_state"], "OK");
    });

  it("tells each host apart; the monitor stands as its worst group does", async () => {
    const monitor = await make("fdb-misplaced");
    await pass(2, [misplaced("a", 1), misplaced("b", 0)]);
    await pass(2, [misplaced("a", 1), misplaced("b", 1)]);
    await pass(2, [misplaced("a", 1), misplaced("b", 0)]);
    assert.deepEqual(told(), [`Triggered ${scopeOn("a")}`, `Triggered ${scopeOn("b")}`, `Recovered ${scopeOn("b")}`]);
    const state = async () => (await call("GET", `/api/v1/monitor/${wordAt(monitor, "id")}`)).object["overall_state"];
    assert.equal(await state(), "Alert");
    await pass(2, [misplaced("a", 0), misplaced("b", 0)]);
    assert.deepEqual([told().at(-1), await state()], [`Recovered ${scopeOn("a")}`, "OK"]);
  });

  it("keeps the page where the host falls silent within the outage", async () => {
    await make("fdb-misplaced");
    await pass(3, stories["fdb-misplaced"]!.ill, "Triggered");
    await pass(20, []);
    assert.deepEqual(told(), ["Triggered h1 host:h1,docker_network:testnet"]);
  });

  it("tells that nothing comes any more, once, and when it comes again", async () => {
    await make("heartbeat-silent");
    const beat = [metric("pipeline.heartbeat.age", 1, "g", "")];
    await pass(12, beat);
    assert.deepEqual(told(), []);
    await pass(12, []);
    assert.deepEqual(told(), ["No Data h1 host:h1"]);
    await pass(2, beat);
    assert.deepEqual(told(), ["No Data h1 host:h1", "Recovered h1 host:h1"]);
  });

  it("calls the webhook as a trigger by hand does, with one cycle from the page to the recovery", async () => {
    const bodies: string[] = [];
    const server = createServer((incoming, response) => {
      let text = "";
      incoming.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
      incoming.on("end", () => {
        bodies.push(text);
        response.end();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const address = server.address();
      assert.ok(address !== null && typeof address === "object");
      const { body } = webhookOf(`http://127.0.0.1:${address.port}/hook`);
      await call("POST", "/api/v1/integration/webhooks/configuration/webhooks", parseJson(JSON.stringify(body)));
      const monitor = await make("fdb-misplaced");
      const { ill, scope } = stories["fdb-misplaced"]!;
      await pass(3, ill, "Triggered");
      await pass(
        8,
        ill.map((line) => line.replace(":1|g", ":0|g")),
        "Recovered",
      );
      await standin().settled();
      const sent = bodies.map((text) => parseJson(text)).filter(isObject);
      const id = wordAt(monitor, "id");
      assert.deepEqual(
        sent.map((one) => [one["transition"], one["host"], one["scope"], one["monitor_id"]]),
        [
          ["Triggered", "h1", scope, id],
          ["Recovered", "h1", scope, id],
        ],
      );
      assert.match(textAt(sent[0]!, "cycle"), /^\d+$/u);
      assert.equal(sent[0]!["cycle"], sent[1]!["cycle"]);
      const [event] = standin().organisations[0]!.kept.events.values();
      assert.match(
        textAt(event!, "text"),
        /^\*\*What it means\.\*\* 2 local containers of the network testnet on h1 /u,
      );
    } finally {
      server.close();
    }
  });

  it("says which of them it does not evaluate, and judges all others", async () => {
    for (const { key } of shippedMonitors) await make(key);
    await standin().evaluate();
    const groups = standin().groups();
    assert.ok(isList(groups));
    const reasons = groups
      .filter(isObject)
      .map((one, i): [string, JsonObject[string]] => [shippedMonitors[i]!.key, one["not_evaluated"] ?? null])
      .filter(([, reason]) => reason !== null);
    const only = "only TIME(last_Nm):SPACE:METRIC{FILTER} by {TAGS} > N is";
    const says = (what: string) => `${what} is not evaluated here: ${only}`;
    assert.deepEqual(Object.fromEntries(reasons), {
      "neighbour-table": says("arithmetic, or another form"),
      "conntrack-table": says("arithmetic, or another form"),
      "interface-drops": says("the function default_zero"),
      "interface-errors": says("the function default_zero"),
      "netlink-events-anomaly": says("the function anomalies"),
      "time-wait-growth": says("the function change"),
      "close-wait-growth": says("the function change"),
      "retransmission-rate": says("arithmetic, or another form"),
    });
  });
});
