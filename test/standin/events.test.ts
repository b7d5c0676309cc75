import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";
import { eventRules } from "../../standin/events.ts";
import { type JsonObject, omit, parseJson, wordAt } from "../../standin/json.ts";
import type { Transition } from "../../standin/trigger.ts";
import { useStandin } from "./use-standin.ts";

const now = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;
const plain = { title: "t", text: "x" };
const bad = (name: string) => `The value provided for parameter '${name}' is invalid`;

const refused: Readonly<Record<string, readonly (readonly [JsonObject, string])[]>> = {
  "event-required": [
    [{ text: "x" }, "The parameter 'title' is required"],
    [{ title: "t" }, "The parameter 'text' is required"],
  ],
  "event-fields": [
    [{ ...plain, text: "x".repeat(4001) }, bad("text")],
    [{ ...plain, aggregation_key: "x".repeat(101) }, bad("aggregation_key")],
    [{ ...plain, alert_type: "page" }, bad("alert_type")],
    [{ ...plain, priority: "high" }, bad("priority")],
    [{ ...plain, tags: "a" }, bad("tags")],
  ],
  "event-age": [[{ ...plain, date_happened: now - 18 * 3600 - 1 }, "Event too far in the past"]],
};

describe("standin/events", () => {
  const { call } = useStandin();

  it("has a case for every rule", () => {
    assert.deepEqual(
      Object.keys(refused),
      eventRules.map(({ id }) => id),
    );
  });

  for (const { id, why, source } of eventRules)
    it(`${id}: ${why} (${source})`, async () => {
      for (const [body, says] of refused[id] ?? []) {
        const answer = await call("POST", "/api/v1/events", body);
        assert.deepEqual([answer.status, answer.errors], [400, [says]], JSON.stringify(body).slice(0, 80));
      }
    });

  it("takes an event, and gives it back", async () => {
    const edge = { ...plain, text: "x".repeat(4000), date_happened: now - 18 * 3600, tags: ["a:b"], priority: "low" };
    const posted = await call("POST", "/api/v1/events", edge);
    assert.equal(posted.status, 202);
    const event = {
      ...edge,
      handle: null,
      related_event_id: null,
      id: 7_000_000_001,
      id_str: "7000000001",
      url: "https://app.datadoghq.com/event/event?id=7000000001",
    };
    assert.deepEqual(posted.object, { status: "ok", event });
    assert.deepEqual((await call("GET", "/api/v1/events/7000000001")).object, { status: "ok", event });
    const list = (from: number, to: number) => call("GET", `/api/v1/events?start=${from}&end=${to}`);
    assert.deepEqual((await list(now - 18 * 3600, now)).object, { status: "ok", events: [event] });
    assert.deepEqual((await list(now - 10, now)).object["events"], []);
    assert.equal((await call("GET", "/api/v1/events")).status, 400);
    assert.equal((await call("GET", "/api/v1/events/1")).status, 404);
  });
});

interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Answers with the statuses in turn, then with 202. */
function useReceiver() {
  const received: Received[] = [];
  const statuses: number[] = [];
  let server: Server | undefined;
  beforeEach(async () => {
    received.length = 0;
    statuses.length = 0;
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        received.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
        response.writeHead(statuses.shift() ?? 202).end();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => void server?.close());
  const url = () => {
    const address = server?.address();
    return typeof address === "object" ? `http://127.0.0.1:${address?.port}` : "";
  };
  return { url, received, statuses };
}

describe("standin/webhook: delivery", () => {
  const { call, standin } = useStandin({ deliveryPause: 1 });
  const receiver = useReceiver();
  const base = "/api/v1/integration/webhooks/configuration";
  const post = async (text: string, more: JsonObject = {}) => {
    await call("POST", "/api/v1/events", { title: "t", text, ...more });
    await standin().settled();
  };
  const hook = (more: JsonObject = {}) =>
    call("POST", `${base}/webhooks`, { name: "there", url: `${receiver.url()}/hook`, ...more });

  it("goes out for every webhook that an event names, and fills its variables", async () => {
    await call("POST", `${base}/custom-variables`, { name: "TOKEN", value: 's3cr"et', is_secret: true });
    const payload =
      '{"id":"$ID","text":"$EVENT_MSG","host":"$HOSTNAME","team":"$TAGS[team]","none":"$TAGS[x]","unknown":"$NO_SUCH","raw":$LOGS_SAMPLE}';
    await hook({ payload, url: `${receiver.url()}/$ORG_ID`, custom_headers: '{"Authorization":"Bearer $TOKEN"}' });
    await post('a "quote"\nand \\ @webhook-there, @webhook-other and x@webhook-there', { tags: ["team:net", "b"] });
    assert.equal(receiver.received.length, 1);
    const { url, headers, body } = receiver.received[0]!;
    assert.deepEqual(
      [url, headers["content-type"], headers.authorization],
      ["/321813", "application/json", 'Bearer s3cr"et'],
    );
    assert.deepEqual(parseJson(body), {
      id: "7000000001",
      text: 'a "quote"\nand \\ @webhook-there, @webhook-other and x@webhook-there',
      host: "",
      team: "net",
      none: "",
      unknown: "$NO_SUCH",
      raw: {},
    });
  });

  it("can be a form", async () => {
    await hook({ payload: '{"a":"$EVENT_TITLE","b":{"c":1}}', encode_as: "form" });
    await post("@webhook-there", { title: "x&y" });
    const { headers, body } = receiver.received[0]!;
    assert.equal(headers["content-type"], "application/x-www-form-urlencoded");
    assert.deepEqual(Object.fromEntries(new URLSearchParams(body)), { a: "x&y", b: '{"c":1}' });
  });

  it("is tried again after a 5xx, never after a 4xx, and given up after six tries", async () => {
    await hook();
    for (const [statuses, tries] of [
      [[503, 500, 202], 3],
      [[429], 1],
      [[422], 1],
      [[500, 500, 500, 500, 500, 500, 500], 6],
    ] as const) {
      receiver.received.length = 0;
      receiver.statuses.splice(0, Infinity, ...statuses);
      await post("@webhook-there");
      assert.equal(receiver.received.length, tries, String(statuses));
    }
  });

  it("is tried again where nobody listens, and says what was in the way", async () => {
    await hook({ url: "http://127.0.0.1:1/" });
    await post("@webhook-there");
    const tried = standin().deliveries();
    assert.deepEqual(
      tried.map(({ attempt }) => attempt),
      [1, 2, 3, 4, 5, 6],
    );
    for (const { outcome } of tried) assert.equal(typeof outcome, "string");
  });

  it("tells a receiver all that a monitor's webhook knows", async () => {
    await hook({
      payload:
        '{"monitor_id":"$ALERT_ID","cycle":"$ALERT_CYCLE_KEY","transition":"$ALERT_TRANSITION","event":"$ID","host":"$HOSTNAME","scope":"$ALERT_SCOPE","tags":"$TAGS","title":"$ALERT_TITLE","date":"$DATE","org":"$ORG_ID","link":"$LINK"}',
    });
    const made = await call("POST", "/api/v1/monitor", {
      type: "query alert",
      query: "max(last_1m):max:overlaywatch.fdb.misplaced{*} by {host} > 0",
      tags: ["a:b"],
      name: "Local MACs misplaced",
      message: "{{#is_alert}}Heal it. @webhook-there{{/is_alert}} @team",
      priority: 1,
    });
    const id = Number(made.object["id"]);
    const fire = async (transition: Transition) => {
      const event = standin().trigger(id, { host: "node-1", transition, scope: "host:node-1,docker_network:net" });
      await standin().settled();
      return event;
    };
    const event = await fire("Triggered");
    await fire("Recovered");
    assert.equal(receiver.received.length, 1, "the recovery's text names no webhook");
    assert.deepEqual(parseJson(receiver.received[0]!.body), {
      monitor_id: String(id),
      cycle: `${id}-host:node-1,docker_network:net`,
      transition: "Triggered",
      event: event["id_str"],
      host: "node-1",
      scope: "host:node-1,docker_network:net",
      tags: "a:b,monitor,host:node-1,docker_network:net",
      title: "[Triggered on {host:node-1,docker_network:net}] Local MACs misplaced",
      date: String(now * 1000),
      org: "321813",
      link: `https://app.datadoghq.com/monitors/${id}`,
    });
    const shown = (await call("GET", `/api/v1/events/${wordAt(event, "id_str")}`)).object;
    assert.deepEqual(shown["event"], omit(event, "alert"));
    const seen = (await call("GET", `/api/v1/monitor/${id}`)).object;
    assert.deepEqual([seen["overall_state"], seen["modified"]], ["OK", made.object["modified"]]);
    assert.throws(() => standin().trigger(1, { host: "h", transition: "Warn" }), /Monitor not found/u);
  });
});
