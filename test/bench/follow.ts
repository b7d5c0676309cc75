import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { readingArgs } from "../../pipelines/follow/command-line.ts";
import { followerProgram } from "../pipelines/follow/follower-program.ts";
import { privateJournal } from "../pipelines/follow/private-journal.ts";
import { MadeUpRecorder } from "../pipelines/follow/recorder.ts";

/**
 * How fast the follower catches up, beside `journalctl -o export` with the same fields and matches, on a journal of its own.
 * `node dist/test/bench/follow.js [ENTRIES [ROUNDS]]`; needs root.
 */
const [count, rounds] = [Number(process.argv[2] ?? 500_000), Number(process.argv[3] ?? 3)];
const checkpointRead = z.object({ cursor: z.string().optional(), read: z.number() });

const journal = await privateJournal();
const follower = await followerProgram(journal, "10s");
const checkpoint = join(follower.stateDir, "pipeline-checkpoint.json");

try {
  follower.start();
  while (!existsSync(checkpoint)) await sleep(50);
  await follower.kill("SIGTERM");
  const { cursor, read } = checkpointRead.parse(JSON.parse(readFileSync(checkpoint, "utf8")));
  const recorder = new MadeUpRecorder();
  const more = {
    networkId: "0123456789ab",
    netns: "1-0123456789",
    dev: "vxlan0",
    ifindex: 3,
    mac: "02:42:0a:00:00:02",
  };
  const began = performance.now();
  await journal.write(recorder.events(count, more));
  print(`written: ${count} entries, ${rate(performance.now() - began)}`);
  // What is late has its own time: the case of a follower that was down.
  await sleep(16_000);
  const place = { read, ...(cursor !== undefined && { cursor }) };
  for (let round = 1; round <= rounds; round++) {
    const alone = await timed(journal.inside("/usr/bin/journalctl", "--no-pager", ...readingArgs(place, "", false)));
    const { wall, cpu } = await caughtUp();
    print(
      `round ${round}: journalctl alone ${rate(alone)}; follower ${rate(wall)}, ${(alone / wall).toFixed(2)} of it, ${cpu.toFixed(1)} s of CPU of its own`,
    );
  }
} finally {
  await follower.close();
  await journal.close();
}

async function timed([program, ...args]: readonly [string, ...string[]]): Promise<number> {
  const began = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.resume();
  await new Promise((resolve) => child.once("close", resolve));
  return performance.now() - began;
}

/** From the program's first look at the journal to its last entry. Each round begins at the same checkpoint. */
async function caughtUp(): Promise<{ readonly wall: number; readonly cpu: number }> {
  const text = readFileSync(checkpoint, "utf8");
  const [program, ...args] = journal.inside(
    process.execPath,
    `${import.meta.dirname}/follow-once.js`,
    checkpoint,
    String(count),
  );
  const { stdout } = spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  writeFileSync(checkpoint, text);
  return z.object({ wall: z.number(), cpu: z.number() }).parse(JSON.parse(stdout));
}

function rate(milliseconds: number): string {
  return `${Math.round(count / (milliseconds / 1000))} entries a second`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
