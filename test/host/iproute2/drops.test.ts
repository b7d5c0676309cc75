import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { dropsOf, readNetlink } from "../../../host/iproute2/drops.ts";
import { followIn } from "../../../host/iproute2/follow.ts";
import { isRoot, needs } from "../../needs.ts";
import { namespaceFolder } from "../netns/stage.ts";
import { until } from "../until.ts";

const head = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode";

describe("host/iproute2/drops", () => {
  it("reads the one row of that process that is route netlink and subscribed, by the names of the columns", () => {
    const rows = [
      "0000000000000000 0   77         00000000 0        0        0     2        5        1",
      "0000000000000000 4   77         00000004 0        0        0     2        6        2",
      "0000000000000000 0   778        00000004 0        0        0     2        7        3",
      "0000000000000000 0   77         00000444 0        0        0     2        17480    4",
    ];
    assert.deepEqual(readNetlink([head, ...rows, ""].join("\n"), 77), { ready: true, drops: 17_480 });
    assert.deepEqual(readNetlink([head, ...rows.slice(0, 3)].join("\n"), 77), { ready: false, drops: 0 });
    assert.deepEqual(readNetlink("Drops Groups Pid Eth\n3 1 77 0\n", 77), { ready: true, drops: 3 });
  });

  it("says that a table is not the kernel's, and undefined where the process is gone", () => {
    assert.throws(() => readNetlink("", 77), /no column Eth/);
    assert.throws(() => readNetlink("Eth Pid Groups Drops\n0 77 1 many", 77), /Drops is no number: many/);
    assert.throws(() => readNetlink("Eth Pid Groups Drops\n0 77 1", 77), /Drops is no number: missing/);
    assert.equal(dropsOf(2 ** 22 + 1), undefined);
  });

  it("counts to the one what a stopped `ip monitor` misses", async function () {
    needs(this, "root", isRoot());
    this.timeout(60_000);
    const folder = namespaceFolder();
    const netns = folder.make("1-aaaaaaaaaa");
    folder.run("1-aaaaaaaaaa", ["ip", "link", "add", "vx", "type", "vxlan", "id", "1", "dstport", "4789"]);
    const argv = ["ip", "-f", "bridge", "-o", "monitor", "neigh"] as const;
    let [lines, said] = [0, ""];
    const monitor = followIn(netns, argv, {
      stdout: (chunk) => (lines += chunk.toString().split("\n").length - 1),
      stderr: (chunk) => (said += chunk),
      exit: (ended) => (said += JSON.stringify(ended)),
    });
    try {
      const { pid } = monitor;
      assert.ok(pid !== undefined);
      await until("its subscription", () => dropsOf(pid)?.ready === true);
      process.kill(pid, "SIGSTOP");
      const forced = 40_000;
      folder.run("1-aaaaaaaaaa", ["bridge", "-batch", "-"], manyRows(forced));
      const dropped = dropsOf(pid)?.drops ?? 0;
      assert.ok(dropped > 0 && dropped < forced, String(dropped));
      process.kill(pid, "SIGCONT");
      const told = () => lines + (dropsOf(pid)?.drops ?? 0);
      await until("all of them", () => told() >= forced, 20_000).catch(() => undefined);
      await sleep(100);
      assert.equal(told(), forced, `${lines} lines, and drops were ${dropped}, are ${dropsOf(pid)?.drops}: ${said}`);
    } finally {
      monitor.kill();
      folder.clear();
    }
  });
});

function manyRows(count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const mac = `02:00:00:${hex(index >> 16)}:${hex((index >> 8) & 255)}:${hex(index & 255)}`;
    return `fdb add ${mac} dev vx dst 127.0.0.2 self permanent\n`;
  }).join("");
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
