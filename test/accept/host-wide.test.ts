import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { useLab } from "../lab/fixture.ts";
import { needs } from "../needs.ts";
import { figure } from "./length.ts";
import { endAll, here, onHost } from "./program.ts";
import { Treatment } from "./treatment.ts";

const report = z.object({ findings: z.array(z.object({ class: z.string(), state: z.string() })) });

const namespace = `ow-neigh-${process.pid}`;
const names = ["gc_thresh1", "gc_thresh2", "gc_thresh3"] as const;
const file = (name: string): string => `/proc/sys/net/ipv4/neigh/default/${name}`;
const limits = () => names.map((name) => Number(readFileSync(file(name), "utf8")));
const row = (n: number): string =>
  `neigh add 10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255} lladdr 02:42:0a:00:00:01 dev d0 nud permanent\n`;

function run(input: string, ...[program, ...args]: readonly [string, ...string[]]): void {
  const { status, stderr } = spawnSync(program, args, { input, encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

describe("accept: what is healed on the whole host", function () {
  this.timeout(90_000);
  const lab = useLab();
  let host: LabHost;
  let patient: Treatment;

  const links = ["vx-0003e9-0fade", "vx-0003ea-0fade", "vxlan.calico"];
  const ip = async (...args: readonly string[]) => host.exec(["ip", "link", ...args]);
  const present = async () => {
    const { stdout } = await ip("show", "type", "vxlan");
    return links.filter((name) => stdout.includes(`: ${name}:`));
  };
  /** On this machine itself, with the engine of a host of the lab: only the first namespace shows the table. */
  const program = async (...args: readonly string[]) => {
    const engine = ["--docker-socket", host.socket, "--netns-dir", host.netnsDir, "--state-dir", patient.state];
    const started = here([...args, "--json", ...engine]);
    const code = await started.ended;
    return { code, out: started.out(), err: started.err() };
  };

  before("host", async () => {
    host = lab().host(1);
    patient = new Treatment(lab(), host);
    await patient.host.settle();
  });
  afterEach(() => endAll());
  after("end", () => patient.forget());

  describe("a vxlan device that the engine left in the host's namespace", () => {
    before("make", async () => {
      for (const [at, name] of links.entries())
        assert.equal((await ip("add", name, "type", "vxlan", "id", String(1001 + at), "dstport", "4789")).code, 0);
      await ip("set", links[1] ?? "", "up");
    });
    after("take away", async () => {
      for (const name of links) await ip("del", name);
    });

    it("is found, deleted only when asked for, and no other device is", async () => {
      const seen = await patient.doctor();
      const { findings } = report.parse(JSON.parse(seen.out));
      const orphans = findings.filter((one) => one.class === "orphan-vxlan-link");
      assert.deepEqual([seen.code, orphans.map(({ state }) => state)], [0, ["latent", "latent"]], seen.out);
      assert.equal((await patient.cleanup("--apply")).code, 0, "not by a cleanup of rows");
      const dry = await patient.cleanup("--class", "orphan-vxlan-link");
      assert.deepEqual(
        [dry.code, dry.json.actions.map(({ command }) => command.join(" "))],
        [11, ["ip link del dev vx-0003e9-0fade"]],
        dry.out,
      );
      assert.deepEqual(await present(), links);
      const done = await patient.cleanup("--class", "orphan-vxlan-link", "--apply");
      assert.deepEqual([done.code, done.json.verified], [10, true], done.out);
      assert.deepEqual(
        done.json.refused.map(({ rule }) => rule),
        ["in-use"],
      );
      assert.match(done.err, /10 s are waited/);
      assert.deepEqual(await present(), links.slice(1));
      figure(
        `orphan-vxlan-link: deleted after ${(done.ms / 1000).toFixed(1)} s, the device in use and a stranger's stay`,
      );
      const undo = await patient.at("undo", done.json.undo ?? "", "--json");
      assert.equal(undo.code, 40, "it is not made again, and that is said");
      assert.match(undo.out, /the engine makes its own/);
    });
  });

  describe("the neighbour table that all namespaces share", () => {
    let were: readonly number[] = [];

    before("fill", function () {
      needs(
        this,
        "the machine's own network namespace",
        existsSync("/proc/net/stat/arp_cache") && existsSync(file("gc_thresh3")),
      );
      were = limits();
      const [, used = "0"] = /\n([\da-f]+) /.exec(readFileSync("/proc/net/stat/arp_cache", "utf8")) ?? [];
      const limit = were[2] ?? 0;
      // Permanent ones of a namespace of this test: the kernel collects none of them.
      const wanted = Math.max(0, Math.ceil(limit * 0.85) - Number.parseInt(used, 16));
      run("", "ip", "netns", "add", namespace);
      run("", "ip", "-n", namespace, "link", "add", "d0", "type", "bridge");
      run("", "ip", "-n", namespace, "link", "set", "d0", "up");
      run(Array.from({ length: wanted }, (_, n) => row(n + 1)).join(""), "ip", "-n", namespace, "-batch", "-");
    });
    after("empty", () => {
      if (were.length === 0) return;
      names.forEach((name, at) => writeFileSync(file(name), String(were[at])));
      run("", "ip", "netns", "del", namespace);
    });

    it("is found when it is nearly full; the limits go up when asked for, and back down", async () => {
      const seen = await program("doctor");
      assert.match(seen.out, /"neighbour-table-full"/, seen.err);
      const isLow = (were[2] ?? 0) < 65_536;
      const { code, out, err } = await program("cleanup", "--class", "neighbour-table-full", "--apply");
      assert.equal(code, isLow ? 10 : 20, out + err);
      const [first = 0, second = 0, third = 0] = limits();
      assert.ok(first >= 8192 && second >= 49_152 && third >= 65_536, `${first} ${second} ${third}`);
      assert.doesNotMatch((await program("doctor")).out, isLow ? /"neighbour-table-full"/ : /^$/);
      figure(`neighbour-table-full: ${were.join("/")} to ${limits().join("/")}`);
      if (!isLow) return;
      const path = z.object({ undo: z.string() }).parse(JSON.parse(out)).undo;
      const kept = await program("undo", path);
      assert.deepEqual([kept.code, limits()], [40, [first, second, third]], "it would be full again");
      assert.equal((await program("undo", path, "--restore-fault")).code, 0);
      assert.deepEqual(limits(), were);
    });

    it("in another namespace, where it is not shown, nothing is found and nothing is done", async () => {
      const started = onHost(host, [
        "cleanup",
        "--class",
        "neighbour-table-full",
        "--apply",
        "--json",
        "--state-dir",
        patient.state,
      ]);
      assert.equal(await started.ended, 0, started.out() + started.err());
    });
  });

  it("a class that is none, or goes with a switch for rows, is refused", async () => {
    for (const args of [
      ["--class", "stale-local"],
      ["--class", "orphan-vxlan-link", "--all"],
    ])
      assert.equal((await patient.at("cleanup", ...args)).code, 64);
  });
});
