import { setTimeout as sleep } from "node:timers/promises";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import type { Config } from "./config/schema.ts";
import { endingOf } from "./ending.ts";
import { errorText } from "./error-text.ts";
import { noteFindings } from "./findings.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import { type Log, streamLog, telegrafHead } from "./log.ts";
import type { Healing } from "./heal.ts";
import { journalDoor, openNotes } from "./notes.ts";
import { openOutputs } from "./outputs.ts";
import { halves, openPipeline } from "./pipeline.ts";
import { recordRuns, type RunRecord } from "./run-state.ts";
import { grace, onEachLine, onSchedule, serve } from "./serve.ts";
import { openSession } from "./session.ts";
import { serveStatus, type StatusServer } from "./status-socket.ts";
import { twinsOf } from "./twin.ts";

const usage = `usage: overlaywatch run [NAME...] [--sink SINK]... [--on-stdin] [--for DURATION]

Runs everything that is enabled, or only the named collectors and halves of the pipeline (record, follow), until
SIGTERM. With --on-stdin the pipeline is left out, for its counts come when they come.
  --sink SINK      dogstatsd, influx (lines on stdout, for telegraf's inputs.execd), console (a live table) or none;
                   may be given several times
  --on-stdin       with influx: collects at each newline on stdin, and ends with stdin (signal = "STDIN")
  --heal MODE      off (default), observe (says what would be done) or auto: heals what is active by remedy.strategy, and
                   puts back pins that went with their container. Within caps; needs root, and overlay or record to
                   find it. worker asks \`overlaywatch worker\` in place of that, and needs no right of its own
  --for DURATION   ends by itself after that time

Example: overlaywatch run interfaces tcp --sink console

Exit code 0: ended, by the time or by SIGTERM; 1: it failed (said why).
`;

const options = {
  sink: { type: "string", multiple: true },
  "on-stdin": { type: "boolean", default: false },
  heal: { type: "string" },
  for: { type: "string" },
} as const;

export const command: Command = {
  summary: "collect and send, until SIGTERM",
  usage,
  options,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, options, "some");
    const sinks = values.sink?.flatMap((names) => names.split(","));
    const { config } = configOf(values, io, [
      ...(sinks === undefined ? [] : [{ path: ["sinks", "enabled"], value: sinks, origin: "--sink" }]),
      ...(values.heal === undefined ? [] : [{ path: ["remedy", "heal"], value: values.heal, origin: "--heal" }]),
      ...(values["on-stdin"] ? [{ path: ["sinks", "influx", "on_stdin"], value: true, origin: "--on-stdin" }] : []),
    ]);
    const influx = config.sinks.enabled.includes("influx");
    if (values["on-stdin"] && !influx) throw new UsageError("--on-stdin: goes with --sink influx only");
    const heal = healMode(positionals, values.heal, config);
    await runAgent({ config, names: positionals, until: values.for, heal }, io);
    return exitCodes.ok;
  },
};

/** What finds active faults. */
const finders: readonly string[] = ["overlay", "record"];

/** Without names as configured; where only some things run, only if told. Throws `UsageError` where nothing would find a fault. */
function healMode(names: readonly string[], flag: string | undefined, { remedy }: Config): Config["remedy"]["heal"] {
  const mode = names.length === 0 || flag !== undefined ? remedy.heal : "off";
  const all = mode === "worker" ? [...finders, "follow"] : finders;
  if (mode === "off" || names.length === 0 || names.some((name) => all.includes(name))) return mode;
  throw new UsageError(`--heal ${mode}: nothing that runs would find what to heal: name ${all.join(" or ")} too`);
}

const isHalf = (name: string): boolean => halves.some((half) => half === name);

/** What runs, of all that there is: without names everything that is enabled. */
function wantedOf(names: readonly string[], { pipeline, sinks }: Config) {
  if (names.length === 0) {
    const timed = !(sinks.enabled.includes("influx") && sinks.influx.on_stdin);
    return { collectors: undefined, halves: halves.filter((half) => timed && pipeline[half].enabled) };
  }
  return {
    collectors: names.filter((name) => !isHalf(name)),
    halves: halves.filter((half) => names.includes(half)),
  };
}

interface Wanted {
  readonly config: Config;
  readonly names: readonly string[];
  readonly until: string | undefined;
  readonly heal: Config["remedy"]["heal"];
}

async function runAgent({ config, names, until, heal }: Wanted, io: Io): Promise<void> {
  const influx = config.sinks.enabled.includes("influx");
  const wanted = wantedOf(names, config);
  const end = new AbortController();
  const ending = endingOf(until, io.signal);
  ending.addEventListener("abort", () => end.abort(ending.reason), { once: true });
  if (ending.aborted) end.abort(ending.reason);
  const log = streamLog(io.stderr, influx ? telegrafHead : undefined);
  const session = openSession(config, { names: wanted.collectors, others: halves, log });
  try {
    const outputs = await openOutputs(config, session, io, () => end.abort());
    const door = journalDoor(log);
    const notes = openNotes(door, log);
    const healer: { healing?: Healing | undefined } = {};
    const onMisplaced = (): void => healer.healing?.misplaced();
    const { docker } = session;
    const pipeline = await openPipeline(wanted.halves, { config, docker, outputs, door, log, onMisplaced });
    const misplaced = () => pipeline.state().record?.namespaces.some((one) => one.misplaced.length > 0) === true;
    const healing = await openHealing(heal, { config, session, misplaced, notes, log, pid: io.pid }, io);
    healer.healing = healing;
    const record = recordRuns(io.pid, session, outputs, pipeline.state, () => healing?.state());
    for (const twin of await twinsOf(config.paths.state_dir, record.state())) log.error(twin);
    const status = await openStatus(config, io, record, log);
    const pace = influx && config.sinks.influx.on_stdin ? onEachLine(io.stdin) : onSchedule;
    const journal = { noteFindings: noteFindings(notes.write), closeJournal: door.close };
    await serve({ session, outputs, record, pipeline, healing, ...journal, log, ending: end.signal }, pace);
    status?.close();
  } finally {
    await Promise.race([session.close(), sleep(grace / 2)]);
  }
}

type HealingParts = Omit<Parameters<typeof import("./heal.ts").openHealing>[0], "mode">;

async function openHealing(mode: Config["remedy"]["heal"], parts: HealingParts, { env }: Io) {
  if (mode === "off") return undefined;
  if (mode === "worker") {
    const { ownTrigger } = await import("./own-trigger.ts");
    return ownTrigger(parts.config, env, parts.log);
  }
  const heal = await import("./heal.ts");
  return heal.openHealing({ ...parts, mode });
}

async function openStatus(
  { paths }: Config,
  { pid }: Io,
  { state }: RunRecord,
  log: Log,
): Promise<StatusServer | undefined> {
  try {
    return await serveStatus(paths.state_dir, pid, state);
  } catch (error) {
    log.warn(`\`status\` will not see this agent: ${errorText(error)}`);
    return undefined;
  }
}
