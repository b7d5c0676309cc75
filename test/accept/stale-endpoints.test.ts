import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { addressOf, endpointOf } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { until } from "../../lab/process.ts";
import { underlayAddress } from "../../lab/shape.ts";
import { useLab } from "../lab/fixture.ts";
import { aliveBy, ByHand } from "./by-hand.ts";
import { figure, isFull } from "./length.ts";

/** Host 2 is cut off in every way, then it dies, for good: no other suite uses this shape. */
describe("accept: disconnect-stale-endpoints on engine 20.10, three hosts", function () {
  this.timeout(180_000);
  const lab = useLab({ hosts: 3, containers: 2 });
  let [one, two, three]: LabHost[] = [];
  let byHand: ByHand;
  let state: string;
  const node = () => two!.vtep;

  before("hosts", () => {
    [one, two, three] = lab().hosts;
    state = mkdtempSync(join(lab().shared, "state-"));
    byHand = new ByHand(one!, "disconnect-stale-endpoints", state);
  });

  /** No packet of host 2's, or none of its pings, reaches an address. */
  const cut = async (address: string, ...what: readonly string[]) => filter("-I", address, what);
  const heal = async (address: string, ...what: readonly string[]) => filter("-D", address, what);
  const filter = async (change: "-I" | "-D", address: string, what: readonly string[]) => {
    for (const [chain, side] of [["INPUT", "-s"] as const, ["OUTPUT", "-d"] as const]) {
      const { code, stderr } = await two!.exec(["iptables", change, chain, side, address, ...what, "-j", "DROP"]);
      assert.equal(code, 0, stderr);
    }
  };
  const keys = async (path: string, method = "GET", value?: string) => {
    const url = `http://${underlayAddress}:2379/v2/keys/docker/${path}`;
    const script = `const [u, method, v] = process.argv.slice(1); const body = v && new URLSearchParams({ value: v });
      console.log(await (await fetch(u, { method, ...(v && { body }) })).text())`;
    const args = [process.execPath, "--input-type=module", "-e", script, url, method, ...(value ? [value] : [])];
    return (await one!.exec(args)).stdout;
  };
  const hasKey = async () => (await keys("nodes")).includes(`"${node()}:2376"`);
  /** Host 2 can not renew it now. In the short form nobody waits for it to run out. */
  const keyGone = async () => {
    if (!isFull()) await keys(`nodes/${node()}:2376`, "DELETE");
    await until(
      async () => ((await hasKey()) ? undefined : true),
      90_000,
      () => new Error("its key is still there"),
    );
  };
  const names = async () => {
    const { NetworkID } = await endpointOf(one!, "A1");
    const all = await keys(`network/v1.0/endpoint/${NetworkID}?recursive=true`);
    return [...all.matchAll(/\\"name\\":\\"([^\\]+)\\"/gu)].map(([, name = ""]) => name).toSorted();
  };
  /** As an engine writes one: from a value that lacks anything, dockerd's own reader does not come back. */
  const forged = async (name: string, last: string, digit: string) => {
    const { NetworkID } = await endpointOf(one!, "A1");
    const folder = `network/v1.0/endpoint/${NetworkID}`;
    const all = stored.parse(JSON.parse(await keys(`${folder}?recursive=true`))).node.nodes;
    const value = all.map((each) => each.value).find((text) => text.includes('"name":"B2"'))!;
    const { id, ep_iface, ...rest } = endpoint.parse(JSON.parse(value));
    const addr = { ...ep_iface, addr: `10.0.0.${last}/24` };
    const key = `${folder}/${digit.repeat(64)}`;
    await keys(key, "PUT", JSON.stringify({ ...rest, id: digit.repeat(id.length), name, ep_iface: addr }));
    return async () => keys(key, "DELETE");
  };
  const everybody = ["A1", "A2", "A3", "B1", "B2", "B3"];

  /** It must not act, whatever it is told, and says by whom the node lives. */
  const untouched = async (...by: readonly string[]) => {
    const { code, json, out } = await byHand.run("--node", node(), "--apply", "--yes");
    assert.equal(code, 20, out);
    assert.equal(json?.nodes[0]?.verdict, "alive", out);
    for (const witness of by) assert.ok(aliveBy(json).includes(witness), `${witness} in ${out}`);
    assert.deepEqual(await names(), everybody);
    return aliveBy(json);
  };

  it("lists nothing, and touches no node that lives, nor this host itself", async () => {
    assert.equal((await byHand.run()).code, 0);
    await untouched("store", "address", "peers", "containers");
    await one!.exec(["sh", "-c", `echo ${node()} worn-out >>/etc/hosts`]);
    assert.equal((await byHand.run("--node", "worn-out")).json?.nodes[0]?.node, node());
    const own = await byHand.run("--node", one!.vtep, "--apply", "--yes");
    assert.deepEqual([own.code, own.json?.refused[0]?.rule], [20, "self"]);
    assert.equal((await byHand.run("--node", "192.0.2.77")).code, 0);
    assert.equal((await byHand.run("--apply", "--yes")).code, 64);
    assert.equal((await byHand.run("--node", "no-such-host.invalid")).code, 64);
  });

  it("blocked pings say nothing by themselves", async () => {
    await cut(one!.vtep, "-p", "icmp");
    try {
      const by = await untouched("store", "address", "peers");
      figure(`pings dropped: alive by ${by.join(", ")}`);
    } finally {
      await heal(one!.vtep, "-p", "icmp");
    }
  });

  it("a node that is cut off from the store, from the store and this host, or from this host, is not touched", async () => {
    await cut(underlayAddress);
    await keyGone();
    figure(`cut off from the store only: alive by ${(await untouched("address", "peers", "containers")).join(", ")}`);
    assert.equal((await byHand.run()).code, 0, "nor listed as dead");
    await cut(one!.vtep);
    figure(`from the store and this host: alive by ${(await untouched("peers")).join(", ")}`);
    await heal(underlayAddress);
    await until(
      async () => ((await hasKey()) ? true : undefined),
      60_000,
      () => new Error("its key does not come back"),
    );
    figure(`from this host only: alive by ${(await untouched("store", "peers")).join(", ")}`);
    await heal(one!.vtep);
  });

  it("refuses where this host itself is cut off from the store, by silence or refusal", async () => {
    for (const target of ["DROP", "REJECT"]) {
      const rule = ["OUTPUT", "-d", underlayAddress, "-j", target];
      await one!.exec(["iptables", "-I", ...rule]);
      try {
        const { code, json } = await byHand.run("--node", node(), "--apply", "--yes");
        assert.deepEqual([code, json?.refused[0]?.rule], [20, "store"]);
      } finally {
        await one!.exec(["iptables", "-D", ...rule]);
      }
    }
    const { code } = await byHand.run("--docker-socket", "/run/nothing.sock");
    assert.equal(code, 69);
  });

  it("a dead node is let alone until everybody has noticed", async () => {
    await two!.stopEngine({ signal: "SIGKILL" });
    const { code, json } = await byHand.run("--node", node(), "--apply", "--yes");
    assert.equal(code, 20, "its engine is dead, its host answers");
    assert.ok(aliveBy(json).includes("address"));
    await two!.exec(["ip", "link", "set", "eth0", "down"]);
    const began = performance.now();
    assert.equal((await byHand.run("--node", node(), "--apply", "--yes")).code, 20, "its key has not run out");
    await keyGone();
    await until(
      async () => ((await byHand.run("--node", node())).code === 11 ? true : undefined),
      60_000,
      () => new Error("it is not taken for dead"),
    );
    figure(`taken for dead ${((performance.now() - began) / 1000).toFixed(0)} s after it went`);
    assert.deepEqual(await names(), everybody);
  });

  it("refuses without a terminal, on a wrong word, and where two looks differ", async () => {
    const none = await byHand.run("--node", node(), "--apply");
    assert.deepEqual([none.code, none.json?.refused[0]?.rule], [20, "confirmation"]);
    const wrong = await byHand.typed(one!.vtep, "--node", node(), "--apply");
    assert.equal(wrong.code, 20, wrong.out);
    assert.match(
      wrong.out,
      /A2 10\.0\.0\.4 02:42:0a:00:00:04 on 172\.31\.240\.2[^]*what was typed is not 172\.31\.240\.2/,
    );
    const flips = byHand.run("--node", node(), "--apply", "--yes");
    await sleep(8000);
    const away = await forged("late", "200", "c");
    const { code, json, out } = await flips;
    await away();
    assert.deepEqual([code, json?.refused[0]?.rule], [20, "flips"], out);
    assert.deepEqual(await names(), everybody);
  });

  it("leaves what a person has to judge: a container of this host with that name, and a name of control characters", async () => {
    const away = await forged("x\u001b[31m\ny", "201", "d");
    await one!.exec(["docker", "create", "--name", "B2", "lab:1", "sleep", "1"]);
    const dry = await byHand.run("--node", node());
    assert.equal(dry.code, 11, dry.out);
    assert.deepEqual(await names(), everybody, "a dry run changes nothing");
    const { code, json, out } = await byHand.run("--node", node(), "--apply", "--yes");
    await away();
    await one!.exec(["docker", "rm", "B2"]);
    assert.equal(code, 40, out);
    assert.deepEqual(json?.nodes[0]?.endpoints.map(({ name, result }) => `${name} ${result}`).toSorted(), [
      "A2 freed",
      "B2 left",
    ]);
    assert.deepEqual(json?.ambiguous.map(({ rule }) => rule).toSorted(), ["endpoint", "unreadable"]);
    assert.deepEqual(await names(), ["A1", "A3", "B1", "B2", "B3"]);
  });

  it("frees name and address of a dead node, for a person who types its address, and keeps what it removed", async () => {
    const before = await one!.api("POST", "/containers/create?name=B2", taken("10.0.0.5"));
    assert.equal(before.status, 201, before.text);
    const started = await one!.api("POST", "/containers/B2/start");
    assert.ok(started.status >= 400, "the dead node holds name and address");
    await one!.rm("B2");
    const { code, out } = await byHand.typed(node(), "--node", node(), "--apply");
    assert.equal(code, 10, out);
    assert.match(out, /B2 10\.0\.0\.5 .*: gone from the store; the name B2 and the address 10\.0\.0\.5 are free/);
    assert.deepEqual(await names(), ["A1", "A3", "B1", "B3"]);
    for (const [host, name, ip] of [[one!, "B2", "10.0.0.5"] as const, [three!, "A2", "10.0.0.4"] as const]) {
      await host.run(name, { network: "testnet", ip });
      assert.equal(await addressOf(host, name), ip);
      figure(`${name} ${ip} started on ${host.name}`);
    }
    const kept = readdirSync(join(state, "removed")).map((file) => readFileSync(join(state, "removed", file), "utf8"));
    assert.ok(kept.some((text) => /"name": "B2"[^]*"result": "freed"/.test(text)));
    const journal = await one!.exec([
      "journalctl",
      "-o",
      "cat",
      "OVERLAYWATCH_KIND=remedy",
      "OVERLAYWATCH_STRATEGY=disconnect",
    ]);
    assert.match(journal.stdout, /freed; A2 10\.0\.0\.4 .* of the dead node 172\.31\.240\.2[^]*freed; B2 10\.0\.0\.5/);
    assert.equal((await byHand.run("--node", node(), "--apply", "--yes")).code, 0, "and then there is nothing to do");
  });
});

const stored = z.object({ node: z.object({ nodes: z.array(z.object({ value: z.string() })) }) });
const endpoint = z.looseObject({ id: z.string(), ep_iface: z.looseObject({}) });

const taken = (ip: string) => ({
  body: {
    Image: "lab:1",
    Cmd: ["/bin/sleep", "1000"],
    HostConfig: { NetworkMode: "testnet" },
    NetworkingConfig: { EndpointsConfig: { testnet: { IPAMConfig: { IPv4Address: ip } } } },
  },
});
