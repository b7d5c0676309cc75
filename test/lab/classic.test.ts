import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { PassThrough } from "node:stream";
import { endpointOf, loss } from "../../lab/cluster.ts";
import { labExec, labStatus, labTraffic, labUp } from "../../lab/commands.ts";
import { ask } from "../../lab/engine-api.ts";
import type { LabHost } from "../../lab/host.ts";
import { pause, run, until } from "../../lab/process.ts";
import { useLab } from "./fixture.ts";

describe("lab, classic", () => {
  const lab = useLab();

  it("tells people and machines where its hosts are", async () => {
    const { name, hosts } = lab();
    const { code, out } = await command(async (terminal) => labStatus({ name, json: true }, terminal));
    assert.equal(code, 0);
    const status: unknown = JSON.parse(out);
    assert.deepEqual(status, {
      name,
      driver: "classic",
      engine: "20.10",
      containers: 2,
      shared: lab().shared,
      hosts: hosts.map(({ name: host, pid, vtep }) => ({
        name: host,
        pid,
        vtep,
        socket: `/proc/${pid}/root/run/docker.sock`,
        netns_dir: `/proc/${pid}/root/run/docker/netns`,
        engine_up: true,
      })),
    });
    for (const { socket, netnsDir } of hosts) {
      assert.equal((await ask(socket, "GET", "/_ping")).status, 200);
      assert.ok(readdirSync(netnsDir).some((file) => /^\d+-/u.test(file)));
    }
    const table = await command(async (terminal) => labStatus({ name }, terminal));
    for (const { pid } of hosts) assert.match(table.out, new RegExp(`nsenter -t ${pid} -n -u -m`));
  });

  it("runs programs on a host: its name, network, engine and journal, the caller's folder and exit code", async () => {
    const [one, two] = lab().hosts;
    const script = "hostname; pwd; readlink /proc/self/ns/net; docker ps --format '{{.Names}}' | sort; exit 7";
    const { code, stdout } = await one!.exec(["sh", "-c", script], { cwd: "/tmp" });
    const net = readlinkSync(`/proc/${one!.pid}/ns/net`);
    assert.deepEqual([code, stdout], [7, `dockerhost1\n/tmp\n${net}\nA1\nB1\n`]);
    assert.notEqual(net, readlinkSync("/proc/self/ns/net"));
    await one!.exec(["sh", "-c", "echo only-here | systemd-cat -t lab-test && journalctl --sync"]);
    const find = ["journalctl", "-q", "-o", "cat", "-t", "lab-test"];
    assert.equal((await one!.exec(find)).stdout, "only-here\n");
    assert.equal((await two!.exec(find)).stdout, "");
    const terminal = { out: new PassThrough(), err: new PassThrough(), env: process.env, cwd: process.cwd() };
    assert.equal(await labExec({ name: lab().name }, "dockerhost2", ["sh", "-c", "exit 9"], terminal), 9);
    assert.equal(await labExec({ name: lab().name }, "3", ["true"], terminal), 64);
  });

  it("leaves the machine's own /etc, /run and /var/lib alone", async () => {
    const [one] = lab().hosts;
    const touch = "for d in /etc /run /var/lib /var/log; do echo x >$d/overlaywatch-trace; done; cat /etc/machine-id";
    const { stdout } = await one!.exec(["sh", "-c", touch]);
    assert.notEqual(stdout, readFileSync("/etc/machine-id", "utf8"));
    for (const folder of ["/etc", "/run", "/var/lib", "/var/log"]) {
      assert.ok(!readdirSync(folder).includes("overlaywatch-trace"), folder);
    }
    await one!.exec(["sh", "-c", "rm /etc/overlaywatch-trace /run/overlaywatch-trace /var/l*/overlaywatch-trace"]);
    await one!.exec(["sh", "-c", `echo seen >${lab().shared}/note`]);
    assert.equal((await lab().hosts[1]!.exec(["cat", `${lab().shared}/note`])).stdout, "seen\n");
  });

  it("has every container reach every other one, and its gateway", async () => {
    for (const [from, to] of [["A1", "B1"] as const, ["A1", "A2"] as const, ["B2", "A1"] as const]) {
      assert.equal(await lab().loss(from, to, 5), 0, `${from} to ${to}`);
    }
  });

  it("breaks on demand, stays broken, and mends", async function () {
    this.timeout(60_000);
    const [host] = lab().hosts;
    const { IPAddress } = await endpointOf(host!, "B1");
    await lab().break();
    // Seen by the container's own ping, not by the one that `break` itself looks with.
    const inside = async () => host!.inContainer("A1", ["ping", "-q", "-c", "5", "-i", "0.2", "-W", "1", IPAddress]);
    assert.match((await inside()).stdout, /100% packet loss/);
    assert.equal(await lab().loss("A1", "B2", 5), 0, "the other host's containers are still reached");
    await lab().mend();
    assert.match((await inside()).stdout, / 0% packet loss/);
    await assert.rejects(lab().break({ a: "A1", b: "A1" }), /same container/);
    await assert.rejects(lab().break({ a: "A1", b: "Z1" }), /404.*Z1/);
  });

  it("makes the traffic that it promises, and stops it", async function () {
    this.timeout(30_000);
    const [host] = lab().hosts;
    const { name } = lab();
    const { code, out } = await command(async (terminal) => labTraffic("start", { name, json: true }, terminal));
    assert.equal(code, 0);
    const promised = { packets: 8, bytes: 8336 };
    const rates = JSON.stringify({ host: "dockerhost1", container: "A1", network: "testnet", ...promised });
    assert.ok(out.includes(rates), out);
    const before = await counters(host!, "A1");
    await pause(5_000);
    const after = await counters(host!, "A1");
    const seconds = (after.at - before.at) / 1000;
    for (const index of [0, 1]) {
      const rate = (after.bytes[index]! - before.bytes[index]!) / seconds;
      assert.ok(Math.abs(rate / promised.bytes - 1) < 0.15, `${rate} bytes/s`);
    }
    assert.equal((await command(async (terminal) => labTraffic("stop", { name }, terminal))).code, 0);
    const quiet = await counters(host!, "A1");
    await pause(1_000);
    // An ARP frame may still come, a ping not.
    assert.ok((await counters(host!, "A1")).bytes[0]! - quiet.bytes[0]! < 1000);
  });

  it("starts containers of every kind, and takes them away", async () => {
    const [host] = lab().hosts;
    const id = await host!.run("extra", {
      network: "testnet",
      ip: "10.0.0.77",
      args: ["sh", "-c", 'echo "$WORD" >/tmp/word; exec sleep 1000'],
      env: { WORD: "two words" },
      labels: { team: "net" },
    });
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal((await endpointOf(host!, "extra")).IPAddress, "10.0.0.77");
    assert.equal((await host!.inContainer("extra", ["cat", "/tmp/word"])).stdout, "two words\n");
    await host!.run("sharer", { networkMode: "container:extra" });
    assert.match((await host!.inNetworkOf("sharer", ["ip", "-o", "address"])).stdout, /10\.0\.0\.77/);
    await host!.restart("extra");
    await host!.stop("sharer");
    assert.equal((await host!.inspect("sharer")).State.Running, false);
    for (const name of ["sharer", "extra"]) await host!.rm(name);
    await assert.rejects(host!.inspect("extra"), /404.*extra/);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    it(`has its dockerd ended by ${signal} and started again in place`, async function () {
      this.timeout(90_000);
      const [one, two] = lab().hosts;
      await one!.stopEngine({ signal });
      await assert.rejects(one!.api("GET", "/_ping"), /no answer/);
      await assert.rejects(one!.stopEngine(), /no dockerd runs/);
      const { name } = lab();
      assert.equal((await command(async (terminal) => labStatus({ name }, terminal))).code, 1);
      await one!.startEngine();
      await assert.rejects(one!.startEngine(), /already/);
      const running = async () => (await one!.inspect("A1")).State.Running && (await one!.inspect("B1")).State.Running;
      await until(
        async () => (await running()) || undefined,
        20_000,
        () => new Error("A1 and B1 did not come back"),
      );
      const { IPAddress } = await endpointOf(two!, "A2");
      const reached = async () => (await loss(one!, "A1", IPAddress, 1)) === 0 || undefined;
      await until(reached, 20_000, () => new Error("A1 does not reach A2 any more"));
    });
  }

  it("is up already for the same shape, and says how it differs from another", async () => {
    const { name } = lab();
    const pids = lab().hosts.map((host) => host.pid);
    const same = await command(async (terminal) => labUp({ name, json: true }, terminal));
    assert.deepEqual([same.code, same.err], [0, `lab ${name} is up already\n`]);
    for (const pid of pids) assert.ok(same.out.includes(`"pid":${pid},`));
    const other = await command(async (terminal) => labUp({ name, hosts: 3 }, terminal));
    assert.equal(other.code, 1);
    assert.match(other.err, /in another shape.*take it down first/);
    assert.equal((await command(async (terminal) => labUp({ name, hosts: "x" }, terminal))).code, 64);
  });
});

async function command(work: (terminal: Parameters<typeof labStatus>[1]) => Promise<number>) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const code = await work({ out, err, env: process.env, cwd: process.cwd() });
  return { code, out: String(out.read() ?? ""), err: String(err.read() ?? "") };
}

/** Received and sent bytes of the overlay interface. */
async function counters(host: LabHost, container: string) {
  const { State } = await host.inspect(container);
  const { MacAddress } = await endpointOf(host, container);
  const links = await run(["/usr/bin/nsenter", `--net=/proc/${State.Pid}/ns/net`, "ip", "-o", "link"]);
  const line = links.stdout.split("\n").find((one) => one.includes(MacAddress)) ?? "";
  const [, device] = /^\d+: ([^@:]+)/.exec(line) ?? [];
  const row = readFileSync(`/proc/${State.Pid}/net/dev`, "utf8")
    .split("\n")
    .find((one) => one.includes(`${device}:`));
  const fields = row!.split(":")[1]!.trim().split(/\s+/).map(Number);
  return { at: performance.now(), bytes: [fields[0]!, fields[8]!] };
}
