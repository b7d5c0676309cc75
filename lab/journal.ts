import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { kill } from "node:process";
import { connect } from "node:net";
import { engineLogIntoJournal } from "./engine.ts";
import type { LabContext, LabHost } from "./host.ts";
import { entering, joining } from "./namespaces.ts";
import { identify, isAlive, launch, until, type ProcessId } from "./process.ts";

/** The host's systemd-journald: the one in its mount namespace. Throws where none runs. */
export function journaldOf(host: LabHost): ProcessId {
  const home = readlinkSync(`/proc/${host.pid}/ns/mnt`);
  const found = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && isJournald(entry, home));
  const id = found === undefined ? undefined : identify(Number(found));
  if (!id) throw new Error(`no systemd-journald runs on ${host.name}`);
  return id;
}

/** `kill -9`, and returns when it is gone. No systemd starts it again: see `startJournald`. */
export async function killJournald(host: LabHost): Promise<void> {
  const id = journaldOf(host);
  kill(id.pid, "SIGKILL");
  await until(
    () => !isAlive(id) || undefined,
    5_000,
    () => new Error(`systemd-journald of ${host.name} does not end`),
  );
}

/** Starts it as the host's own start did, and waits until it takes entries. */
export async function startJournald(lab: LabContext, host: LabHost): Promise<void> {
  const argv = joining(lab.cgroup.join("exec"), entering(host.pid, ["/lib/systemd/systemd-journald"]));
  launch(argv, lab.folder.log(`${host.name}-journald`));
  await until(
    async () => (await takesStreams(host)) || undefined,
    10_000,
    () => new Error(`systemd-journald of ${host.name} does not come up`),
  );
  engineLogIntoJournal(lab, host);
}

function isJournald(pid: string, home: string): boolean {
  try {
    // The kernel cuts names to 15 characters.
    const name = readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
    return (
      name === "systemd-journal" && readlinkSync(`/proc/${pid}/ns/mnt`) === home && identify(Number(pid)) !== undefined
    );
  } catch {
    return false;
  }
}

/** The stream socket refuses where only its file is left; it is bound behind the one for entries. */
async function takesStreams({ pid }: LabHost): Promise<boolean> {
  const socket = connect(`/proc/${pid}/root/run/systemd/journal/stdout`);
  return new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy());
}
