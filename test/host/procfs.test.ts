import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { NotAvailable } from "../../host/host.ts";
import { procfs } from "../../host/procfs.ts";
import { isRoot, needs } from "../needs.ts";
import { until } from "./until.ts";

/** What this program has open of a process. */
const openOf = (pid: number): number =>
  readdirSync("/proc/self/fd").filter((fd) => linkOf(`/proc/self/fd/${fd}`).startsWith(`/proc/${pid}`)).length;

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

const devices = (text: string): number => text.split("\n").slice(2, -1).length;

describe("host/procfs", () => {
  let child: ChildProcess | undefined;
  afterEach(() => {
    child?.kill("SIGKILL");
    child = undefined;
  });

  const started = async (script: string): Promise<{ readonly pid: number; readonly go: () => void }> => {
    const made = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"] });
    child = made;
    await once(made, "spawn");
    return { pid: made.pid ?? 0, go: () => void made.stdin.write("\n") };
  };

  it("keeps files of the namespace open while the process lives, and lets go of them once it is gone", async () => {
    const { pid } = await started("exec sleep 60");
    const handle = procfs().open(pid);
    handle.inode("net/dev");
    assert.match(handle.text("net/dev"), /^ *lo:/mu);
    assert.match(handle.text("net/snmp"), /^Tcp: \d/mu);
    assert.match(handle.text("cgroup"), /:/u);
    assert.equal(openOf(pid), 3, "the folder, and two files");
    child?.kill("SIGKILL");
    if (child !== undefined) await once(child, "exit");
    assert.throws(() => handle.inode("net/dev"), NotAvailable);
    assert.throws(() => handle.text("net/dev"), NotAvailable);
    assert.equal(openOf(pid), 1);
    handle.close();
    assert.equal(openOf(pid), 0);
  });

  it("reads the namespace that the process is in now", async function () {
    needs(this, "root", isRoot());
    const { pid, go } = await started("read x; exec unshare --net sleep 60");
    const handle = procfs().open(pid);
    const first = handle.inode("net/dev");
    assert.ok(devices(handle.text("net/dev")) > 1, "this machine has more than lo");
    go();
    await until("another namespace", () => handle.inode("net/dev") !== first);
    assert.equal(devices(handle.text("net/dev")), 1);
    handle.close();
  });
});
