import assert from "node:assert/strict";
import { runner } from "../../../agent/collect.ts";
import { interfaces } from "../../../collectors/interfaces/collector.ts";
import { trackNamespaces } from "../../../collectors/namespaces.ts";
import { emptyInventory } from "../../../host/docker/inventory.ts";
import { type Host, NotAvailable, type ProcessHandle } from "../../../host/host.ts";
import { manualClock } from "../../host/manual-clock.ts";
import { containerOf } from "../container.ts";
import { noOverlays } from "../../host/no-overlays.ts";

const container = containerOf({ attachments: [{ name: "n", networkId: "n", ipv4: "", ipv6: "fd00::2", mac: "" }] });
const netDev = (counters: Readonly<Record<string, number>>) =>
  `\n\n${Object.entries(counters)
    .map(([name, bytes]) => `${name}: ${bytes}${" 0".repeat(15)}\n`)
    .join("")}`;

/** A machine with one container, whose files are these; what is not among them this kernel does not have. */
function machine() {
  const files = new Map([
    ["cgroup", container.id],
    ["net/route", ""],
  ]);
  let alive = true;
  const clock = manualClock(2_000_000);
  const handle = (pid: number): ProcessHandle => ({
    pid,
    folder: `/proc/${pid}`,
    text: (path) => {
      const text = alive ? files.get(path) : undefined;
      if (text === undefined) throw new NotAvailable(path);
      // Dies between two readings of one cycle, before those that not every kernel has.
      if (path === "net/route" && files.get("net/dev")?.includes("last") === true) alive = false;
      return text;
    },
    inode: () => {
      if (!alive) throw new NotAvailable("gone");
      return pid + 1;
    },
    close: () => undefined,
  });
  const inventory = { ...emptyInventory, state: "live" as const, containers: [container] };
  const host: Host = {
    clock,
    docker: { inventory: () => inventory },
    sockets: { tcpStates: () => Promise.reject(new Error("not asked for here")) },
    overlays: noOverlays,
    proc: { open: handle, host: () => ({ ...handle(0), inode: () => 1 }) },
  };
  const run = runner(
    interfaces,
    {},
    { host, namespaces: trackNamespaces(host, () => true), tagsOf: () => ({}), deadline: 1000 },
  );
  return async (counters: Readonly<Record<string, number>>, igmp?: string) => {
    files.set("net/dev", netDev(counters));
    if (igmp !== undefined) files.set("net/igmp", igmp);
    const { outcome, samples, skipped } = await run(new AbortController().signal);
    const grown = samples
      .filter(({ name }) => name === "net.bytes_rcvd")
      .map(({ tags, value }) => `${tags["interface"]} ${value}`);
    return { outcome, grown, skipped };
  };
}

/** `net/igmp` where one interface is up. */
const up = (name: string) => `Idx\tDevice    : Count Querier\n6\t${name}      :     1      V3\n`;

describe("collectors/interfaces", () => {
  it("reads on a kernel without net/igmp and IPv6, and takes no interface for new whose index it can not know", async () => {
    const read = machine();
    assert.deepEqual(await read({ lo: 5, eth0: 100 }), { outcome: "ok", grown: [], skipped: {} });
    assert.deepEqual((await read({ lo: 5, eth0: 103, eth1: 9000 })).grown, ["lo 0", "eth0 3"]);
    assert.deepEqual((await read({ lo: 5, eth0: 103, eth1: 9001 })).grown, ["lo 0", "eth0 0", "eth1 1"]);
  });

  it("takes an interface that it sees with another name while it is down for none that is new", async () => {
    const read = machine();
    await read({ eth0: 100 }, up("eth0"));
    assert.deepEqual((await read({ eth0: 104 }, up("eth0"))).grown, ["eth0 4"]);
    assert.deepEqual((await read({ wan0: 104 }, "")).grown, [], "down, and renamed");
    assert.deepEqual((await read({ wan0: 107 }, up("wan0"))).grown, ["wan0 3"]);
    assert.deepEqual((await read({ lan0: 109 }, up("lan0"))).grown, ["lan0 2"], "renamed, and up again");
  });

  it("gives nothing of a process that dies between two readings, and counts it", async () => {
    const read = machine();
    await read({ eth0: 100 });
    assert.deepEqual(await read({ eth0: 200, last: 0 }), { outcome: "ok", grown: [], skipped: { gone: 1 } });
  });
});
