import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { z } from "zod";
import { addressOf } from "../../lab/cluster.ts";
import { tools } from "../../lab/engines.ts";
import type { LabHost } from "../../lab/host.ts";
import { must } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { assertEqual, atRest } from "./compare.ts";
import { Delivered, repeated } from "./delivered.ts";
import { inside, kernelCounters, lifeOf } from "./kernel.ts";
import { figure, sized } from "./length.ts";
import { loopHeld, loopProbe } from "./loop-held.ts";
import { endAll, onHost, type Program, says } from "./program.ts";

const count = sized(50, 10);
const names = Array.from({ length: count }, (_, i) => `many${i}`);

describe(`accept: volume, ${count} containers more`, function () {
  this.timeout(240_000);
  const lab = useLab();
  let host: LabHost;

  before("containers", async () => {
    host = lab().host(1);
    for (const name of names) await host.run(name, { network: "testnet" });
  });
  after("containers", async () => {
    endAll();
    for (const name of names) await host.api("DELETE", `/containers/${name}?force=true`);
  });

  for (const [transport, limit] of [["uds", 8192] as const, ["udp", 1432] as const]) {
    it(`${transport}: every sample once, all that the kernel counted, no datagram above ${limit} bytes`, async () => {
      const sink = onHost(host, ["sink", "--json", ...where(transport, lab().shared)]);
      await says(sink, /listening on/);
      const delivered = fed(sink);
      const agent = onHost(host, ["run", "interfaces"], {
        DD_DOGSTATSD_URL: urlIn(sink.err()),
        OVERLAYWATCH_COLLECTORS_INTERFACES_INTERVAL: "1s",
      });
      await delivered.next(1, 20_000);
      const before = await restOfAll(host, delivered);
      await everyoneSends(host);
      const after = await restOfAll(host, delivered);
      for (const [index, name] of names.entries()) {
        const [base, now] = [before[index]!, after[index]!];
        const grown = new Map([...now.counters].map(([k, v]) => [k, v - (base.counters.get(k) ?? 0)]));
        assertEqual(delivered.sums(name, base.cycle, now.cycle), grown, name);
        assert.ok((grown.get("lo|loopback|net.packets_sent") ?? 0) >= 3);
      }
      const each = await fullCycle(delivered);
      assert.equal((await agent.stop()).code, 0, agent.err());
      assert.equal((await sink.stop()).code, 0, sink.err());
      assert.deepEqual(repeated(delivered.counters()), []);
      assert.equal(delivered.total("agent.dropped"), 0);
      const [, messages, datagrams, largest, refused] =
        /: (\d+) messages in (\d+) datagrams, the largest (\d+) bytes; (\d+) lines refused/.exec(sink.err()) ?? [];
      assert.ok(Number(largest) <= limit, `the largest datagram has ${largest} bytes`);
      assert.equal(Number(refused), 0);
      assert.equal(Number(messages), sink.out().trim().split("\n").length);
      figure(
        `${transport}: ${each} counters in each cycle, each once; ${messages} messages in ${datagrams} datagrams, the largest ${largest} bytes; 0 lost, 0 refused`,
      );
    });
  }

  it("a cycle over all of them does not hold the event loop", async () => {
    const probe = `${lab().shared}/loop-probe`;
    const delivered = await Delivered.open(lab());
    const agent = onHost(host, ["run", "interfaces"], {
      ...delivered.settings,
      ...loopProbe(probe),
    });
    await delivered.next(2, 20_000);
    await everyoneSends(host);
    // The start and its imports are not a cycle's.
    const skipped = loopHeld(probe).length;
    await delivered.next(sized(20, 5), 30_000);
    assert.equal((await agent.stop()).code, 0, agent.err());
    await delivered.close();
    const seconds = loopHeld(probe).slice(skipped);
    rmSync(probe);
    const max = Math.max(...seconds.map((s) => s.max));
    const p99 = Math.max(...seconds.map((s) => s.p99));
    figure(
      `event loop held, ${seconds.length} cycles of ${count + 2} containers: p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`,
    );
    assert.ok(max < 100, `a cycle held the event loop for ${max} ms`);
  });
});

const where = (transport: "udp" | "uds", shared: string): readonly string[] =>
  transport === "udp" ? ["--udp", "0"] : ["--uds", `${shared}/volume.sock`];

function urlIn(text: string): string {
  const [, port] = /udp 127\.0\.0\.1:(\d+)/.exec(text) ?? [];
  return port === undefined ? `unix://${/unix (\S+)/.exec(text)?.[1]}` : `udp://127.0.0.1:${port}`;
}

/** What the program's own sink prints, line by line. */
function fed(sink: Program): Delivered {
  const delivered = new Delivered("");
  let rest = "";
  sink.child.stdout!.on("data", (chunk: string) => {
    const whole = (rest + chunk).split("\n");
    rest = whole.pop() ?? "";
    for (const line of whole) takeLine(delivered, line);
  });
  return delivered;
}

const metric = z.object({
  kind: z.literal("metric"),
  name: z.string(),
  type: z.enum(["count", "gauge"]),
  values: z.array(z.number()),
  sample_rate: z.literal(1),
  tags: z.array(z.string()),
});
const other = z.object({ kind: z.enum(["service_check", "event"]) });

function takeLine(delivered: Delivered, line: string): void {
  const read = z.union([metric, other]).parse(JSON.parse(line));
  if (read.kind === "metric") delivered.take(read);
}

const restOfAll = async (host: LabHost, delivered: Delivered) =>
  Promise.all(names.map(async (name) => atRest(delivered, async () => kernelCounters(host, name), 4)));

/** On each container three pings to its neighbour, to its gateway and to itself: all twelve counters move. */
async function everyoneSends(host: LabHost): Promise<void> {
  const neighbour = await addressOf(host, "A1");
  for (const name of names) {
    const within = inside(await lifeOf(host, name));
    for (const to of [neighbour, "172.18.0.1", "127.0.0.1"]) {
      await must([...within, tools.busybox, "ping", "-q", "-c", "3", "-i", "0.01", "-W", "2", to]);
    }
  }
}

/** How many counters a cycle has: the same ones in one cycle and the next, bytes and packets of all that moved. */
async function fullCycle(delivered: Delivered): Promise<number> {
  await delivered.next(2);
  const ours = (cycle: number) =>
    delivered
      .counters()
      .filter((a) => a.cycle === cycle && names.includes(a.tags["container_name"] ?? ""))
      .map(({ name, tags }) => `${tags["container_name"]} ${tags["interface"]} ${name}`);
  const last = ours(delivered.cycles - 1);
  assert.deepEqual([...last].sort(), [...ours(delivered.cycles - 2)].sort());
  assert.equal(last.length, names.length * 12);
  return last.length;
}
