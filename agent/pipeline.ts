import type { DockerWatch } from "../host/docker/watch.ts";
import { Locked } from "../host/lock.ts";
import { ownUser } from "../host/own-user.ts";
import type { Config } from "./config/schema.ts";
import { errorText } from "./error-text.ts";
import type { Log } from "./log.ts";
import type { JournalDoor } from "./notes.ts";
import type { Outputs } from "./outputs.ts";
import type { PipelineState } from "./run-state.ts";

/** The halves of the log pipeline; each stands alone. */
export const halves = ["record", "follow"] as const;
export type Half = (typeof halves)[number];

/** What runs of the pipeline inside an agent. */
export interface Pipeline {
  readonly state: () => PipelineState;
  /** Writes and sends what is left; the outputs must still be open. */
  readonly close: () => Promise<void>;
}

interface Environment {
  readonly config: Config;
  readonly docker: DockerWatch;
  readonly outputs: Outputs;
  readonly door: JournalDoor;
  readonly log: Log;
  /** One of the halves says that somebody is misplaced: at once, and again while it lasts. */
  readonly onMisplaced?: () => void;
}

/** Starts the halves that are wanted. A half that this process has no right for is left out, and that is said. */
export async function openPipeline(wanted: readonly Half[], environment: Environment): Promise<Pipeline> {
  const { log } = environment;
  const record =
    wanted.includes("record") && mayRecord(log)
      ? await openRecord(environment).catch(leftOut("record", log))
      : undefined;
  const follow = wanted.includes("follow") ? await openFollow(environment).catch(leftOut("follow", log)) : undefined;
  return {
    state: () => ({
      ...(record !== undefined && { record: record.state() }),
      ...(follow !== undefined && { follow: follow.state() }),
    }),
    close: async () => {
      await Promise.allSettled([record?.close(), follow?.close()]);
    },
  };
}

/** A half that can not start stops neither the other one nor any collector. */
const leftOut =
  (half: Half, log: Log) =>
  (error: unknown): undefined => {
    const why = error instanceof Locked ? `${errorText(error)}: two would count everything twice` : errorText(error);
    log.warn(`${half}: left out, it could not start: ${why}`);
    return undefined;
  };

/** The networks' namespaces are entered by `setns`, for which the kernel wants CAP_SYS_ADMIN. */
function mayRecord(log: Log): boolean {
  if (ownUser() === 0) return true;
  log.warn("record: needs root: what happens inside overlay networks is not recorded by this agent");
  return false;
}

async function openRecord({ config, docker, door, log, onMisplaced }: Environment) {
  const { openRecording } = await import("./record.ts");
  const recording = openRecording(config, docker, door, log, onMisplaced);
  return {
    close: recording.close,
    state: () => {
      const { entries, total, namespaces, journal } = recording.stats();
      return {
        entries,
        events: total,
        journal: journal.state,
        namespaces: namespaces.map(({ network, netns, misplaced }) => ({
          network,
          netns,
          misplaced: [...misplaced],
        })),
      };
    },
  };
}

async function openFollow({ config, outputs, log, onMisplaced }: Environment) {
  const { openFollower } = await import("./follow.ts");
  const follower = await openFollower(config, outputs, log, onMisplaced);
  return {
    close: follower.close,
    state: () => {
      const { catchingUp, lag, health } = follower.stats();
      return {
        catching_up: catchingUp,
        ...(lag !== undefined && { lag_seconds: lag }),
        health: health.status,
        ...(health.message !== "" && { message: health.message }),
      };
    },
  };
}
