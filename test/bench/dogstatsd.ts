/**
 * What a sample costs in CPU, our sink around hot-shots against hot-shots alone, and how much of one host's burst
 * arrives by either. Run by hand: `node dist/test/bench/dogstatsd.js`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StatsD } from "hot-shots";
import { startReceiver } from "../../emit/dogstatsd/receiver.ts";
import { dogstatsdSink } from "../../emit/dogstatsd/sink.ts";
import type { Transport } from "../../emit/dogstatsd/transport.ts";
import type { Sample } from "../../emit/sample.ts";

const ROUNDS = 40;
const GLOBAL_TAGS = ["env:prod", "service:shop", "dd.internal.card:none"];

const folder = mkdtempSync(join(tmpdir(), "overlaywatch-bench-"));
try {
  await compareCpu();
  await compareArrival("udp");
  await compareArrival("uds");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** To a UDP port where nobody listens, so that no receiver's time is counted; the two take turns. */
async function compareCpu(): Promise<void> {
  const closed = await startReceiver({ udp: { port: 0 } }, () => undefined);
  await closed.close();
  const transport = { kind: "udp", host: "127.0.0.1", port: closed.udp?.port ?? 0 } as const;
  const sink = dogstatsdSink({ transport, globalTags: GLOBAL_TAGS.slice(0, 2) });
  const bare = bareClient(transport);
  const spent = { ours: 0, bare: 0 };
  for (let round = -5; round < ROUNDS; round += 1) {
    const ours = await cpuOf(async () => {
      sink.write(burst(), 0);
      await sink.flush();
    });
    const alone = await cpuOf(() => sendBare(bare, burst()));
    // The first rounds are for the compiler.
    if (round < 0) continue;
    spent.ours += ours;
    spent.bare += alone;
  }

  print(`CPU a sample: ours ${perSample(spent.ours)}, hot-shots alone ${perSample(spent.bare)}`);
  print(`ratio ${(spent.ours / spent.bare).toFixed(2)}`);
  await sink.close();
  await closeBare(bare);
}

async function compareArrival(kind: "udp" | "uds"): Promise<void> {
  let arrived = 0;
  const path = join(folder, "dsd.socket");
  const udp = { port: 0, receiveBufferBytes: 106_496 };
  const receiver = await startReceiver(kind === "udp" ? { udp } : { uds: { path } }, () => {
    arrived += 1;
  });
  const transport: Transport =
    kind === "udp" ? { kind, host: "127.0.0.1", port: receiver.udp?.port ?? 0 } : { kind, path };
  const sink = dogstatsdSink({ transport });
  const started = performance.now();
  sink.write(burst(), 0);
  await sink.flush();
  const took = performance.now() - started;
  await sleep(1_000);
  print(`${kind}: ours ${arrived} of 1200 in ${took.toFixed(0)} ms, ${receiver.stats()[kind].datagrams} datagrams`);
  await sink.close();
  arrived = 0;
  const bare = bareClient(transport);
  await sendBare(bare, burst());
  await sleep(2_000);
  print(`${kind}: hot-shots alone ${arrived} of 1200`);
  await closeBare(bare);
  await receiver.close();
}

function bareClient(transport: Transport): StatsD {
  const { kind, ...where } = transport;
  return new StatsD({
    ...where,
    protocol: kind,
    prefix: "overlaywatch.",
    globalTags: [...GLOBAL_TAGS],
    maxBufferSize: kind === "udp" ? 1432 : 8192,
    includeDataDogTags: false,
    datadog: false,
    errorHandler: () => undefined,
  });
}

async function sendBare(client: StatsD, samples: readonly Sample[]): Promise<void> {
  for (const { name, type, value, tags } of samples) {
    if (type === "count") client.increment(name, value, 1, tags);
    else client.gauge(name, value, 1, tags);
  }
  await new Promise((resolve) => {
    client.flush(resolve);
  });
}

async function closeBare(client: StatsD): Promise<void> {
  await new Promise((resolve) => {
    client.close(resolve);
  });
}

function perSample(total: number): string {
  return `${(total / ROUNDS / 1200).toFixed(2)} us`;
}

/** Microseconds of user and system time. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** 50 containers, 3 interfaces, 8 metrics. */
function burst(): Sample[] {
  return Array.from({ length: 50 }, (_, container) => container).flatMap((container) =>
    [0, 1, 2].flatMap((link) => {
      const tags = {
        container_name: `shop-frontend-${container}`,
        image_name: "registry.example.com/shop/frontend",
        short_image: "frontend",
        image_tag: "1.2.3",
        swarm_service: "shop_frontend",
        swarm_namespace: "shop",
        interface: `eth${link}`,
        docker_network: `shop_net_${link}`,
      };
      return Array.from({ length: 8 }, (_, metric) => ({
        name: `net.metric_${metric}`,
        type: "count" as const,
        value: container * 1000 + metric,
        tags,
      }));
    }),
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
