import assert from "node:assert/strict";
import { join } from "node:path";
import * as fc from "fast-check";
import type { ParsedMetric } from "../../../emit/dogstatsd/parse-metric.ts";
import { type DogstatsdSink, dogstatsdSink } from "../../../emit/dogstatsd/sink.ts";
import type { Transport } from "../../../emit/dogstatsd/transport.ts";
import type { Sample } from "../../../emit/sample.ts";
import { type Listening, listen, newFolder, until } from "./listening.ts";

const NO_ENRICHMENT = "dd.internal.card:none";

for (const kind of ["udp", "uds"] as const) {
  describe(`emit/dogstatsd/sink by ${kind}`, () => {
    let folder: ReturnType<typeof newFolder>;
    let listening: Listening;
    let transport: Transport;
    let sink: DogstatsdSink;

    beforeEach(async () => {
      folder = newFolder();
      const path = join(folder.path, "dsd.socket");
      // What the agent has that nobody tuned: 212992 as read back.
      const udp = { port: 0, receiveBufferBytes: 106_496 };
      listening = await listen(kind === "udp" ? { udp } : { uds: { path } });
      const port = listening.receiver.udp?.port ?? 0;
      transport = kind === "udp" ? { kind, host: "127.0.0.1", port } : { kind, path };
      sink = dogstatsdSink({ transport, globalTags: ["env:prod", "canary"] });
    });

    afterEach(async () => {
      await sink.close();
      await listening.receiver.close();
      folder.remove();
    });

    it("brings the burst of a large host whole, each sample once, in datagrams that fit", async () => {
      const samples = burst();
      sink.write(samples, Date.now());
      await sink.flush();
      await until(() => listening.messages.length >= samples.length, "the burst");
      assert.deepEqual(new Set(metrics(listening).map(identity)), new Set(samples.map(identityOfSample)));
      assert.equal(listening.messages.length, samples.length);
      const stats = listening.receiver.stats()[kind];
      const fits = kind === "udp" ? 1432 : 8192;
      assert.ok(stats.largestDatagram <= fits && stats.largestDatagram > fits * 0.6, String(stats.largestDatagram));
      assert.equal(stats.invalidLines, 0);
      assert.deepEqual(sink.stats(), { samples: samples.length, dropped: {} });
    });

    it("sends name, type, value and tags, the sample's own before a global one of its key", async () => {
      sink.write([{ name: "net.drops", type: "count", value: 3, tags: { env: "dev", url: "a:b" } }], 0);
      sink.write([{ name: "tcp", type: "gauge", value: -1.5e-7, tags: {} }], 0);
      await arrive(2);
      assert.deepEqual(listening.messages, [
        {
          kind: "metric",
          name: "overlaywatch.net.drops",
          type: "count",
          values: [3],
          sample_rate: 1,
          tags: ["canary", NO_ENRICHMENT, "env:dev", "url:a:b"],
        },
        {
          kind: "metric",
          name: "overlaywatch.tcp",
          type: "gauge",
          values: [-1.5e-7],
          sample_rate: 1,
          tags: ["env:prod", "canary", NO_ENRICHMENT],
        },
      ]);
      assert.equal(listening.receiver.stats()[kind].datagrams, 1);
    });

    it("lets no text out of its field: what a hostile name or label says comes back as one tag or none", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(hostileSample, { minLength: 1, maxLength: 20 }), async (samples) => {
          listening.messages.length = 0;
          sink.write(samples, 0);
          await arrive(samples.length);
          for (const [index, metric] of metrics(listening).entries()) checkHarmless(metric, samples[index]!);
        }),
        { numRuns: 60 },
      );
      assert.equal(listening.receiver.stats()[kind].invalidLines, 0);
    });

    it("drops and counts what is no number, has no name, or alone is longer than a datagram", async () => {
      sink.write([valued(NaN), valued(Infinity), valued(-Infinity), valued(-1, "count"), valued(0, "count")], 0);
      sink.write([{ name: "n".repeat(190), type: "gauge", value: 1, tags: {} }], 0);
      sink.write([{ name: "long", type: "gauge", value: 1, tags: manyTags(60) }], 0);
      await arrive(1);
      assert.deepEqual(sink.stats().dropped, { invalid_value: 4, invalid_name: 1, too_long: 1 });
      assert.equal(sink.stats().samples, 1);
    });

    it("fills a datagram to the last byte, and never one more", async () => {
      const limit = kind === "udp" ? 1432 : 8192;
      // Each line is 100 bytes and a line feed; the last one is as long as the rest of the datagram, or one too long.
      const head = `overlaywatch.f:1|g|#canary,${NO_ENRICHMENT},env:dev,`.length;
      const line = (bytes: number) => ({ ...valued(1), name: "f", tags: { env: "dev", ...padding(bytes - head) } });
      const lines = Math.floor(limit / 101) - 2;
      const rest = limit - lines * 101;
      sink.write([...Array.from({ length: lines }, () => line(100)), line(rest)], 0);
      await arrive(lines + 1);
      assert.deepEqual(datagramSizes(), [limit]);
      sink.write([...Array.from({ length: lines }, () => line(100)), line(rest + 1)], 0);
      await arrive(2 * (lines + 1));
      assert.deepEqual(datagramSizes(), [limit, lines * 101 - 1, rest + 1]);
    });

    it("sends a service check, its text in one line, without bars, and cut to fit", async () => {
      sink.serviceCheck("docker.can_connect", "critical", { tags: { a: "b" }, message: " no\r\nsocket | m:\u0007 é " });
      sink.serviceCheck("x", "ok");
      sink.serviceCheck("long", "unknown", { message: "é".repeat(9_000) });
      await arrive(3);
      const [first, second, third] = listening.messages;
      assert.deepEqual(first, {
        kind: "service_check",
        name: "overlaywatch.docker.can_connect",
        status: "critical",
        tags: ["env:prod", "canary", NO_ENRICHMENT, "a:b"],
        message: "no socket / m: é",
      });
      assert.ok(second?.kind === "service_check" && second.message === undefined && second.status === "ok");
      assert.ok(third?.kind === "service_check" && /^é{500,}$/.test(third.message ?? ""));
      assert.deepEqual(sink.stats(), { samples: 3, dropped: {} });
    });

    it("flushes what was written before, and drops what is written after the end", async () => {
      sink.write(burst().slice(0, 100), 0);
      const flushed = sink.flush();
      sink.write(burst().slice(0, 10), 0);
      await flushed;
      assert.ok(sink.stats().samples >= 100);
      await sink.close();
      assert.equal(sink.stats().samples, 110);
      sink.write(burst().slice(0, 5), 0);
      await sink.flush();
      assert.deepEqual(sink.stats(), { samples: 110, dropped: { closed: 5 } });
      await until(() => listening.messages.length === 110, "what was written before the end");
    });

    it("holds a bounded queue", async () => {
      const small = dogstatsdSink({ transport, maxQueue: 100 });
      small.write(burst(), 0);
      await small.close();
      assert.deepEqual(small.stats(), { samples: 100, dropped: { queue_full: 1100 } });
    });

    it("is not moved by the environment of the process", async () => {
      const variables = {
        DD_TAGS: "evil:1",
        DD_ENV: "evil",
        DD_ENTITY_ID: "evil",
        DD_EXTERNAL_ENV: "cn-evil",
        DD_CARDINALITY: "high",
        DD_DOGSTATSD_URL: "udp://127.0.0.1:9",
        DD_AGENT_HOST: "203.0.113.1",
      };
      const before = { ...process.env };
      Object.assign(process.env, variables);
      const other = dogstatsdSink({ transport });
      process.env = before;
      other.write([{ name: "x", type: "gauge", value: 1, tags: { a: "b" } }], 0);
      await other.close();
      await until(() => listening.messages.length === 1, "the sample");
      assert.deepEqual(metrics(listening)[0]?.tags, [NO_ENRICHMENT, "a:b"]);
      assert.equal(listening.arrivals[0]?.datagramBytes, `overlaywatch.x:1|g|#${NO_ENRICHMENT},a:b`.length);
    });

    async function arrive(count: number): Promise<void> {
      await sink.flush();
      await until(() => listening.messages.length >= count, `${count} messages`);
      assert.equal(listening.messages.length, count);
    }

    function datagramSizes(): number[] {
      return listening.arrivals.map((each) => each.datagramBytes).filter((size, at, all) => size !== all[at - 1]);
    }
  });
}

