import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { trackNamespaces } from "../../collectors/namespaces.ts";
import type { Container } from "../../host/docker/inventory.ts";
import { type Host, NotAvailable, type ProcessHandle } from "../../host/host.ts";
import { procfs } from "../../host/procfs.ts";
import { until } from "../host/until.ts";
import { isRoot, needs } from "../needs.ts";
import { containerOf } from "./container.ts";
import { noOverlays } from "../host/no-overlays.ts";

const idOf = (name: string) => Buffer.from(name).toString("hex").padEnd(64, "0");
const running = (name: string, pid: number, change: Partial<Container> = {}) =>
  containerOf({ id: idOf(name), name, pid, ...change });

/** Processes by number: the container that their cgroup names, and the inode of their namespace. */
interface Machine {
  readonly host: Host;
  readonly processes: Map<number, { cgroup: string; inode: number; error?: Error }>;
  readonly open: Set<ProcessHandle>;
}

const unused = () => assert.fail("not asked for here");

/** Handles behave as those of `/proc`: they stay with the process that they were opened on. */
function machine(...processes: readonly (readonly [pid: number, name: string, inode: number])[]): Machine {
  const made: Machine["processes"] = new Map(
    processes.map(([pid, name, inode]) => [pid, { cgroup: `/docker/${idOf(name)}`, inode }]),
  );
  const open = new Set<ProcessHandle>();
  const openProcess = (pid: number): ProcessHandle => {
    const process = made.get(pid);
    if (process === undefined) throw new NotAvailable(`no process ${pid}`);
    const alive = () => {
      if (made.get(pid) !== process) throw new NotAvailable(`process ${pid} is gone`);
      if (process.error !== undefined) throw process.error;
      return process;
    };
    const handle = {
      pid,
      folder: `/proc/${pid}`,
      text: () => alive().cgroup,
      inode: () => alive().inode,
      close: () => void open.delete(handle),
    };
    open.add(handle);
    return handle;
  };
  made.set(0, { cgroup: "", inode: 1 });
  const proc = { open: openProcess, host: () => openProcess(0) };
  return {
    processes: made,
    open,
    host: {
      proc,
      docker: { inventory: unused },
      sockets: { tcpStates: unused },
      overlays: noOverlays,
      clock: { now: unused, monotonic: unused },
    },
  };
}

const all = () => true;

/** For a process that no engine made: its cgroup is made to name a container, all else is read from the kernel. */
const vouched = (handle: ProcessHandle): ProcessHandle => ({
  ...handle,
  text: (path) => (path === "cgroup" ? idOf("a") : handle.text(path)),
});

