import { createHash } from "node:crypto";
import { join } from "node:path";
import { atomicFile } from "../../host/atomic-file.ts";
import { takeLock } from "../../host/lock.ts";
import { type Backup, perform, refuseStale, type Step } from "../../monitors/sync/apply.ts";
import { openLedger } from "../../monitors/sync/ledger.ts";
import type { Change } from "../../monitors/sync/plan.ts";
import { stepLine, stepsPage } from "../../monitors/sync/plan-page.ts";
import { confirm } from "../by-hand/confirm.ts";
import type { Io } from "../command.ts";
import type { Connection } from "./connection.ts";
import { printJson, syncExits } from "./request.ts";

interface How {
  readonly io: Io;
  readonly json: boolean;
}

/** One run at a time on this machine. Throws `Locked`, which names the other. */
export async function locked<T>(
  connection: Connection,
  io: Io,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const lock = await takeLock(join(connection.folder, "lock"), { holder: `overlaywatch monitors, process ${io.pid}` });
  try {
    // Another run may have written it since it was read.
    return await work({ ...connection, ledger: await openLedger(connection.ledger.path) });
  } finally {
    lock.release();
  }
}

/** On a terminal a person is asked; a job is not. Throws `Refused`. */
export async function confirmed(io: Io, word: string, warning: string, isSure: boolean): Promise<void> {
  if (!isSure && io.stdin.isTTY === true && io.stderr.isTTY === true) await confirm(word, warning, io);
}

/** Looks whether everything is still as planned, keeps what is there now, does the changes, and tells. Gives the exit code. */
export async function carryOut(connection: Connection, org: string, changes: readonly Change[], how: How) {
  const { io, json } = how;
  const backups = await refuseStale(connection, changes);
  const backup = await keep(connection, backups);
  if (backup !== undefined) io.stderr.write(`overlaywatch: what is there now is kept in ${backup}\n`);
  if (connection.ledger.org() === "") await connection.ledger.bind(org);
  const steps = await perform(connection, changes, (step, number) => {
    io.stderr.write(`overlaywatch: ${number}/${changes.length} ${stepLine(step)}\n`);
  });
  if (json) printJson(io, { steps, ...(backup === undefined ? {} : { backup }) });
  else io.stdout.write(stepsPage(steps));
  return exitOf(steps);
}

async function keep({ folder, api }: Connection, backups: readonly Backup[]): Promise<string | undefined> {
  if (backups.length === 0) return undefined;
  const text = `${JSON.stringify(backups, undefined, 1)}\n`;
  const time = api.now().toISOString().replaceAll(":", "");
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const path = join(folder, "backups", `${time}-${digest}.json`);
  // Headers of a webhook may hold a token that somebody put there.
  await atomicFile(path, 0o600).write(text);
  return path;
}

function exitOf(steps: readonly Step[]): number {
  if (steps.some(({ result }) => result !== "done")) return syncExits.failed;
  return steps.some(({ keptOtherwise }) => keptOtherwise.length > 0) ? syncExits.changes : syncExits.inSync;
}
