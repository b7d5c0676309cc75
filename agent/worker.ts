import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Helper, helperAt } from "../dispatch/worker/ask-helper.ts";
import { decodeLines, jobJournal } from "../dispatch/worker/journal.ts";
import { isEnd } from "../dispatch/worker/record.ts";
import type { Rules } from "../dispatch/worker/machine.ts";
import { pace } from "../dispatch/worker/pace.ts";
import { serveControl, serveJobs } from "../dispatch/worker/serve.ts";
import { inForce } from "../dispatch/worker/staged.ts";
import { type Change, Worker } from "../dispatch/worker/worker.ts";
import { socketFolder } from "../host/line-socket.ts";
import { type Lock, Locked, takeLock } from "../host/lock.ts";
import { openLogFile } from "../host/log-file.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { Config } from "./config/schema.ts";
import { aborted, endingOf } from "./ending.ts";
import { exitCodes } from "./exit-codes.ts";
import { hasBroker } from "./has-broker.ts";
import { hostIdentity, type Identity } from "./identity.ts";
import { type Log, streamLog } from "./log.ts";
import { openOutputs } from "./outputs.ts";
import type { FleetSide, Joining } from "./worker-broker.ts";
import { type Proof, proofIn } from "./worker-proof.ts";
import { openTelling, type Telling } from "./worker-telling.ts";

const usage = `usage: overlaywatch worker [--mode MODE] [--for DURATION]

Takes what the gateway (\`overlaywatch webhook\`) or this host's own pipeline (\`run --heal worker\`) asks, has the privileged
helper look or heal, and tells what came of it, until SIGTERM. It needs no right of its own.
  --mode MODE      observe (default): tells what would be done; approve: waits for \`overlaywatch approve\`; auto: heals
                   within all limits
  --for DURATION   ends by itself after that time

Example: overlaywatch worker --mode approve

Exit code 0: it was told to end; 1: it could not keep what it was asked; 75: another one runs; 78: this host's name is not known.
`;

const options = { mode: { type: "string" }, for: { type: "string" } } as const;

export const command: Command = {
  summary: "take pages for this host and have them seen to, until SIGTERM",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const flags = values.mode === undefined ? [] : [{ path: ["worker", "mode"], value: values.mode, origin: "--mode" }];
    const { config } = configOf(values, io, flags);
    return runWorker(config, endingOf(values.for, io.signal), io);
  },
};

/** A heal takes 2 s, with the wait for a second telling of other hosts' containers 13 s. */
const helperTimeout = 60_000;

async function runWorker(config: Config, ending: AbortSignal, io: Io): Promise<number> {
  const log = streamLog(io.stderr);
  const { worker: settings, paths } = config;
  const identity = await hostIdentity(config, io.env);
  let lock: Lock | undefined;
  try {
    lock = await takeLock(join(paths.state_dir, "worker.lock"), { holder: `worker, process ${io.pid}`, waitMs: 2000 });
    const proof = proofIn(paths.state_dir, identity.host);
    const helper = helperAt({ socket: settings.helper_socket, owner: 0, timeoutMs: helperTimeout });
    return await serveWith({ config, identity, helper, proof, log, ending, io });
  } catch (error) {
    if (!(error instanceof Locked)) throw error;
    io.stderr.write(`overlaywatch: ${error.message}: two would do everything twice\n`);
    return exitCodes.locked;
  } finally {
    lock?.release();
  }
}

interface Parts {
  readonly config: Config;
  readonly identity: Identity;
  readonly helper: Helper;
  readonly proof: Proof;
  readonly log: Log;
  readonly ending: AbortSignal;
  readonly io: Io;
}

