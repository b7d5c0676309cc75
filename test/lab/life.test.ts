import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { endpointOf } from "../../lab/cluster.ts";
import { LabFolder } from "../../lab/folder.ts";
import { down, findLab, openLab, up, type Lab } from "../../lab/lab.ts";
import { isAlive, run, until } from "../../lab/process.ts";
import { needsLab, uniqueName } from "./fixture.ts";
import { inhabitants, machine, nothingLeft } from "./nothing-left.ts";

describe("lab, from up to down", function () {
  this.timeout(90_000);
  const names: string[] = [];
  const named = async (suffix: string) => {
    const name = await uniqueName(suffix);
    names.push(name);
    return name;
  };

  before(function () {
    needsLab(this);
  });
  afterEach(async () => {
    for (const name of names.splice(0)) await down(name);
  });

  it("has two with the same names and addresses side by side, and taking one down leaves nothing of it", async () => {
    const before = await machine();
    const shape = { hosts: 2, containers: 1 };
    const [left, right] = await Promise.all([
      up({ ...shape, name: await named("left") }),
      up({ ...shape, name: await named("right") }),
    ]);
    await left.hosts[0]!.run("only-left", { network: "testnet" });
    assert.equal(await containersOf(left), "only-left\nA1\n");
    assert.equal(await containersOf(right), "A1\n");
    await left.startTraffic();
    const inside = inhabitants(left.name);
    assert.ok(inside.length > 20, `${inside.length} processes`);
    await left.down();
    nothingLeft(left.name, inside);
    assert.equal(await right.loss("A1", "A2", 3), 0);
    await openLab(right.name);
    assert.throws(() => findLab(left.name), new RegExp(`not up.*${right.name}`));
    await right.down();
    await right.down();
    await until(
      async () => (await machine()) === before || undefined,
      5_000,
      () => new Error("the machine has changed"),
    );
  });

  it("recovers from an up that was killed half-way", async () => {
    const name = await named("killed");
    const script = "const { up } = await import(process.argv[1]); await up({ name: process.argv[2], containers: 1 });";
    const argv = ["--input-type=module", "-e", script, `${process.cwd()}/dist/lab/lab.js`, name];
    const child = spawn(process.execPath, argv, { stdio: "ignore" });
    const half = () => existsSync(new LabFolder(name).log("dockerhost2-dockerd")) || undefined;
    await until(half, 20_000, () => new Error("it did not get half-way"));
    await assert.rejects(up({ name }), /another up or down .* is at work/);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    const orphans = inhabitants(name);
    assert.ok(orphans.length > 0, "its processes are still there");
    assert.throws(() => findLab(name), /not up/);
    const lab = await up({ name, containers: 1 });
    assert.equal(await lab.loss("A1", "A2", 2), 0);
    assert.deepEqual(orphans.filter(isAlive), []);
    await lab.down();
  });

  it("takes a fleet down with it, whose starter was killed", async () => {
    const name = await named("fleet");
    const script =
      "const { up } = await import(process.argv[1]); const lab = await up({ name: process.argv[2], hosts: 1, containers: 0 }); await (await lab.startFleet()).start(); console.log('started'); setInterval(() => 0, 1000);";
    const argv = ["--input-type=module", "-e", script, `${process.cwd()}/dist/lab/lab.js`, name];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    const inside = inhabitants(name);
    const programs = inside.map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
    for (const part of [/nats-server -c/u, /main\.js helperd/u, /main\.js worker/u, /main\.js webhook/u])
      assert.ok(
        programs.some((one) => part.test(one)),
        `${part}: ${programs.join("\n")}`,
      );
    await down(name);
    nothingLeft(name, inside);
  });

  it("takes everything down when it is interrupted", async () => {
    const name = await named("aborted");
    const abort = new AbortController();
    const log = (line: string) => {
      if (line.includes("starting engines")) setTimeout(() => abort.abort(new Error("interrupted by test")), 100);
    };
    await assert.rejects(up({ name }, { signal: abort.signal, log }), /up was interrupted, everything is taken down/);
    nothingLeft(name, []);
  });

  it("starts anew where a host has died", async () => {
    const name = await named("wounded");
    const lab = await up({ name, hosts: 1, containers: 1 });
    process.kill(lab.hosts[0]!.pid, "SIGKILL");
    await until(
      () => !existsSync(`/proc/${lab.hosts[0]!.pid}/ns/net`) || undefined,
      5_000,
      () => new Error("alive"),
    );
    assert.throws(() => findLab(name), /has lost a host/);
    const fresh = await up({ name, hosts: 1, containers: 1 });
    assert.notEqual(fresh.hosts[0]!.pid, lab.hosts[0]!.pid);
  });

  it("is a swarm of today's engine too", async () => {
    const lab = await up({ name: await named("swarm"), engine: "28.5" });
    assert.equal(lab.shape.driver, "swarm");
    assert.equal(await lab.loss("A1", "B2", 10), 0);
    assert.equal(await lab.loss("B2", "A1", 10), 0);
    assert.match((await lab.hosts[1]!.exec(["docker", "version"])).stdout, /28\.5\./);
    const [one] = lab.hosts;
    const ends = [await endpointOf(one!, "A1"), await endpointOf(one!, "B1")];
    /** Rows of A1 and B1 on the vxlan device: none of them is right. */
    const rows = async () => {
      const netns = one!.overlayNamespace(ends[0]!.NetworkID);
      const { stdout } = await run(["/usr/bin/nsenter", `--net=${netns}`, "bridge", "fdb", "show", "dev", "vxlan0"]);
      return stdout.split("\n").filter((line) => ends.some((end) => line.startsWith(end.MacAddress)));
    };
    assert.deepEqual(await rows(), []);
    await lab.break();
    for (const row of [/dst 172\.31\.240\.1 .*self permanent/, /master br0/]) {
      assert.equal((await rows()).filter((line) => row.test(line)).length, 2, `${row}: ${(await rows()).join("; ")}`);
    }
    await lab.mend();
    assert.deepEqual(await rows(), []);
  });
});

async function containersOf(lab: Lab): Promise<string> {
  return (await lab.hosts[0]!.exec(["docker", "ps", "--format", "{{.Names}}"])).stdout;
}
