import assert from "node:assert/strict";
import { z } from "zod";
import { sources } from "../../collectors/netstat/metrics.ts";
import { addressOf } from "../../lab/cluster.ts";
import { tools } from "../../lab/engines.ts";
import type { LabHost } from "../../lab/host.ts";
import { must, pause, run } from "../../lab/process.ts";
import { type Holder, holdIn } from "../host/sockets/stage.ts";
import { useLab } from "../lab/fixture.ts";
import { grows, type Source } from "./compare.ts";
import { Delivered } from "./delivered.ts";
import { type Counters, inside, lifeOf, same } from "./kernel.ts";
import { figure } from "./length.ts";
import { endAll, onHost, type Program } from "./program.ts";

describe("accept: what the TCP and UDP stack counts", function () {
  this.timeout(120_000);
  const lab = useLab();
  const made: Holder[] = [];
  let host: LabHost;
  let delivered: Delivered;
  let agent: Program;

  before("agent", async () => {
    host = lab().host(1);
    delivered = await Delivered.open(lab());
    agent = onHost(host, ["run", "netstat"], delivered.settings);
    await delivered.next(1);
  });
  after("agent", async () => {
    assert.equal((await agent.stop()).code, 0, agent.err());
    endAll();
    for (const holder of made) await holder.end();
    await delivered.close();
  });

  const growth = async (work: () => Promise<void>) => grows(host, ["A1", "B1"], delivered, work, source());
  const source = (): Source => ({
    read: async (container) => nstat(host, container),
    sums: (container, from, before) =>
      new Map(names.map((name) => [name, total(delivered, container, name, from, before)])),
  });

  it("check netstat --raw is what nstat says, every chosen counter", async () => {
    const compared = await rawIsNstat(host);
    assert.equal(compared, 2 * names.length);
    figure(`check netstat --raw: ${names.length} counters in 2 containers equal to nstat -asz`);
  });

  it("segments that were really sent again are delivered, off by 0", async () => {
    const grown = await growth(async () => retransmissions(host, "A1", "B1"));
    const of = (name: string) => grown.get("A1")?.get(name) ?? 0;
    for (const name of ["tcp.retrans_segs", "tcp.timeouts", "tcp.active_opens", "tcp.out_segs", "tcp.in_segs"])
      assert.ok(of(name) > 0, `${name}: ${of(name)}`);
    assert.ok((grown.get("B1")?.get("tcp.passive_opens") ?? 0) > 0);
    figure(`3 s of lost segments: retrans_segs +${of("tcp.retrans_segs")}, timeouts +${of("tcp.timeouts")}, as nstat`);
  });

  it("connections that a full listener really lost are delivered, off by 0", async () => {
    const grown = await growth(async () => {
      made.push(await overflow(host, "A1", "B1"));
    });
    const of = (name: string) => grown.get("B1")?.get(name) ?? 0;
    for (const name of ["tcp.listen_overflows", "tcp.listen_drops"]) assert.ok(of(name) > 0, `${name}: ${of(name)}`);
    assert.ok(of("tcp.listen_drops") >= of("tcp.listen_overflows"));
    assert.ok((grown.get("A1")?.get("tcp.syn_retrans") ?? 0) > 0);
    figure(
      `a full listener: listen_overflows +${of("tcp.listen_overflows")}, listen_drops +${of("tcp.listen_drops")}, as nstat`,
    );
  });

  it("datagrams to nobody, and to somebody, are delivered, off by 0", async () => {
    const grown = await growth(async () => {
      const to = await addressOf(host, "B1");
      const within = inside(await lifeOf(host, "A1"));
      for (let i = 0; i < 5; i++) await must([...within, "/bin/bash", "-c", `echo x > /dev/udp/${to}/9800`]);
    });
    assert.equal(grown.get("B1")?.get("udp.no_ports"), 5);
    assert.equal(grown.get("A1")?.get("udp.out_datagrams"), 5);
    figure("5 datagrams to a port of nobody: udp.no_ports +5, udp.out_datagrams +5, as nstat");
  });
});

