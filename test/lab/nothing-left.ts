import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { LabCgroup } from "../../lab/cgroup.ts";
import { LabFolder, lockFolder } from "../../lab/folder.ts";
import { identify, isAlive, run, type ProcessId } from "../../lab/process.ts";

/**
 * What a lab could leave on the machine, beside its own processes, a line each: links, mounts, files. Below the folder for temporary ones other
 * tests mount, and the folder of locks comes and goes with those of others.
 */
export async function machine(): Promise<string> {
  const links = await run(["/usr/sbin/ip", "-o", "link"]);
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => /docker|overlay/.test(line) && !line.includes(` ${tmpdir()}/`));
  const names = links.stdout.split("\n").map((line) => `link${line.split(":")[1] ?? ""}`);
  const files = ["/etc", "/opt", "/var/lib", "/run"].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name !== basename(lockFolder))
      .map((name) => `${folder}/${name}`),
  );
  const forwarding = readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8");
  return [...mounts, ...names, ...files, `ip_forward ${forwarding}`].join("\n");
}

/** All processes of the machine that are in a network, UTS or mount namespace of the lab, known to its cgroup or not. */
export function inhabitants(name: string): ProcessId[] {
  const kinds = ["net", "uts", "mnt"];
  const own = new Set(kinds.map((kind) => linkOf("self", kind)));
  const known = new LabCgroup(name).pids().flatMap((pid) => kinds.map((kind) => linkOf(pid, kind)));
  const namespaces = new Set(known.filter((id) => id !== "" && !own.has(id)));
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  const inside = pids.filter((pid) => kinds.some((kind) => namespaces.has(linkOf(pid, kind))));
  return inside.flatMap((pid) => identify(Number(pid)) ?? []);
}

function linkOf(pid: number | string, kind: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return "";
  }
}

export function nothingLeft(name: string, inside: readonly ProcessId[]): void {
  assert.deepEqual(inside.filter(isAlive), []);
  assert.deepEqual(new LabCgroup(name).pids(), []);
  assert.ok(!existsSync(new LabFolder(name).path));
  for (const kind of ["lock", "demo"]) assert.ok(!existsSync(`${lockFolder}/${name}.${kind}`), kind);
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  for (const fields of mounts.map((line) => line.split(" "))) {
    const mount = fields[4] ?? "";
    if (mount.startsWith("/sys/fs/cgroup")) assert.ok(!existsSync(`${mount}/overlaywatch-lab-${name}`), mount);
  }
}
