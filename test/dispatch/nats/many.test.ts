import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { HandOver } from "../../../dispatch/hand-over.ts";
import { pack } from "../../../dispatch/nats/pieces.ts";
import { revoked } from "../../../dispatch/nats/registry.ts";
import { serverConfig } from "../../../dispatch/nats/server-config.ts";
import { bundleOf } from "../../../overlay/explain/bundle.ts";
import { figure, isFull, sized } from "../../accept/length.ts";
import { until } from "../../host/until.ts";
import { jobFor, manyRows, memoryWorker, tablesOf } from "./fleet.ts";
import { useFleet } from "./use-fleet.ts";

const hosts = Array.from({ length: sized(300, 25) }, (_, n) => `host-${n}.example.com`);
const [gone = "", ...others] = hosts;

describe("dispatch/nats: many hosts", function () {
  this.timeout(sized(180_000, 60_000));
  const { server, fleet, provide, gateway, asker, hostOf } = useFleet(hosts, hosts);

  it("each gets its own jobs and no other's, also while the broker reads its configuration again", async () => {
    await provide({ jobsPerHost: 10, jobsPerFleet: 10_000 });
    const { handOver, letters } = await gateway();
    const came = new Map<string, number>();
    const workers = new Map(hosts.map((host) => [host, memoryWorker(host)]));
    for (const [host, { worker }] of workers) await hostOf(host, noting(worker, came));
    const sent = new Map<string, number>();
    const round = async (to: readonly string[]) =>
      Promise.all(
        to.map(async (host) => {
          const job = jobFor(host);
          sent.set(job.id, performance.now());
          // Where the reload took the first answer away, the second says that it was there.
          assert.match((await handOver.offer(job)).answer, /^(?:accepted|duplicate)$/u);
        }),
      );
    await round(hosts);
    await until("each has its own", () => came.size === hosts.length, 20_000);
    tell(sent, came, server().pid);
    const [reloaded] = await Promise.all([
      server().reload(serverConfig(revoked(fleet.registry, gone, 1))),
      ...Array.from({ length: 3 }, async () => round(others)),
    ]);
    assert.equal(reloaded, undefined);
    await until("each has all of its own", () => came.size === hosts.length + 3 * others.length, 40_000);
    assert.ok([...workers].every(([host, { jobs }]) => jobs.size === (host === gone ? 1 : 4)));
    assert.ok([...workers].every(([host, { offered }]) => offered.every((job) => job.host === host)));
    assert.deepEqual(letters, []);
  });

  it("all are asked at once, and each one's answer is its own", async () => {
    await provide();
    const asking = await asker(30_000);
    for (const [at, host] of hosts.entries()) {
      const rows = { ...tablesOf(host), networks: [manyRows(500 + at)] };
      const packed = await pack(JSON.stringify(bundleOf(rows, "2026-01-01T00:00:00.000Z")));
      await hostOf(host, memoryWorker(host).worker, 100, { tables: async () => packed });
    }
    const all = await asking.hosts();
    assert.deepEqual(all, hosts.toSorted());
    const { signal } = new AbortController();
    const begun = performance.now();
    const statuses = await asking.status(all, signal);
    const asked = performance.now();
    const tables = await asking.tables(all, signal);
    const took = [asked - begun, performance.now() - asked].map(Math.round);
    assert.deepEqual(
      statuses.map((reply) => "answer" in reply && reply.answer.host),
      all,
    );
    for (const reply of tables) {
      assert.ok("answer" in reply, reply.host);
      assert.equal(reply.answer.host, reply.host);
      assert.equal(reply.answer.networks[0]?.space?.fdb.length, 500 + hosts.indexOf(reply.host));
    }
    if (isFull())
      figure(
        `${all.length} hosts asked at once: status ${took[0]} ms, tables of 500 rows and more ${took[1]} ms; asker and hosts ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB`,
      );
  });
});

function noting(worker: Pick<HandOver, "offer" | "withdraw">, came: Map<string, number>) {
  return {
    ...worker,
    offer: async (...[job]: Parameters<HandOver["offer"]>) => {
      if (!came.has(job.id)) came.set(job.id, performance.now());
      return worker.offer(job);
    },
  };
}

function tell(sent: ReadonlyMap<string, number>, came: ReadonlyMap<string, number>, pid: number): void {
  const took = [...sent].map(([id, at]) => (came.get(id) ?? Number.NaN) - at).toSorted((a, b) => a - b);
  const [, memory] = /VmRSS:\s+(\d+) kB/u.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  const share = (part: number) => `${Math.round(took[Math.floor(took.length * part)] ?? Number.NaN)} ms`;
  if (isFull())
    figure(`${took.length} jobs at once: at their hosts p50 ${share(0.5)}, p99 ${share(0.99)}; broker ${memory} kB`);
}
