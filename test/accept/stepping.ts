/**
 * `stepping.js [COLLECTOR...]`: collectors as `overlaywatch run` has them, but a cycle, of one after the other, comes for each line on
 * stdin; its answer is a line of JSON. Ends with stdin.
 */
import { createInterface } from "node:readline";
import { loadConfig } from "../../agent/config/load.ts";
import { streamLog } from "../../agent/log.ts";
import { openSession } from "../../agent/session.ts";
import { cpuOfPrograms } from "../bench/cpu.ts";
import type { Step } from "./stepper.ts";

const { argv, env, stdin, stdout, stderr } = process;
const { signal } = new AbortController();
const session = openSession(loadConfig({ flags: [], env }).config, { names: argv.slice(2), log: streamLog(stderr) });
await session.docker.synced(signal);
for await (const _ of createInterface({ input: stdin })) {
  const steps: Step[] = [];
  for (const { run } of session.jobs) {
    const [before, programsBefore] = [process.cpuUsage(), cpuOfPrograms()];
    const { collector, outcome, samples, skipped, errors } = await run(signal);
    const { user, system } = process.cpuUsage(before);
    const said = errors.map(({ message }) => message);
    const cpu = { own: (user + system) / 1000, programs: cpuOfPrograms() - programsBefore };
    steps.push({ collector, outcome, samples: [...samples], skipped, errors: said, cpu });
  }
  stdout.write(`${JSON.stringify(steps)}\n`);
}
await session.close();
