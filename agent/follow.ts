import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { applyProfile } from "../collectors/profile.ts";
import { ownUser } from "../host/own-user.ts";
import { type Follower, startFollower } from "../pipelines/follow/follower.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { milliseconds } from "./config/duration.ts";
import type { Config } from "./config/schema.ts";
import { aborted, endingOf } from "./ending.ts";
import { exitCodes } from "./exit-codes.ts";
import { type Log, streamLog, telegrafHead } from "./log.ts";
import { openOutputs, type Outputs } from "./outputs.ts";
import { grace } from "./serve.ts";

const usage = `usage: overlaywatch follow [--sink SINK]... [--for DURATION]

Reads what the recorder wrote to the journal, and sends what it counts, until SIGTERM. It goes on where it ended.
  --sink SINK      dogstatsd, influx (lines on stdout), console or none; may be given several times
  --for DURATION   ends by itself after that time
`;

const options = {
  sink: { type: "string", multiple: true },
  for: { type: "string" },
} as const;

export const command: Command = {
  summary: "count what is recorded, and send it, until SIGTERM",
  usage,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const sinks = values.sink?.flatMap((names) => names.split(","));
    const more = sinks === undefined ? [] : [{ path: ["sinks", "enabled"], value: sinks, origin: "--sink" }];
    const { config } = configOf(values, io, more);
    await follow(config, endingOf(values.for, io.signal), io);
    return exitCodes.ok;
  },
};

async function follow(config: Config, ending: AbortSignal, io: Io): Promise<void> {
  const log = streamLog(io.stderr, config.sinks.enabled.includes("influx") ? telegrafHead : undefined);
  const gone = new AbortController();
  const outputs = await openOutputs(config, { profiled: profiledBy(config) }, io, () => gone.abort());
  const follower = await openFollower(config, outputs, log);
  await Promise.race([aborted(ending), aborted(gone.signal)]);
  await Promise.race([follower.close(), sleep(2 * grace)]);
  await Promise.race([outputs.close(), sleep(2 * grace)]);
}

const profiledBy =
  ({ tags }: Config): Parameters<typeof openOutputs>[1]["profiled"] =>
  (samples) =>
    applyProfile(tags.profile, Object.values(tags.labels), samples);

/** The follower with what the configuration says, to the outputs of a running agent. */
export function openFollower(config: Config, outputs: Outputs, log: Log): Promise<Follower> {
  return startFollower({
    path: join(config.paths.state_dir, "pipeline-checkpoint.json"),
    interval: milliseconds(config.pipeline.follow.interval),
    hostRoot: config.paths.host_root,
    uid: ownUser(),
    log: (level, message) => log[level](message),
    send: async (samples) => {
      outputs.write(samples, Date.now());
      await outputs.flush();
    },
    onHealth: ({ status, message }) => {
      if (status === "ok") outputs.serviceCheck("pipeline.health", undefined);
      else outputs.serviceCheck("pipeline.health", message, status);
      for (const sink of outputs.sinks()) {
        const { lastError } = sink.stats();
        if (lastError !== undefined) log.warn(`${sink.name}: ${lastError}`);
      }
    },
  });
}