async function serveWith(parts: Parts): Promise<number> {
  const { config, identity, helper, log, ending, io } = parts;
  const { worker: settings, paths } = config;
  const end = new AbortController();
  ending.addEventListener("abort", () => end.abort(), { once: true });
  if (ending.aborted) end.abort();
  const mode = modeOf(config, identity);
  const joining = await fleetOf(parts);
  const outputs = await openOutputs(config, { profiled: (samples) => samples }, io, () => undefined);
  let [failed, worker]: [unknown, Worker | undefined] = [undefined, undefined];
  const fail = (error: unknown): void => {
    failed ??= error;
    end.abort();
  };
  const telling = openTelling({ mode, outputs, helper, worker: () => worker, log });
  let fleet: FleetSide | undefined;
  const tell = (change: Change): void => {
    telling.change(change);
    fleet?.change(change);
  };
  try {
    worker = await openWorker({ ...parts, ...joining }, { ...telling, change: tell }, fail);
    log.info(greeting(parts, worker));
    await worker.start();
    for (const path of [settings.jobs_socket, settings.control_socket]) socketFolder(path);
    const host = { host: identity.host, mode: settings.mode, inForce: mode };
    const control = await serveControl(settings.control_socket, worker, host);
    const jobs = await serveJobs(settings.jobs_socket, worker);
    fleet = joining?.join(worker, telling);
    await telling.begin();
    await aborted(end.signal);
    await Promise.race([Promise.all([jobs.close(), control.close(), fleet?.close()]), sleep(500)]);
    await worker.close().catch(fail);
    if (failed !== undefined) telling.fatal(identity.host, failed, paths.state_dir);
  } catch (error) {
    telling.fatal(identity.host, error, paths.state_dir);
    throw error;
  } finally {
    await telling.close();
  }
  return failed === undefined ? exitCodes.ok : exitCodes.failed;
}

async function fleetOf(parts: Parts): Promise<Joining | undefined> {
  const { config, identity, helper, log } = parts;
  if (!hasBroker(config)) return undefined;
  const host = { host: identity.host, inForce: modeOf(config, identity), helper, log };
  return (await import("./worker-broker.ts")).fleetFor(config, host);
}

/** What the one before left is read, and a line that its death cut short is put away. */
async function openWorker(
  parts: Parts & Partial<Joining>,
  telling: Telling,
  fail: (error: unknown) => void,
): Promise<Worker> {
  const { config, identity, helper, proof, log, hold = () => 0 } = parts;
  const { approve_within: approveWithin, rechecks, max_waiting: maxWaiting } = config.worker;
  const path = join(config.paths.state_dir, "worker-jobs.jsonl");
  const { file, lines, torn } = await openLogFile(path, 0o600);
  if (torn > 0)
    log.warn(`${path}: its last ${torn} bytes were half a line, which nobody was promised: they are cut off`);
  const records = decodeLines(lines, path);
  return new Worker(
    {
      host: identity.host,
      rules: {
        mode: modeOf(config, identity),
        approveWithin: milliseconds(approveWithin),
        rechecks: rechecks.map(milliseconds),
      },
      maxWaiting,
      helper,
      pace: pace(),
      hold,
      records,
      proved: await proof.read(),
      keepProof: proof.keep,
      now: Date.now,
      tell: telling.change,
      reject: telling.rejected,
      fail,
    },
    (live) => jobJournal(file, live, lines.length),
  );
}

/** That is in force. */
const modeOf = (
  { worker: { mode, auto_hosts: hosts, auto_share: share } }: Config,
  { host }: Identity,
): Rules["mode"] => inForce(mode, host, { hosts, share });

function greeting({ config, identity }: Parts, worker: Worker): string {
  const { mode } = config.worker;
  const forced = modeOf(config, identity);
  const staged = forced === mode ? "" : ` (in force: ${forced}, for worker.auto_hosts and auto_share leave it out)`;
  const left = worker.records().filter(({ state }) => !isEnd(state)).length;
  const proved =
    worker.proved === undefined
      ? "no page was seen to reach this host yet"
      : `a page reached it on ${new Date(worker.proved).toISOString()}`;
  return `mode ${mode}${staged}; this host is ${identity.host} (by ${identity.from}); ${proved}; ${left} jobs were left`;
}
