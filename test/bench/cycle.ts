/**
 * `npm run bench [-- --json] [--containers 10,60] [--quick] [--beside DIR]`: CPU time of one cycle of all collectors beside the ways that people
 * do without, on a lab of its own. Ours, C, shell and Docker take turns: what else the machine does slows all of them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startReceiver } from "../../emit/dogstatsd/receiver.ts";
import type { LabHost } from "../../lab/host.ts";
import { type Lab, up } from "../../lab/lab.ts";
import { must } from "../../lab/process.ts";
import { baseline, dockerStats, ourAgent, type OurAgent, shellLoop } from "./contenders.ts";
import { startTraffic } from "./traffic.ts";
import { type Measured, median, sum, summary, table } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    containers: { type: "string", default: "10,60" },
    /** Leaves out the shell loop and `docker stats`, which take most of the time. */
    quick: { type: "boolean", default: false },
    /** The folder of another build of this program, to measure a change in one run. */
    beside: { type: "string" },
    rounds: { type: "string", default: "5" },
    /** For the agent's Node, such as `--cpu-prof`. */
    node: { type: "string", multiple: true, default: [] },
  },
});
const [rounds, cyclesARound, warmUp, delayCycles] = [Number(values.rounds), 10, 60, 30];

const folder = mkdtempSync(join(tmpdir(), "overlaywatch-bench-"));
const program = join(folder, "baseline");
const say = (text: string) => void process.stderr.write(`bench: ${text}\n`);
let lab: Lab | undefined;
const clear = () => {
  lab?.downNow();
  lab = undefined;
  rmSync(folder, { recursive: true, force: true });
};
for (const [signal, code] of [["SIGINT", 130] as const, ["SIGTERM", 143] as const]) {
  process.once(signal, () => process.exit(code));
}
process.once("exit", clear);

try {
  await must(["/usr/bin/gcc", "-O2", "-o", program, join(process.cwd(), "test/bench/baseline.c")]);
  // Such a name is cleared away by the next test run, should this one be killed.
  lab = await up({ name: `t-${process.pid}-bench`, hosts: 1, containers: 0 }, { log: say });
  const results = await benchAll(lab, values.containers.split(",").map(Number));
  process.stdout.write(values.json ? `${JSON.stringify(results.map(summary))}\n` : table(results.map(summary)));
} finally {
  clear();
}

async function benchAll(on: Lab, sizes: readonly number[]): Promise<readonly Measured[]> {
  const [host, results] = [on.host(1), new Array<Measured>()];
  const names: string[] = [];
  const path = `${on.shared}/dsd.sock`;
  const arrived = { messages: 0 };
  const receiver = await startReceiver({ uds: { path } }, () => void arrived.messages++);
  for (const size of sizes) {
    for (let n = names.length; n < size; n++) {
      await host.run(`c${n}`, { network: "testnet" });
      names.push(`c${n}`);
    }
    say(`${size} containers`);
    const pids = await Promise.all(names.map(async (name) => (await host.inspect(name)).State.Pid));
    const agent = ourAgent(process.cwd(), host, path, values.node);
    const beside = values.beside === undefined ? undefined : ourAgent(values.beside, host, path, []);
    for (const state of ["idle", "busy"] as const) {
      const stopTraffic = state === "busy" ? await startTraffic(host, pids) : undefined;
      await beside?.cpu(warmUp);
      await agent.cpu(warmUp);
      results.push(await bench(state, { host, path, pids, agent, beside, arrived }));
      await stopTraffic?.();
    }
    await agent.stop();
    await beside?.stop();
  }
  await receiver.close();
  return results;
}

interface Ring {
  readonly host: LabHost;
  /** Of the DogStatsD socket. */
  readonly path: string;
  readonly pids: readonly number[];
  readonly agent: OurAgent;
  readonly beside: OurAgent | undefined;
  readonly arrived: { messages: number };
}

async function bench(state: Measured["state"], ring: Ring): Promise<Measured> {
  const { host, path, pids, agent, beside, arrived } = ring;
  const spent: Measured["spent"] = { ours: [], beside: [], c: [], shell: [], stats: [] };
  const parts: Record<string, number[]> = { client: [], dockerd: [], containerd: [] };
  let samples = { ours: 0, c: 0 };
  for (let round = 0; round < rounds; round++) {
    arrived.messages = 0;
    const ours = await agent.cpu(cyclesARound);
    const cameOfOurs = arrived.messages / cyclesARound;
    arrived.messages = 0;
    spent.c.push(await baseline(host, program, path, { samples: ours.samples, cycles: cyclesARound, pids }));
    samples = { ours: cameOfOurs, c: arrived.messages / cyclesARound };
    if (cameOfOurs !== ours.samples) throw new Error(`${ours.samples} samples were sent, ${cameOfOurs} came`);
    spent.ours.push(ours.cpu);
    if (beside !== undefined) spent.beside.push((await beside.cpu(cyclesARound)).cpu);
    if (values.quick) continue;
    spent.shell.push(await shellLoop(host, pids));
    const engine = await dockerStats(host);
    for (const [part, cpu] of Object.entries(engine)) parts[part]?.push(cpu);
    spent.stats.push(sum(Object.values(engine)));
  }
  const { delay } = await agent.delay(delayCycles);
  const engine = Object.fromEntries(Object.entries(parts).map(([part, each]) => [part, median(each)]));
  return { state, containers: pids.length, samples, spent, engine, delay };
}
