import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { LabHost } from "../../../lab/host.ts";
import { pause, until } from "../../../lab/process.ts";
import { type Entry, readEntry } from "../../../pipelines/entry.ts";
import { exportParser } from "../../../host/journald/export.ts";
import { useLab } from "../../lab/fixture.ts";

const main = fileURLToPath(new URL("../../../agent/main.js", import.meta.url));

/** `overlaywatch record` on a lab host; gives how to end it. */
function record(host: LabHost): () => Promise<number | null> {
  const enter = ["-t", String(host.pid), "-n", "-u", "-m", "--"];
  const child = spawn("/usr/bin/nsenter", [...enter, process.execPath, main, "record"], { stdio: "ignore" });
  return async () => {
    child.kill("SIGTERM");
    await once(child, "exit");
    return child.exitCode;
  };
}

/** Waits for an entry like that in the host's journal. */
async function journalHas(host: LabHost, what: string, like: (entry: Entry) => boolean): Promise<void> {
  const look = async () => (await entriesOf(host)).find(like);
  await until(look, 10_000, () => new Error(`not in the journal of ${host.name}: ${what}`));
}

/** The lab is shared: what earlier recorders wrote there is none of this test's. In seconds since the epoch. */
let from = 0;

async function entriesOf(host: LabHost): Promise<readonly Entry[]> {
  const { stdout } = await host.exec([
    "journalctl",
    "-q",
    "--no-pager",
    "-o",
    "export",
    "-t",
    "overlaywatch",
    `--since=@${from}`,
  ]);
  const entries: Entry[] = [];
  const parser = exportParser((fields) => void entries.push(readEntry((name) => fields.get(name))));
  parser.push(Buffer.from(stdout));
  parser.end();
  return entries;
}

describe("pipelines/record, on a lab host", function () {
  this.timeout(60_000);
  const lab = useLab();

  it("writes the first ARP exchange of two local containers as it is known to be, and a gap between two recorders", async () => {
    const [host] = lab().hosts;
    from = Math.ceil(Date.now() / 1000);
    await pause(1000);
    const netns = (await host!.exec(["sh", "-c", "ls /run/docker/netns | grep '^1-'"])).stdout.trim();
    // As on a host where these two never spoke: what earlier tests left would spare them the exchange.
    const inside = (script: string) => host!.exec(["nsenter", `--net=/run/docker/netns/${netns}`, "sh", "-c", script]);
    await inside(
      "for m in 02:42:0a:00:00:02 02:42:0a:00:00:03; do for p in veth0 veth1 vxlan0; do bridge fdb del $m dev $p master; done; bridge fdb del $m dev vxlan0 self; done; ip neigh flush nud all dev vxlan0; true",
    );
    for (const name of ["A1", "B1"]) await host!.exec(["docker", "exec", name, "ip", "neigh", "flush", "dev", "eth0"]);
    const stop = record(host!);
    try {
      await journalHas(host!, "recording", ({ kind, state }) => kind === "namespace" && state === "up");
      await pause(500);
      assert.equal(await lab().loss("A1", "B1", 2), 0);
      await journalHas(host!, "dockerd's rows", ({ dst }) => dst !== undefined);
    } finally {
      assert.equal(await stop(), 0);
    }
    const entries = await entriesOf(host!);
    const said = entries
      .filter(({ kind }) => kind === "event")
      .map(({ message, object, action, network, container }) => ({ message, object, action, network, container }));
    const event = { network: "testnet" };
    const expected = [
      { ...event, message: "miss 10.0.0.3 dev vxlan0 STALE", object: "neigh", action: "miss", container: undefined },
      {
        ...event,
        message: "dev veth1 lladdr 02:42:0a:00:00:03 REACHABLE",
        object: "fdb",
        action: "new",
        container: "B1",
      },
      {
        ...event,
        message: "10.0.0.3 dev vxlan0 lladdr 02:42:0a:00:00:03 PERMANENT",
        object: "neigh",
        action: "new",
        container: "B1",
      },
      {
        ...event,
        message: `${host!.vtep} dev vxlan0 lladdr 02:42:0a:00:00:03 PERMANENT`,
        object: "fdb",
        action: "new",
        container: "B1",
      },
    ];
    for (const one of expected)
      assert.ok(
        said.some((other) => isDeepStrictEqual(other, one)),
        `${one.message} is not in ${JSON.stringify(said, undefined, 1)}`,
      );
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      entries.map((_, n) => n + 1),
    );
    assert.equal(
      entries.at(-1)?.total,
      entries.reduce((sum, { kind, count = 0 }) => sum + (kind === "event" ? count : 0), 0),
    );

    const again = record(host!);
    try {
      await journalHas(host!, "a gap", ({ kind, epoch }) => kind === "gap" && epoch !== entries[0]?.epoch);
    } finally {
      await again();
    }
    const all = await entriesOf(host!);
    const gap = all.findLast(({ kind }) => kind === "gap");
    assert.notEqual(gap?.epoch, entries[0]?.epoch);
    assert.ok(gap?.since !== undefined && gap.until !== undefined && gap.since < gap.until);
  });
});