describe("emit/dogstatsd/sink", () => {
  it("takes an empty prefix or one of the configuration, and refuses one that is no prefix", async () => {
    const listening = await listen({ udp: { port: 0 } });
    const transport = { kind: "udp", host: "127.0.0.1", port: listening.receiver.udp?.port ?? 0 } as const;
    for (const prefix of ["", "my.pack."]) {
      const sink = dogstatsdSink({ transport, prefix });
      sink.write([{ name: "9é.a b", type: "gauge", value: 1, tags: {} }], 0);
      await sink.close();
    }
    await until(() => listening.messages.length === 2, "two samples");
    assert.deepEqual(
      metrics(listening).map((each) => each.name),
      ["a_b", "my.pack.9_.a_b"],
    );
    for (const prefix of ["nodot", ".", "9.", "a|b."])
      assert.throws(() => dogstatsdSink({ transport, prefix }), /prefix/);
    await listening.receiver.close();
  });

  it("sends hot-shots' own metrics only if asked", async () => {
    const listening = await listen({ udp: { port: 0 } });
    const transport = { kind: "udp", host: "127.0.0.1", port: listening.receiver.udp?.port ?? 0 } as const;
    await dogstatsdSink({ transport, telemetry: false }).close();
    const sink = dogstatsdSink({ transport, telemetry: true });
    sink.write([{ name: "x", type: "gauge", value: 1, tags: {} }], 0);
    await sink.close();
    await until(() => metrics(listening).some(({ name }) => name === "datadog.dogstatsd.client.metrics"), "telemetry");
    const own = metrics(listening).filter(({ name }) => name === "datadog.dogstatsd.client.metrics");
    assert.equal(own.length, 1);
    await listening.receiver.close();
  });
});

