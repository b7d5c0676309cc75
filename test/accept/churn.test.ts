import assert from "node:assert/strict";
import { addressOf } from "../../lab/cluster.ts";
import { tools } from "../../lab/engines.ts";
import type { ContainerOptions, LabHost } from "../../lab/host.ts";
import { must, pause, run, until } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { assertEqual, assertNotAbove, atRest, plus } from "./compare.ts";
import { Delivered, repeated } from "./delivered.ts";
import { type Counters, countersOf, inside, kernelCounters, type Life, lifeOf } from "./kernel.ts";
import { figure, sized } from "./length.ts";
import { endAll, onHost, type Program } from "./program.ts";

describe("accept: churn", function () {
  this.timeout(120_000);
  const lab = useLab();
  const made = new Set<string>();
  const networks: string[] = [];
  let delivered: Delivered;
  let agent: Program;
  let neighbour: string;
  let host: LabHost;

  const make = async (name: string, options: ContainerOptions = {}) => {
    made.add(name);
    return host.run(name, { ...(options.networkMode === undefined ? { network: "testnet" } : {}), ...options });
  };
  const rest = async (name: string) => atRest(delivered, async () => kernelCounters(host, name));
  const addressIn = async (name: string, network: string) =>
    until(
      async () => (await host.inspect(name)).NetworkSettings.Networks[network]?.IPAddress || undefined,
      5_000,
      () => new Error(`${name} has no address in ${network}`),
    );
  /** Comes to rest and compares all that was ever delivered under this name. */
  const restEqual = async (name: string, ...earlier: readonly Counters[]): Promise<Counters> => {
    const { counters, cycle } = await rest(name);
    assertEqual(delivered.sums(name, 0, cycle), plus(counters, ...earlier), name);
    return counters;
  };

  before("agent", async () => {
    host = lab().host(1);
    for (const [name, subnet] of [["second", "10.0.1.0/24"] as const, ["third", "10.0.2.0/24"] as const]) {
      const ipam = { Driver: "default", Config: [{ Subnet: subnet }] };
      await host.demand("POST", "/networks/create", { body: { Name: name, Driver: "overlay", IPAM: ipam } });
      networks.push(name);
    }
    delivered = await Delivered.open(lab());
    agent = onHost(host, ["run", "interfaces"], delivered.settings);
    await delivered.next(1);
  });

  beforeEach("neighbour", async () => {
    // Engines give addresses anew when they come back.
    neighbour = await addressOf(host, "A1");
  });

  afterEach("containers", async () => {
    for (const name of made) await host.api("DELETE", `/containers/${name}?force=true`);
    made.clear();
  });

  after("agent", async () => {
    endAll();
    for (const name of networks) await host.api("DELETE", `/networks/${name}`);
    await delivered.close();
  });

  it("new containers count from their first packet on, whenever in the interval they start", async () => {
    const count = sized(20, 6);
    const names = Array.from({ length: count }, (_, i) => `born${i}`);
    for (const name of names) {
      await make(name, { args: ["sh", "-c", `ping -q -c 20 -i 0.01 ${neighbour}; exec sleep 1000`] });
      await pause(Math.random() * 400);
    }
    const all = await Promise.all(names.map(async (name) => restEqual(name)));
    for (const one of all) assert.ok(one.get("eth0|testnet|net.packets_sent")! >= 20);
    figure(`${count} new containers, all counters delivered from 0, off by 0`);
  });

  it("restart: both lives add up", async () => {
    await make("again");
    await ping(await lifeOf(host, "again"), neighbour, 30);
    const first = await restEqual("again");
    await host.restart("again");
    await ping(await lifeOf(host, "again"), neighbour, 40);
    await restEqual("again", first);
    figure(`first life ${first.get("eth0|testnet|net.bytes_sent")} bytes out, both lives delivered, off by 0`);
  });

  it("re-creation under the same name: both add up", async () => {
    await make("anew");
    await ping(await lifeOf(host, "anew"), neighbour, 30);
    const first = await restEqual("anew");
    await host.rm("anew");
    await make("anew");
    await ping(await lifeOf(host, "anew"), neighbour, 40);
    await restEqual("anew", first);
  });

  it("networks connected and disconnected while traffic flows: each counter under its own network", async () => {
    await make("mover");
    await make("second-peer", { network: "second" });
    await make("third-peer", { network: "third" });
    const life = await lifeOf(host, "mover");
    const flow = run([...inside(life), tools.busybox, "ping", "-q", "-i", "0.02", "-w", "60", neighbour], {
      timeout: 90_000,
      signal: flowing.signal,
    }).catch(() => undefined);
    const expected: Counters[] = [];
    for (const round of Array.from({ length: sized(3, 1) }, (_, i) => i)) {
      for (const network of ["second", "third"]) {
        await host.demand("POST", `/networks/${network}/connect`, { body: { Container: "mover" } });
        const peer = await addressIn(`${network}-peer`, network);
        await ping(life, peer, 25 + round);
        const here = async () => only(network, await kernelCounters(host, "mover"));
        const { counters } = await atRest(delivered, here);
        expected.push(counters);
        await host.demand("POST", `/networks/${network}/disconnect`, { body: { Container: "mover" } });
      }
    }
    flowing.abort();
    await flow;
    const { counters, cycle } = await rest("mover");
    assertEqual(delivered.sums("mover", 0, cycle), plus(counters, ...expected), "mover");
    figure(`${expected.length} networks came and went under flowing traffic: off by 0 (${interfacesOf(...expected)})`);
  });

  it("ethN that is another network's after the next start is never counted for the old one", async () => {
    await make("second-peer", { network: "second" });
    await make("swapper", { network: "second" });
    await ping(await lifeOf(host, "swapper"), await addressIn("second-peer", "second"), 30);
    const first = await restEqual("swapper");
    await host.stop("swapper");
    await host.demand("POST", "/networks/second/disconnect", { body: { Container: "swapper" } });
    await host.demand("POST", "/networks/testnet/connect", { body: { Container: "swapper" } });
    await host.start("swapper");
    await ping(await lifeOf(host, "swapper"), neighbour, 40);
    const second = await restEqual("swapper", first);
    figure(`before: ${interfacesOf(first)}; after: ${interfacesOf(second)}; off by 0`);
  });

  it("two containers in one namespace: one series, tagged, not doubled", async () => {
    await make("owner");
    await make("joiner", { networkMode: "container:owner" });
    await ping(await lifeOf(host, "owner"), neighbour, 30);
    await restEqual("owner");
    assert.deepEqual(delivered.counters("joiner"), []);
    const shared = delivered.counters("owner").filter(({ tags }) => tags["netns_shared"] === "true");
    assert.ok(shared.some(({ value }) => value > 0));
    await host.stop("owner");
    await delivered.next(3);
    assertNotAbove(delivered.sums("joiner"), await countersOf(await lifeOf(host, "joiner")), "joiner, left alone");
  });

  it("a host-network container: no series, counted as left out", async () => {
    const before = delivered.total("agent.collect.skipped", { reason: "host_network" });
    await make("hostly", { networkMode: "host" });
    await delivered.next(3);
    assert.deepEqual(delivered.counters("hostly"), []);
    assert.ok(delivered.total("agent.collect.skipped", { reason: "host_network" }) > before);
  });

  it("a container of two seconds: never more than it did; one of no time at all: counted as unseen", async () => {
    await make("brief", { args: ["sh", "-c", `ping -q -c 20 -i 0.01 ${neighbour}; exec sleep 1.7`] });
    const life = await lifeOf(host, "brief");
    let kernel: Counters = new Map();
    for (let alive = true; alive;) {
      const now = await countersOf(life).catch(() => undefined);
      alive = now !== undefined && now.has("eth0|testnet|net.bytes_sent");
      if (alive) kernel = now!;
    }
    await gone(host, "brief");
    await delivered.next(2);
    const sums = only("testnet", delivered.sums("brief"));
    assertNotAbove(sums, kernel, "brief");
    const key = "eth0|testnet|net.bytes_sent";
    figure(`a container of 2 s: ${sums.get(key) ?? 0} of ${kernel.get(key)} bytes out delivered`);
    const unseen = delivered.total("agent.containers.unseen");
    for (let i = 0; i < 5; i++) {
      await make("flash", { args: ["true"] });
      await gone(host, "flash");
      await host.rm("flash");
    }
    await delivered.next(2);
    const told = delivered.total("agent.containers.unseen") - unseen;
    figure(`5 containers that end at once: ${told} told as unseen`);
    assert.ok(told >= 1 && told <= 5);
    assert.deepEqual(
      [...delivered.sums("flash").values()].filter((v) => v > 1000),
      [],
    );
  });

  it("a container renamed while it sends goes on under the new name, and nothing counts twice", async () => {
    await make("before");
    const life = await lifeOf(host, "before");
    await ping(life, neighbour, 30);
    await restEqual("before");
    await host.demand("POST", "/containers/before/rename?name=behind");
    made.add("behind");
    await pause(300);
    await ping(life, neighbour, 40);
    const { counters, cycle } = await atRest(delivered, async () => countersOf(life));
    assertEqual(plus(delivered.sums("before", 0, cycle), delivered.sums("behind", 0, cycle)), counters, "both names");
    assert.ok((delivered.sums("behind").get("eth0|testnet|net.packets_sent") ?? 0) >= 40);
  });

  for (const signal of sized(["SIGTERM", "SIGKILL"] as const, ["SIGKILL"] as const)) {
    it(`dockerd ended by ${signal} and come back: what runs is read on, no spike, nothing twice`, async () => {
      const name = `lasting-${signal.toLowerCase()}`;
      await make(name, { restart: "always" });
      const life = await lifeOf(host, name);
      await ping(life, neighbour, 30);
      let first = await restEqual(name);
      await host.stopEngine({ signal });
      if (signal === "SIGKILL") {
        await ping(life, neighbour, 40);
        const { counters, cycle } = await atRest(delivered, async () => countersOf(life));
        assertEqual(delivered.sums(name, 0, cycle), counters, "without dockerd");
        assert.ok(counters.get("eth0|testnet|net.packets_sent")! >= first.get("eth0|testnet|net.packets_sent")! + 40);
        figure(
          `without dockerd: ${counters.get("eth0|testnet|net.packets_sent")! - first.get("eth0|testnet|net.packets_sent")!} packets more were read and delivered, off by 0`,
        );
        first = counters;
      } else await delivered.next(3);
      await host.startEngine();
      for (const one of [name, "A1"]) {
        await until(
          async () => (await host.inspect(one)).State.Running || undefined,
          20_000,
          () => new Error(`${one} did not come back`),
        );
      }
      neighbour = await addressOf(host, "A1");
      const live = async () => delivered.arrived.at(-1) && delivered.total("agent.docker.containers") > 0;
      await until(
        async () => (await live()) || undefined,
        5_000,
        () => new Error("no inventory"),
      );
      const base = await rest(name);
      const known = delivered.sums(name, 0, base.cycle);
      assertNotAbove(known, plus(first, base.counters), "after dockerd came back");
      await ping(await lifeOf(host, name), neighbour, 50);
      const { counters, cycle } = await rest(name);
      const late = delivered.sums(name, base.cycle, cycle);
      assert.equal(
        late.get("eth0|testnet|net.packets_sent"),
        counters.get("eth0|testnet|net.packets_sent")! - base.counters.get("eth0|testnet|net.packets_sent")!,
      );
    });
  }

  it("all along: no negative value, no sample twice in a cycle, no interface without its network's name", async () => {
    const all = delivered.counters();
    assert.deepEqual(
      all.filter(({ value }) => value < 0),
      [],
    );
    assert.deepEqual(repeated(all), []);
    assert.deepEqual(
      all.filter(({ tags }) => tags["docker_network"] === "unknown"),
      [],
    );
    assert.equal(delivered.invalid, 0);
    const { code } = await agent.stop();
    assert.equal(code, 0, agent.err());
    assert.equal(delivered.total("agent.dropped"), 0);
    figure(
      `${all.length} samples in ${delivered.cycles} cycles; the agent's log: ${agent.err().trim().split("\n").length} lines`,
    );
  });

  const flowing = new AbortController();
});

const ping = async (life: Pick<Life, "pid">, to: string, count: number): Promise<void> =>
  void (await must([
    ...inside(life),
    tools.busybox,
    "ping",
    "-q",
    "-c",
    String(count),
    "-i",
    "0.01",
    "-W",
    "2",
    "-s",
    "500",
    to,
  ]));

function only(network: string, counters: Counters): Counters {
  return new Map([...counters].filter(([key]) => key.split("|")[1] === network));
}

const interfacesOf = (...all: readonly Counters[]): string =>
  all.map((c) => [...new Set([...c.keys()].map((key) => key.split("|", 2).join(" ")))].join(", ")).join("; ");

async function gone(host: LabHost, name: string): Promise<void> {
  await until(
    async () => !(await host.inspect(name)).State.Running || undefined,
    10_000,
    () => new Error(`${name} does not end`),
  );
}
