import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { readingArgs } from "../../pipelines/follow/command-line.ts";
import { followerProgram } from "../pipelines/follow/follower-program.ts";
import { privateJournal } from "../pipelines/follow/private-journal.ts";
import { MadeUpRecorder } from "../pipelines/follow/recorder.ts";

export interface Behind {
  readonly count: number;
  readonly rounds: number;
  /** Milliseconds between the last entry and the first reading: what is late is told with its own time. */
  readonly age: number;
}

/** Entries a second. */
export interface Rates {
  readonly alone: number;
  readonly follower: number;
  /** Seconds of CPU of the follower itself, without journalctl. */
  readonly cpu: number;
}

type Journal = Awaited<ReturnType<typeof privateJournal>>;

const checkpointRead = z.object({ cursor: z.string().optional(), read: z.number() });
const followedOnce = z.object({ wall: z.number(), cpu: z.number(), counted: z.number() });

/**
 * How fast the follower catches up, beside `journalctl -o export` alone with the same fields and matches, in turns on a
 * journal of its own. Throws where it does not count all entries, each once. Needs root.
 */
export async function behind({ count, rounds, age }: Behind): Promise<readonly Rates[]> {
  const journal = await privateJournal();
  const follower = await followerProgram(journal, "10s");
  const checkpoint = join(follower.stateDir, "pipeline-checkpoint.json");
  try {
    follower.start();
    while (!existsSync(checkpoint)) await sleep(50);
    await follower.kill("SIGTERM");
    await journal.write(new MadeUpRecorder().events(count, detail));
    await sleep(age);
    const measured: Rates[] = [];
    for (let round = 0; round < rounds; round++) measured.push(await measure(journal, checkpoint, count));
    return measured;
  } finally {
    await follower.close();
    await journal.close();
  }
}

const detail = {
  networkId: "0123456789ab",
  netns: "1-0123456789",
  dev: "vxlan0",
  ifindex: 3,
  mac: "02:42:0a:00:00:02",
};

async function measure(journal: Journal, checkpoint: string, count: number): Promise<Rates> {
  const text = readFileSync(checkpoint, "utf8");
  const { cursor, read } = checkpointRead.parse(JSON.parse(text));
  const place = { read, ...(cursor !== undefined && { cursor }) };
  const began = performance.now();
  await output(journal.inside("/usr/bin/journalctl", "--no-pager", ...readingArgs(place, "", false)), false);
  const alone = performance.now() - began;
  const program = [`${import.meta.dirname}/follow-once.js`, checkpoint, String(count)];
  const printed = await output(journal.inside(process.execPath, ...program), true);
  // Each round begins at the same checkpoint.
  writeFileSync(checkpoint, text);
  const { wall, cpu, counted } = followedOnce.parse(JSON.parse(printed));
  if (counted !== count) throw new Error(`${counted} of ${count} entries were counted`);
  return { alone: count / (alone / 1000), follower: count / (wall / 1000), cpu };
}

async function output([program, ...args]: readonly [string, ...string[]], kept: boolean): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => void (kept && chunks.push(chunk)));
  await once(child, "close");
  return Buffer.concat(chunks).toString();
}
