import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { ParsedMetric } from "../../../emit/dogstatsd/parse-metric.ts";
import { listen, type Listening } from "../../emit/dogstatsd/listening.ts";
import type { PrivateJournal } from "./private-journal.ts";

/** `overlaywatch follow` as it is, beside a private journal, with a DogStatsD server of our own. */
export interface FollowerProgram {
  readonly start: () => void;
  /** Starts another one on the same state folder: its exit code, and what it says. */
  readonly second: () => Promise<{ readonly code: number; readonly err: string }>;
  readonly kill: (signal: NodeJS.Signals) => Promise<number>;
  /** Sum of a count, of the series that have these tags. */
  readonly sum: (name: string, tags?: Readonly<Record<string, string>>) => number;
  readonly metrics: () => readonly ParsedMetric[];
  readonly listening: Listening;
  readonly err: () => string;
  readonly stateDir: string;
  readonly close: () => Promise<void>;
}

const main = `${process.cwd()}/dist/agent/main.js`;

export async function followerProgram(journal: PrivateJournal, interval = "1s"): Promise<FollowerProgram> {
  const listening = await listen({ udp: { port: 0, receiveBufferBytes: 4 << 20 } });
  const stateDir = join(journal.folder, "state");
  let child: ChildProcess | undefined;
  let ended: Promise<number> = Promise.resolve(0);
  let err = "";
  const metrics = () => listening.messages.filter((one) => one.kind === "metric");
  const kill = (signal: NodeJS.Signals) => {
    child?.kill(signal);
    return ended;
  };
  const run = (onError: (text: string) => void) => {
    const [program, ...args] = journal.inside(process.execPath, main, "follow", "--state-dir", stateDir);
    const env = {
      PATH: process.env["PATH"],
      DD_DOGSTATSD_URL: `udp://127.0.0.1:${listening.receiver.udp?.port ?? 0}`,
      OVERLAYWATCH_PIPELINE_FOLLOW_INTERVAL: interval,
    };
    // nsenter becomes the program: a signal to it reaches the follower itself.
    const started = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    started.stderr.on("data", (data: Buffer) => onError(data.toString()));
    return started;
  };
  return {
    second: async () => {
      let said = "";
      const started = run((text) => void (said += text));
      const code = await new Promise<number>((resolve) => started.once("close", (status) => resolve(status ?? -1)));
      return { code, err: said };
    },
    start: () => {
      const started = run((text) => void (err += text));
      ended = new Promise((resolve) => started.once("close", (code) => resolve(code ?? -1)));
      child = started;
    },
    kill,
    metrics,
    sum: (name, tags = {}) =>
      metrics()
        .filter((one) => one.name === `overlaywatch.${name}`)
        .filter((one) => Object.entries(tags).every(([key, value]) => one.tags.includes(`${key}:${value}`)))
        .reduce((sum, { values = [] }) => sum + values.reduce((a, b) => a + b, 0), 0),
    listening,
    err: () => err,
    stateDir,
    close: async () => {
      await kill("SIGKILL");
      await listening.receiver.close();
    },
  };
}
