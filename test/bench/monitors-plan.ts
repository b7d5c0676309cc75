import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveClock } from "../../host/clock.ts";
import { startStandin } from "../../standin/standin.ts";

/** `node dist/test/bench/monitors-plan.js [ROUNDS]`: a cold start of `monitors plan` on everything that ships, applied. */
const rounds = Number(process.argv[2] ?? 15);

const folder = mkdtempSync(join(tmpdir(), "ow-bench-"));
const standin = await startStandin({
  clock: liveClock,
  unlimited: true,
  onProblem: (error) => void process.stderr.write(`${String(error)}\n`),
});
try {
  const config = join(folder, "config.yaml");
  writeFileSync(config, "datadog:\n  webhook_url: https://heal.example.com/datadog\n");
  await timed("apply", config);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await timed("plan", config));
  const sorted = times.toSorted((a, b) => a - b);
  const [median = 0, worst = 0] = [sorted[Math.floor(rounds / 2)], sorted.at(-1)];
  process.stdout.write(
    `monitors plan, ${rounds} cold starts: median ${Math.round(median)} ms, worst ${Math.round(worst)} ms\n`,
  );
} finally {
  await standin.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Milliseconds from the start of the process to its end. */
async function timed(action: string, config: string): Promise<number> {
  const { apiKey = "", appKey = "" } = standin.organisations[0] ?? {};
  const began = performance.now();
  const child = spawn(
    process.execPath,
    ["dist/agent/main.js", "monitors", action, "--config", config, "--state-dir", folder, "--api-url", standin.url],
    { env: { DD_API_KEY: apiKey, DD_APP_KEY: appKey, PATH: process.env["PATH"] }, stdio: ["ignore", "ignore", "pipe"] },
  );
  await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`monitors ${action} ended with ${child.exitCode}`);
  return performance.now() - began;
}
