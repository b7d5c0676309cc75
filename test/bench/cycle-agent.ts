/**
 * The agent as `overlaywatch run` has it, but its cycles come when they are asked for: at `cpu N` on stdin it runs N
 * cycles of all collectors and tells what they cost, at `delay N` how long they held the event loop. Ends with stdin.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "../../agent/config/load.ts";
import { streamLog } from "../../agent/log.ts";
import { openOutputs, type Outputs } from "../../agent/outputs.ts";
import { recordRuns } from "../../agent/run-state.ts";
import { serve } from "../../agent/serve.ts";
import { openSession } from "../../agent/session.ts";
import { type Answer, pauseBetweenCycles } from "./cycles.ts";

const { env, stdin, stdout, stderr, pid } = process;
const ending = new AbortController();
const log = streamLog(stderr);
const { config } = loadConfig({ flags: [], env });
const session = openSession(config, { log });
const io = { env, stdin, stdout, stderr, pid, self: [], cwd: "/", signal: ending.signal, outlast: () => undefined };
const outputs = await openOutputs(config, session, io, () => undefined);
const record = recordRuns(pid, session, outputs);

const parts = {
  pipeline: { close: async () => undefined },
  noteFindings: () => undefined,
  closeJournal: async () => undefined,
};
await serve({ session, outputs, record, ...parts, log, ending: ending.signal }, async (_agent, cycle, synced) => {
  await synced;
  const once = async () => {
    await Promise.all(session.jobs.map(cycle));
    await Promise.all(outputs.sinks().map((sink) => sink.flush()));
  };
  for await (const line of createInterface({ input: stdin })) {
    const [what, count] = line.split(" ");
    const measured = what === "delay" ? await delayOf(Number(count), once) : await cpuOf(Number(count), once);
    const answer: Answer = { cpu: 0, samples: 0, delay: { p99: 0, max: 0 }, ...measured };
    stdout.write(`${JSON.stringify(answer)}\n`);
  }
});
await session.close();

async function cpuOf(count: number, once: () => Promise<void>): Promise<Pick<Answer, "cpu" | "samples">> {
  const [sent, before] = [samples(outputs), process.cpuUsage()];
  for (let i = 0; i < count; i++) {
    await once();
    await sleep(pauseBetweenCycles);
  }
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / 1000 / count, samples: (samples(outputs) - sent) / count };
}

/** One cycle right after the other: the time between them would thin out every percentile. */
async function delayOf(count: number, once: () => Promise<void>): Promise<Pick<Answer, "delay">> {
  const resolution = 1;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  for (let i = 0; i < count; i++) await once();
  // The tick that comes late because of the last piece.
  await sleep(2 * resolution);
  delay.disable();
  // What it records is the time between two ticks of its own timer: the timer's part is not the program's.
  const held = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution);
  return { delay: { p99: held(delay.percentile(99)), max: held(delay.max) } };
}

function samples({ sinks }: Outputs): number {
  return sinks().reduce((sum, sink) => sum + sink.stats().samples, 0);
}
