/**
 * `node dist/test/bench/reach.js [--containers 60] [--cycles 50]`: what probing costs on a swarm's host, beside all other collectors,
 * and fping beside an ICMP echo from this process. On a lab of its own.
 */
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { fping } from "../../host/fping.ts";
import { startEcho } from "../../host/sockets/echo.ts";
import { addressOf } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { up } from "../../lab/lab.ts";
import { type Step, Stepper } from "../accept/stepper.ts";
import { cpuOfPrograms } from "./cpu.ts";
import { pauseBetweenCycles } from "./cycles.ts";
import { sum } from "./verdict.ts";

const { values } = parseArgs({
  options: { containers: { type: "string", default: "60" }, cycles: { type: "string", default: "50" } },
});
const [containers, cycles, warmUp] = [Number(values.containers), Number(values.cycles), 30];
const collectors = ["interfaces", "tcp", "netstat", "overlay", "reachability"] as const;
const say = (text: string) => void process.stderr.write(`bench: ${text}\n`);
const { signal } = new AbortController();

// Such a name is cleared away by the next test run, should this one be killed.
const shape = { name: `t-${process.pid}-reach`, hosts: 1, containers: 0, driver: "swarm", engine: "28.5" };
const lab = await up(shape, { log: say });
process.once("exit", () => lab.downNow());
for (const [name, code] of [["SIGINT", 130] as const, ["SIGTERM", 143] as const])
  process.once(name, () => process.exit(code));
const host = lab.host(1);
const names = Array.from({ length: containers }, (_, n) => `c${n}`);
for (const name of names) await host.run(name, { network: "testnet" });
for (const sample of [10, containers]) process.stdout.write(`${JSON.stringify(await cost(host, sample))}\n`);
process.stdout.write(`${JSON.stringify(await programOrThread(host, names.slice(0, 10)))}\n`);

/** Milliseconds of CPU of a cycle. */
async function cost(on: LabHost, sample: number) {
  const stepper = new Stepper(on, collectors, { OVERLAYWATCH_COLLECTORS_REACHABILITY_SAMPLE: String(sample) });
  const steps: Step[] = [];
  for (let n = 0; n < warmUp + cycles; n++) {
    const all = await stepper.cycle();
    if (n >= warmUp) steps.push(...all);
    await sleep(pauseBetweenCycles);
  }
  await stepper.stop();
  const probing = steps.filter(({ collector }) => collector === "reachability");
  const others = steps.filter(({ collector }) => collector !== "reachability");
  const pinged = probing.reduce((most, { samples }) => Math.max(most, samples.length / 2), 0);
  if (pinged !== sample)
    throw new Error(`${pinged} of ${sample} containers were pinged: ${JSON.stringify(probing[0])}`);
  const [agent, programs] = [perCycle(probing, "own"), perCycle(probing, "programs")];
  const rest = perCycle(others, "own") + perCycle(others, "programs");
  return { containers, sample, agent, fping: programs, others: rest, ratio: (agent + programs) / rest };
}

function perCycle(steps: readonly Step[], part: keyof Step["cpu"]): number {
  return sum(steps.map(({ cpu }) => cpu[part])) / cycles;
}

/** The same pings from one container to others: by fping, and by a thread of this process. */
async function programOrThread(on: LabHost, [from = "", ...to]: readonly string[]) {
  const netns = `/proc/${(await on.inspect(from)).State.Pid}/ns/net`;
  const addresses = await Promise.all(to.map(async (name) => addressOf(on, name)));
  const targets = addresses.map((ip) => ({ netns, ip }));
  const echo = startEcho();
  const byProgram = await cpuOf(async () =>
    [...(await fping(netns, addresses, signal)).values()].map(({ loss }) => loss),
  );
  const byThread = await cpuOf(async () => echo.probe(targets, { signal, count: 3, gapMs: 150, waitMs: 500 }));
  await echo.close();
  return { targets: targets.length, byProgram, byThread, ratio: byProgram / byThread };
}

/** Milliseconds of CPU that one round takes, programs that it runs included. */
async function cpuOf(losses: () => Promise<readonly (number | Error)[]>): Promise<number> {
  for (let n = 0; n < 5; n++) {
    const lost = (await losses()).filter((loss) => loss !== 0);
    if (lost.length > 0) throw new Error(`not all were reached: ${lost.join(", ")}`);
  }
  const [before, programs] = [process.cpuUsage(), cpuOfPrograms()];
  for (let n = 0; n < cycles; n++) await losses();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000 + cpuOfPrograms() - programs) / cycles;
}