function valued(value: number, type: Sample["type"] = "gauge"): Sample {
  return { name: "x", type, value, tags: {} };
}

/** 50 containers, 3 interfaces, 8 metrics. */
function burst(): Sample[] {
  return Array.from({ length: 1200 }, (_, index) => {
    const container = Math.floor(index / 24);
    return {
      name: `net.metric_${index % 8}`,
      type: index % 2 === 0 ? ("count" as const) : ("gauge" as const),
      value: index,
      tags: {
        container_name: `shop-frontend-${container}`,
        image_name: "registry.example.com/shop/frontend",
        swarm_service: "shop_frontend",
        interface: `eth${Math.floor(index / 8) % 3}`,
        docker_network: "shop_backend",
      },
    };
  });
}

function metrics({ messages }: Listening): ParsedMetric[] {
  return messages.filter((message) => message.kind === "metric");
}

function identity({ name, type, values, tags }: ParsedMetric): string {
  return [name, type, values?.join(), ...tags.slice(3)].join(" ");
}

function identityOfSample({ name, type, value, tags }: Sample): string {
  return [`overlaywatch.${name}`, type, value, ...Object.entries(tags).map((pair) => pair.join(":"))].join(" ");
}

/** As long as datagrams of both kinds are too short for. */
function manyTags(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, "x".repeat(190)]));
}

/** Tags that take this many bytes with their commas, none of them longer than a tag may be. */
function padding(bytes: number): Record<string, string> {
  const whole = Math.floor((bytes - 100) / 100);
  const tags = Object.fromEntries(
    Array.from({ length: Math.max(0, whole) }, (_, index) => [`k${10 + index}`, "x".repeat(95)]),
  );
  const rest = bytes - 100 * Object.keys(tags).length;
  return { ...tags, r: "x".repeat(rest - 2) };
}

const hostileText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc
    .array(
      fc.constantFrom("|", "#", ",", ":", "@", "\n", "\r", "\0", "\ud800", "🙂", "é", "a", " ", "dd.internal.card:"),
      {
        maxLength: 250,
      },
    )
    .map((pieces) => pieces.join("")),
);
const hostileSample: fc.Arbitrary<Sample> = fc.record({
  name: hostileText.map((text) => text.slice(0, 150)),
  type: fc.constantFrom("count", "gauge"),
  value: fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }),
  tags: fc.dictionary(
    hostileText.map((text) => text.slice(0, 30)),
    hostileText.map((text) => text.slice(0, 100)),
    {
      maxKeys: 3,
    },
  ),
});

/** Holds for any text, whatever the rules of replacement are. */
function checkHarmless(metric: ParsedMetric, sample: Sample): void {
  assert.match(metric.name, /^overlaywatch\.[a-zA-Z0-9_.]*$/);
  assert.equal(metric.name.length, "overlaywatch.".length + sample.name.length);
  assert.deepEqual([metric.type, metric.values], [sample.type, [sample.value]]);
  const own = metric.tags.filter((tag) => !["env:prod", "canary", NO_ENRICHMENT].includes(tag));
  const said = Object.entries(sample.tags).filter(([key, value]) => key.trim() !== "" && value.trim() !== "");
  assert.ok(own.length <= said.length, JSON.stringify(own));
  for (const tag of own) {
    assert.ok(
      tag.length <= 200 && !/[|,#@\p{Cc}\ufffd]/u.test(tag) && !tag.startsWith("dd.internal."),
      JSON.stringify(tag),
    );
  }
  const plain = said.filter(([key, value]) => /^[a-z]+$/.test(key) && /^[a-zé:]*[a-zé]$/u.test(value));
  for (const pair of plain) assert.ok(own.includes(pair.join(":")), pair.join(":"));
}
