import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { PassThrough } from "node:stream";
import { endpointOf, loss } from "../../lab/cluster.ts";
import { labTraffic } from "../../lab/commands.ts";
import { journaldOf, killJournald } from "../../lab/journal.ts";
import { inOverlay, overlayTable } from "../../lab/overlay-table.ts";
import { isAlive, pause, pinnedEnv, until } from "../../lab/process.ts";
import { stormMac } from "../../lab/storm.ts";
import { useLab } from "./fixture.ts";

describe("lab, traffic", function () {
  this.timeout(30_000);
  const lab = useLab();
  const host = () => lab().host(1);
  const network = async () => (await endpointOf(host(), "A1")).NetworkID;

  afterEach(() => {
    lab().stopTraffic();
  });

  it("chatty containers make the pair of rows of everyday life, again and again, and lose nothing", async () => {
    const { name } = lab();
    // Rows that a suite before this one took away come back only with the container: an engine writes them once.
    for (const container of ["A1", "B1"]) await host().restart(container);
    const terminal = { out: new PassThrough(), err: new PassThrough(), env: {}, cwd: "/" };
    const seen = await watching(await network(), async () => {
      assert.equal(await labTraffic("chatty", { name, host: "1", pingsPerSecond: "10" }, terminal), 0);
      await pause(2000);
      lab().stopTraffic();
    });
    assert.match(String(terminal.out.read()), /^A1 B1: /);
    for (const container of ["A1", "B1"]) {
      const { MacAddress: mac } = await endpointOf(host(), container);
      const learned = seen.filter((line) => line.includes(`lladdr ${mac} REACHABLE`));
      const [vxlan, veth] = [/ dev vxlan0 /, / dev veth\d+ /].map((dev) => learned.filter((line) => dev.test(line)));
      assert.ok(vxlan!.length >= 10, `${container} on vxlan ${vxlan!.length} times in 2 s: ${seen.join("\n")}`);
      assert.ok(veth!.length >= 10, `${container} on its veth ${veth!.length} times in 2 s`);
    }
    assert.equal(await lab().loss("A1", "B1", 5), 0);
  });

  it("refuses a rate that is none, and a host without two containers", async () => {
    await assert.rejects(
      lab().startChatty({ pingsPerSecond: "1000" }),
      /--rate "1000": use a whole number from 1 to 50/,
    );
    await assert.rejects(lab().startChatty({ host: 3 }), /--host "3"/);
  });

  it("pings at the rate that it was asked for, and counts its losses", async () => {
    const ping = await lab().ping("A1", "B1", 50);
    await pause(1000);
    await host().inNetworkOf("B1", ["ip", "link", "set", "eth0", "down"]);
    await pause(500);
    const { sent, received } = await ping.stop();
    await host().inNetworkOf("B1", ["ip", "link", "set", "eth0", "up"]);
    assert.ok(sent >= 65 && sent <= 80, `${sent} sent in 1.5 s`);
    assert.ok(received >= 45 && received <= 56, `${received} received in 1 s`);
    assert.ok(Math.abs(ping.answers() - received) <= 1);
  });

  it("makes as many FDB events as it says, each MAC once new and once deleted, and no others", async () => {
    const seen = await watching(await network(), async () => {
      assert.equal(await lab().storm({ networkId: await network(), changes: 400, first: 7 }), 400);
    });
    const wanted = Array.from({ length: 200 }, (_, i) => stormMac(7 + i));
    for (const [pattern, what] of [
      [/\] \S+ dev vxlan0 lladdr (06:0f\S+)/, "new"] as const,
      [/Deleted .*lladdr (06:0f\S+)/, "deleted"] as const,
    ]) {
      const macs = seen.flatMap((line) => pattern.exec(line)?.[1] ?? []);
      assert.deepEqual(macs, wanted, what);
    }
  });

  it("makes them at a rate, and ends early when it is told", async () => {
    const networkId = await network();
    const began = performance.now();
    assert.equal(await lab().storm({ networkId, changes: 500, perSecond: 500 }), 500);
    const took = performance.now() - began;
    assert.ok(took > 900 && took < 1800, `500 changes at 500/s took ${took} ms`);
    const abort = new AbortController();
    const made = lab().storm({ networkId, changes: 5000, perSecond: 500, signal: abort.signal });
    setTimeout(() => abort.abort(), 1000);
    assert.ok((await made) <= 520, `${await made} in a second`);
    await assert.rejects(lab().storm({ networkId: "0".repeat(64), changes: 2 }), /has no namespace for network 0000/);
  });

  for (const cure of ["clean", "pin"] as const) {
    it(`the outage is cured by rows alone: ${cure}`, async () => {
      const before = Date.now();
      const broken = await lab().break();
      assert.ok(broken >= before && broken <= Date.now());
      await lab().cure(cure);
      const { IPAddress } = await endpointOf(host(), "B1");
      assert.equal(await loss(host(), "A1", IPAddress, 5), 0);
      const rows = await inOverlay(host(), await overlayTable(host(), await network()), ["bridge", "fdb", "show"]);
      assert.equal(rows.stdout.match(/ sticky /g)?.length ?? 0, cure === "pin" ? 2 : 0, rows.stdout);
      if (cure === "pin") await lab().unpin();
      await lab().mend();
      assert.equal(await lab().loss("A1", "B1", 5), 0);
    });
  }

  it("kills a host's journald and starts it again, with the same journal", async () => {
    const say = async (text: string) => host().exec(["sh", "-c", `echo ${text} | systemd-cat -t lab-restart`]);
    assert.equal((await say("before")).code, 0);
    await host().exec(["journalctl", "--sync"]);
    const first = journaldOf(host());
    await killJournald(host());
    assert.throws(() => journaldOf(host()), /no systemd-journald runs on dockerhost1/);
    assert.notEqual((await say("without")).code, 0);
    await lab().startJournald(host());
    assert.ok(!isAlive(first));
    assert.equal((await say("after")).code, 0);
    await host().exec(["journalctl", "--sync"]);
    const { stdout } = await host().exec(["journalctl", "-q", "-o", "cat", "-t", "lab-restart"]);
    assert.equal(stdout, "before\nafter\n");
  });

  /** Lines of `ip` on the FDB of the network's namespace while the work is done. */
  async function watching(networkId: string, work: () => Promise<void>): Promise<string[]> {
    const { outside, vxlan } = await overlayTable(host(), networkId);
    const argv = [`--net=${outside}`, "--", "ip", "-f", "bridge", "-o", "-ts", "monitor", "neigh"];
    const child = spawn("/usr/bin/nsenter", argv, { env: pinnedEnv, stdio: ["ignore", "pipe", "inherit"] });
    const lines = () => text.trimEnd().split("\n");
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    const mark = async (mac: string) => {
      const bridge = ["bridge", "fdb", "replace", mac, "dev", vxlan, "dst", host().vtep, "self", "permanent"];
      await until(
        async () => {
          await inOverlay(host(), await overlayTable(host(), networkId), bridge);
          return text.includes(mac) || undefined;
        },
        5_000,
        () => new Error(`ip does not tell of ${mac}`),
      );
      await inOverlay(host(), await overlayTable(host(), networkId), [
        "bridge",
        "fdb",
        "del",
        mac,
        "dev",
        vxlan,
        "dst",
        host().vtep,
      ]);
    };
    try {
      await mark("06:0e:00:00:00:01");
      await work();
      await mark("06:0e:00:00:00:02");
      return lines().filter((line) => !line.includes(" 06:0e:"));
    } finally {
      child.kill("SIGKILL");
    }
  }
});
