import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { findHierarchies, LabCgroup, type Hierarchies } from "../../lab/cgroup.ts";
import { joining } from "../../lab/namespaces.ts";
import { until } from "../../lab/process.ts";
import { isRoot, needs } from "../needs.ts";

const v1 = [
  "30 24 0:27 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
  "31 30 0:28 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory",
  "32 30 0:29 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer",
];
const v2 = "33 30 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";

describe("lab/cgroup", () => {
  it("holds a lab by cgroup v2 where that can kill, else by the freezer", () => {
    const hybrid = [...v1, v2].join("\n");
    const all = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified"];
    assert.deepEqual(
      findHierarchies(hybrid, () => true),
      { tracker: "/sys/fs/cgroup/unified", kind: "v2", all },
    );
    assert.equal(findHierarchies(hybrid, () => false).tracker, "/sys/fs/cgroup/freezer");
    assert.equal(findHierarchies(v1.join("\n")).kind, "freezer");
    assert.throws(() => findHierarchies("22 27 0:21 / /proc rw - proc proc rw"), /neither cgroup v2/);
  });

  for (const kind of ["v2", "freezer"] as const) {
    it(`ends a process and all that it started, and leaves no folder (${kind})`, async function () {
      needs(this, "root", isRoot());
      const hierarchies = hierarchyOf(kind);
      needs(this, `cgroup ${kind}`, hierarchies !== undefined);
      const name = `t-${process.pid}-${kind}`;
      const cgroup = new LabCgroup(name, hierarchies);
      // A process that leaves its session and its parent behind is still in the group.
      const script = "setsid sh -c 'sleep 1000 & sleep 1000' & exec sleep 1000";
      const argv = joining(cgroup.join("procs"), ["/bin/sh", "-c", script]);
      const child = spawn(argv[0], argv.slice(1), { stdio: "ignore" });
      try {
        await until(
          () => cgroup.pids().length >= 4 || undefined,
          5_000,
          () => new Error("they did not start"),
        );
        cgroup.kill("other");
        assert.ok(cgroup.pids().length >= 4, "another group's end is none of theirs");
        cgroup.kill();
        assert.deepEqual(cgroup.pids(), []);
        cgroup.remove();
        assert.ok(!existsSync(`${hierarchies!.tracker}/overlaywatch-lab-${name}`));
        cgroup.kill();
        cgroup.remove();
      } finally {
        child.kill("SIGKILL");
      }
    });
  }
});

function hierarchyOf(kind: Hierarchies["kind"]): Hierarchies | undefined {
  const mountinfo = readFileSync("/proc/self/mountinfo", "utf8");
  try {
    const found = kind === "v2" ? findHierarchies(mountinfo) : findHierarchies(mountinfo, () => false);
    return found.kind === kind ? found : undefined;
  } catch {
    return undefined;
  }
}
