import { readWhole } from "./kernel-files.ts";

/** Our real user id, which journald notes as `_UID` of what we write (proc(5), status). */
export function ownUser(): number {
  const [, uid] = /^Uid:\t(\d+)/mu.exec(readWhole("/proc/self/status")) ?? [];
  if (uid === undefined) throw new Error("/proc/self/status does not tell our user");
  return Number(uid);
}
