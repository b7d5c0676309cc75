import { setTimeout as sleep } from "node:timers/promises";
import { startFollower } from "../../pipelines/follow/follower.ts";

/** Follows from a checkpoint until so many entries were read; prints how long that took, and its CPU. */
const [path = "", count = "0"] = process.argv.slice(2);
const began = performance.now();
const follower = await startFollower({
  path,
  interval: 10_000,
  send: () => Promise.resolve(),
  log: (level, message) => void process.stderr.write(`${level} ${message}\n`),
  uid: 0,
});
const read = () => follower.stats().totals["pipeline.entries"] ?? 0;
while (read() < Number(count)) await sleep(5);
const wall = performance.now() - began;
const { user, system } = process.cpuUsage();
await follower.close();
// Counted, sent or not: the bucket of the last ten seconds is still open, and goes into the checkpoint.
process.stdout.write(JSON.stringify({ wall, cpu: (user + system) / 1e6, counted: read() }));