describe("collectors/namespaces", () => {
  it("makes one of each namespace, born with the container that it was made for", () => {
    const { host } = machine([10, "a", 100], [20, "b", 200]);
    const { namespaces, skipped, errors } = trackNamespaces(host, all).sweep([
      running("a", 10, { startedAt: 5 }),
      running("b", 20, { startedAt: 6 }),
    ]);
    assert.deepEqual(
      namespaces.map(({ container, bornAt, members }) => [container.name, bornAt, members.length]),
      [
        ["a", 5, 1],
        ["b", 6, 1],
      ],
    );
    assert.deepEqual([skipped, errors], [{}, []]);
  });

  it("gives a shared one once, to its owner, also where that came later in the list or started again", () => {
    const { host } = machine([10, "owner", 100], [20, "side", 100]);
    const side = running("side", 20, { networkMode: `container:${idOf("owner")}`, startedAt: 1 });
    const owner = running("owner", 10, { startedAt: 9 });
    for (const list of [
      [side, owner],
      [owner, side],
    ]) {
      const [one, ...more] = trackNamespaces(host, all).sweep(list).namespaces;
      assert.deepEqual(
        [one?.container, one?.members, one?.bornAt, one?.process.pid, more],
        [owner, [owner, side], 9, 10, []],
      );
    }
  });

  it("shows the first that the filter lets through, and reads by the owner all the same", () => {
    const { host } = machine([10, "owner", 100], [20, "side", 100], [30, "other", 300]);
    const side = running("side", 20, { networkMode: "container:x" });
    const list = [running("owner", 10), side, running("other", 30)];
    const { namespaces, skipped } = trackNamespaces(host, ({ name }) => name === "side").sweep(list);
    assert.deepEqual(
      namespaces.map(({ container, process }) => [container.name, process.pid]),
      [["side", 10]],
    );
    assert.deepEqual(skipped, { filtered: 1 });
  });

  it("does not know the birth of one whose owner is gone", () => {
    const { host } = machine([20, "side", 100]);
    const [one] = trackNamespaces(host, all).sweep([running("side", 20, { networkMode: "container:x" })]).namespaces;
    assert.deepEqual([one?.container.name, one?.bornAt], ["side", undefined]);
  });

  it("keeps a namespace's name as long as it lives, and gives another one to the next in the same inode", () => {
    const { host, processes } = machine([10, "a", 100]);
    const tracker = trackNamespaces(host, all);
    const idIn = (container: Container) => tracker.sweep([container]).namespaces[0]?.id;
    const first = idIn(running("a", 10, { startedAt: 5 }));
    assert.equal(idIn(running("a", 10, { startedAt: 5 })), first);
    processes.set(10, { cgroup: `/docker/${idOf("a")}`, inode: 100 });
    assert.notEqual(idIn(running("a", 10, { startedAt: 6 })), first);
  });

  it("leaves out and counts the host's network, by its mode or by its inode", () => {
    const { host } = machine([10, "a", 100], [20, "b", 1]);
    const list = [running("a", 10, { networkMode: "host" }), running("b", 20)];
    const { namespaces, skipped } = trackNamespaces(host, all).sweep(list);
    assert.deepEqual([namespaces, skipped], [[], { host_network: 2 }]);
  });

  it("leaves out and counts a process that is gone, and one whose number was given to another", () => {
    const { host, processes } = machine([10, "a", 100]);
    const tracker = trackNamespaces(host, all);
    const list = [running("a", 10), running("dead", 99)];
    assert.deepEqual(tracker.sweep(list).skipped, { gone: 1 });
    processes.set(10, { cgroup: `/docker/${idOf("a")}`, inode: 100 });
    assert.deepEqual(tracker.sweep(list).skipped, { gone: 2 }, "the handle stays with the first process");
  });

  it("leaves out and counts a process that does not prove to be the container's, and keeps no handle of it", () => {
    const { host, open } = machine([10, "stranger", 100]);
    const tracker = trackNamespaces(host, all);
    assert.deepEqual(tracker.sweep([running("a", 10)]), { namespaces: [], skipped: { unproven: 1 }, errors: [] });
    assert.equal(open.size, 0);
  });

  it("says which container can not be read, and reads the others", () => {
    const { host, processes } = machine([10, "a", 100], [20, "b", 200]);
    processes.set(10, { cgroup: "", inode: 0, error: new Error("EACCES") });
    const { namespaces, errors } = trackNamespaces(host, all).sweep([running("a", 10), running("b", 20)]);
    assert.deepEqual(
      namespaces.map(({ container }) => container.name),
      ["b"],
    );
    assert.match(String(errors[0]), /cannot read container a/);
    assert.match(String(errors[0]?.cause), /EACCES/);
  });

  it("holds one handle a container, and lets go of those that left, and of all at its end", () => {
    const { host, open } = machine([10, "a", 100], [20, "b", 200]);
    const tracker = trackNamespaces(host, all);
    for (let i = 0; i < 3; i++) tracker.sweep([running("a", 10), running("b", 20)]);
    assert.equal(open.size, 2);
    tracker.sweep([running("b", 20)]);
    assert.deepEqual(
      [...open].map(({ pid }) => pid),
      [20],
    );
    tracker.close();
    assert.equal(open.size, 0);
  });

  describe("on this machine", () => {
    const children: ChildProcess[] = [];

    afterEach(async () => {
      await Promise.all(
        children.splice(0).map(async (child) => {
          const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
          child.kill("SIGKILL");
          await ended;
        }),
      );
    });

    it("tells real namespaces apart, and a process that ended from one that runs", async function () {
      needs(this, "root", isRoot());
      const child = spawn("/usr/bin/unshare", ["-n", "/bin/sleep", "60"], { stdio: "ignore" });
      children.push(child);
      const pid = child.pid ?? 0;
      await until("sleep runs in its own namespace", () =>
        readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("/bin/sleep"),
      );
      const live = procfs();
      const { host } = machine();
      const tracker = trackNamespaces(
        { ...host, proc: { ...live, open: (number) => vouched(live.open(number)) } },
        all,
      );
      const list = [running("a", pid), running("a", process.pid, { startedAt: 2 })];
      const { namespaces, skipped } = tracker.sweep(list);
      assert.deepEqual([namespaces.map((n) => n.process.pid), skipped], [[pid], { host_network: 1 }]);
      assert.match(namespaces[0]?.process.text("net/dev") ?? "", /lo:/);
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      assert.deepEqual(tracker.sweep(list).skipped, { gone: 1, host_network: 1 });
      tracker.close();
    });
  });
});
