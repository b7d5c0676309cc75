import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { applyProfile } from "../collectors/profile.ts";
import { type Lock, Locked, takeLock } from "../host/lock.ts";
import { ownUser } from "../host/own-user.ts";
import { type Follower, startFollower } from "../pipelines/follow/follower.ts";
import { worstGauges } from "./catalogue.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { Config } from "./config/schema.ts";
import { aborted, endingOf } from "./ending.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import { type Log, streamLog, telegrafHead } from "./log.ts";
import { openOutputs, type Outputs } from "./outputs.ts";
import { grace } from "./serve.ts";

const usage = `usage: overlaywatch follow [--sink SINK]... [--heal worker] [--for DURATION]

Reads what the recorder wrote to the journal, and sends what it counts, until SIGTERM. It goes on where it ended.
  --sink SINK      dogstatsd, influx (lines on stdout), console or none; may be given several times
  --heal worker    asks \`overlaywatch worker\` where somebody is misplaced
  --for DURATION   ends by itself after that time

Example: overlaywatch follow --sink console

Exit code 0: ended, by the time or by SIGTERM; 1: it failed (said why); 75: another one follows with this --state-dir.
`;

const options = {
  sink: { type: "string", multiple: true },
  heal: { type: "string" },
  for: { type: "string" },
} as const;

export const command: Command = {
  summary: "count what is recorded, and send it, until SIGTERM",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const sinks = values.sink?.flatMap((names) => names.split(","));
    const more = sinks === undefined ? [] : [{ path: ["sinks", "enabled"], value: sinks, origin: "--sink" }];
    const { config } = configOf(values, io, more);
    try {
      const { heal = "off" } = values;
      if (heal !== "off" && heal !== "worker") throw new UsageError(`--heal ${heal}: follow has only worker, and off`);
      await follow(config, heal === "worker", endingOf(values.for, io.signal), io);
    } catch (error) {
      if (!(error instanceof Locked)) throw error;
      io.stderr.write(
        `overlaywatch: ${error.message}: two would count everything twice. Stop that one, or give this one another --state-dir.\n`,
      );
      return exitCodes.locked;
    }
    return exitCodes.ok;
  },
};

async function follow(config: Config, asksWorker: boolean, ending: AbortSignal, io: Io): Promise<void> {
  const log = streamLog(io.stderr, config.sinks.enabled.includes("influx") ? telegrafHead : undefined);
  const gone = new AbortController();
  const outputs = await openOutputs(config, { profiled: profiledBy(config) }, io, () => gone.abort());
  const trigger = asksWorker ? await (await import("./own-trigger.ts")).ownTrigger(config, io.env, log) : undefined;
  const follower = await openFollower(config, outputs, log, () => trigger?.misplaced());
  await Promise.race([aborted(ending), aborted(gone.signal)]);
  await Promise.race([follower.close(), sleep(2 * grace)]);
  await trigger?.close();
  await Promise.race([outputs.close(), sleep(2 * grace)]);
}

function profiledBy({ tags }: Config): Parameters<typeof openOutputs>[1]["profiled"] {
  const byMax = worstGauges();
  return (samples) => applyProfile(tags.profile, Object.values(tags.labels), samples, byMax);
}

/**
 * The follower with what the configuration says, to the outputs of a running agent. One at a time for a state folder: two
 * would count everything twice. Throws `Locked`, with who has it.
 */
export async function openFollower(
  config: Config,
  outputs: Outputs,
  log: Log,
  onMisplaced: () => void = () => undefined,
): Promise<Follower> {
  const lock = await onlyOne(config.paths.state_dir, log);
  const follower = await startFollower({
    path: join(config.paths.state_dir, "pipeline-checkpoint.json"),
    namespace: config.journal.namespace,
    interval: milliseconds(config.pipeline.follow.interval),
    hostRoot: config.paths.host_root,
    uid: ownUser(),
    log: (level, message) => log[level](message),
    send: async (samples) => {
      if (samples.some(({ name, value }) => name === "fdb.misplaced" && value > 0)) onMisplaced();
      outputs.write(samples, Date.now());
      await outputs.flush();
    },
    onHealth: ({ status, message }) => {
      outputs.serviceCheck("pipeline.health", message === "" ? { status } : { status, message });
      for (const sink of outputs.sinks()) {
        const { lastError } = sink.stats();
        if (lastError !== undefined) log.warn(`${sink.name}: ${lastError}`);
      }
    },
  });
  return { ...follower, close: async () => follower.close().finally(() => lock?.release()) };
}

/** Without a state folder that can be written there is no place in the journal to spoil either. */
async function onlyOne(stateDir: string, log: Log): Promise<Lock | undefined> {
  try {
    // One that was told to end may still be at its last send.
    return await takeLock(join(stateDir, "pipeline-follow.lock"), { holder: "another follower", waitMs: 2000 });
  } catch (error) {
    if (error instanceof Locked) throw error;
    log.warn(`another follower would not be noticed: ${errorText(error)}`);
    return undefined;
  }
}
