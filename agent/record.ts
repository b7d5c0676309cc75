import { setTimeout as sleep } from "node:timers/promises";
import { liveClock } from "../host/clock.ts";
import { deadline } from "../host/deadline.ts";
import type { DockerWatch } from "../host/docker/watch.ts";
import { proveJournal } from "../host/journald/prove.ts";
import type { Journal, JournalStats } from "../host/journald/writer.ts";
import { ownUser } from "../host/own-user.ts";
import { procfs } from "../host/procfs.ts";
import { watchOverlays } from "../overlay/watch.ts";
import { recordedUntil } from "../pipelines/record/last-entry.ts";
import { type RecorderStats, startRecorder } from "../pipelines/record/recorder.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import type { Config } from "./config/schema.ts";
import { openDocker } from "./docker.ts";
import { aborted, endingOf } from "./ending.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UnavailableError } from "./exit-codes.ts";
import { type Log, streamLog } from "./log.ts";
import { grace } from "./serve.ts";
import { hostKey } from "./host-key.ts";
import { type JournalDoor, journalDoor } from "./notes.ts";

const usage = `usage: overlaywatch record [--for DURATION]

Records what happens at the netlink layer inside every overlay network of this host, in the journal, until SIGTERM.
Needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN): it enters the networks' namespaces.
  --for DURATION   ends by itself after that time

Example: overlaywatch record --for 10m

Exit code 0: ended, by the time or by SIGTERM; 1: it failed (said why); 69: not root.
`;

const options = { for: { type: "string" } } as const;

export const command: Command = {
  summary: "record what happens inside overlay networks, in the journal, until SIGTERM",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const { config } = configOf(values, io);
    const ending = endingOf(values.for, io.signal);
    if (ownUser() !== 0)
      throw new UnavailableError("record needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN): it enters network namespaces");
    await record(config, ending, io);
    return exitCodes.ok;
  },
};

async function record(config: Config, ending: AbortSignal, { stderr }: Io): Promise<void> {
  const log = streamLog(stderr);
  const docker = openDocker(config, log);
  const door = journalDoor(log);
  const recording = openRecording(config, docker, door, log);
  await aborted(ending);
  await Promise.race([recording.close().then(door.close), sleep(4 * grace)]);
  const { namespaces, entries, total } = recording.stats();
  log.info(`recorded ${total} events in ${entries} entries; ${namespaces.length} namespaces are still held`);
  await Promise.race([docker.close(), sleep(grace)]);
}

/** The recorder with what it stands on. */
export interface Recording {
  readonly stats: () => RecorderStats & { readonly journal: JournalStats };
  /** Hands over what is left, for the journal's close to write; no namespace is held any more when it resolves. */
  readonly close: () => Promise<void>;
}

/** The recorder as the configuration has it; `docker` and the journal stay the caller's. */
export function openRecording(
  config: Config,
  docker: DockerWatch,
  door: JournalDoor,
  log: Log,
  onMisplaced: () => void = () => undefined,
): Recording {
  const tell = (level: "info" | "warn", message: string): void => log[level](message);
  const journal = door.open();
  const overlays = watchOverlays({ netnsDir: config.paths.netns_dir, docker, log: tell });
  const namespace = config.journal.namespace === "" ? undefined : `+${config.journal.namespace}`;
  const host = hostKey();
  const recorder = startRecorder({
    overlays,
    docker,
    proc: procfs(config.paths.host_root),
    journal,
    clock: liveClock,
    host,
    previous: async (signal) => {
      const [until] = await Promise.all([recordedUntil({ host, namespace, signal }), told(docker, signal)]);
      return until;
    },
    maxEntries: config.pipeline.record.max_entries_per_second,
    rcvbuf: config.pipeline.record.rcvbuf,
    log: tell,
    onMisplaced,
  });
  const closing = new AbortController();
  void prove(journal, namespace, closing.signal, log);
  return {
    stats: () => ({ ...recorder.stats(), journal: journal.stats() }),
    close: async () => {
      closing.abort(new Error("the recorder ends"));
      await recorder.close();
      overlays.close();
    },
  };
}

/** Milliseconds in which Docker may tell what its networks are called; a recorder does not wait longer for a name. */
const namesMs = 3000;

/** Resolves when Docker has told of its networks, or will not do so soon: the first events have their network's name. */
async function told(docker: DockerWatch, signal: AbortSignal): Promise<void> {
  const late = deadline(signal, namesMs);
  await docker.synced(late.signal).catch(() => undefined);
  late.clear();
}

/** Whether what is written can be read: said at the start, where it can be mended. */
async function prove(journal: Journal, namespace: string | undefined, signal: AbortSignal, log: Log): Promise<void> {
  try {
    const proof = await proveJournal(journal, { namespace, signal });
    if (!proof.ok) log.warn(`what is recorded does not reach the journal: ${proof.why}`);
  } catch (error) {
    if (!signal.aborted) log.warn(`the journal can not be tried: ${errorText(error)}`);
  }
}