const names = Object.keys(sources);

function total(delivered: Delivered, container: string, name: string, from: number, before: number): number {
  return delivered.arrived
    .filter((one) => one.name === name && one.tags["container_name"] === container)
    .filter(({ cycle }) => cycle >= from && cycle < before)
    .reduce((sum, { value }) => sum + value, 0);
}

const told = z.object({ kernel: z.record(z.string(), z.number()) });

/** By our names: the kernel's own are protocol and column, which nstat writes without a dot. */
async function nstat(host: LabHost, container: string): Promise<Counters> {
  const text = await must([...inside(await lifeOf(host, container)), "nstat", "-a", "-s", "-z", "--json"]);
  const { kernel } = told.parse(JSON.parse(text));
  return new Map(
    Object.entries(sources).map(([name, column]) => {
      const value = kernel[column.replace(".", "")];
      assert.ok(value !== undefined, `this machine's nstat does not know ${column}`);
      return [name, value] as const;
    }),
  );
}

const printed = z.array(
  z.object({
    metric: z.string(),
    type: z.literal("count"),
    value: z.number(),
    tags: z.looseObject({ container_name: z.string() }),
  }),
);

/** Number of counters compared; read again where one of them moved meanwhile. */
async function rawIsNstat(host: LabHost): Promise<number> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = await both(host);
    const program = onHost(host, ["check", "netstat", "--raw", "--json"]);
    assert.equal(await program.ended, 0, program.err());
    if (!same(before, await both(host))) continue;
    const raw = printed
      .parse(JSON.parse(program.out()))
      .map(
        ({ metric, value, tags }) => [`${tags.container_name} ${metric.replace("overlaywatch.", "")}`, value] as const,
      );
    assert.deepEqual(Object.fromEntries(raw), Object.fromEntries(before));
    return raw.length;
  }
  throw new Error("the counters do not come to rest");
}

async function both(host: LabHost): Promise<Counters> {
  const all = new Map<string, number>();
  for (const container of ["A1", "B1"])
    for (const [name, value] of await nstat(host, container)) all.set(`${container} ${name}`, value);
  return all;
}

/** One connection that says something ten times a second, of which nothing arrives for 3 s. */
async function retransmissions(host: LabHost, from: string, to: string): Promise<void> {
  const address = await addressOf(host, to);
  const listening = host.inContainer(to, ["sh", "-c", "nc -l -p 9600 | wc -l"], { timeout: 60_000 });
  const speak = "for i in $(seq 60); do echo $i; sleep 0.1; done";
  const script = `sleep 0.3; exec nc ${address} 9600 -e sh -c '${speak}'`;
  const speaking = host.inContainer(from, ["sh", "-c", script], { timeout: 60_000 });
  await pause(1_500);
  const rule = (what: "-A" | "-D") =>
    ["/usr/sbin/iptables", "-w", what, "INPUT", "-p", "tcp", "--dport", "9600", "-j", "DROP"] as const;
  const within = inside(await lifeOf(host, to));
  await must([...within, ...rule("-A")]);
  await pause(3_000);
  await must([...within, ...rule("-D")]);
  assert.equal((await speaking).code, 0);
  assert.equal((await listening).stdout.trim(), "60", "all of it arrives in the end");
}

/** Six ask for a connection where there is room for two. The listener stays, and never accepts. */
async function overflow(host: LabHost, from: string, to: string): Promise<Holder> {
  const holder = await holdIn((await lifeOf(host, to)).pid, "crowded");
  process.kill(holder.pid, "SIGSTOP");
  const knock = [tools.busybox, "timeout", "4", tools.busybox, "nc", await addressOf(host, to), "9700"];
  const within = inside(await lifeOf(host, from));
  await Promise.all(Array.from({ length: 6 }, async () => run([...within, ...knock])));
  return holder;
}
