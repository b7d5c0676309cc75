import assert from "node:assert/strict";
import type { LabHost } from "../../lab/host.ts";
import { tools } from "../../lab/engines.ts";
import { useLab } from "../lab/fixture.ts";
import { figure } from "./length.ts";
import { Pipeline, type Stage, stage, type Stored } from "./pipeline.ts";
import { endAll } from "./program.ts";

describe("accept: pipeline, the first ARP exchange of two local containers", function () {
  this.timeout(60_000);
  const lab = useLab();
  let host: LabHost;
  let fresh: Stage;
  let pipeline: Pipeline;

  before("two containers that have never spoken", async () => {
    host = lab().host(1);
    fresh = await stage(host, "fresh", 7, ["F1", "F2"]);
    pipeline = await Pipeline.start(lab(), host);
    await pipeline.waitForNetwork("fresh");
  });
  after("end", async () => {
    await pipeline.close();
    endAll();
    await fresh.remove();
  });

  it("stands in the journal line by line, with network, object and container, and is counted", async () => {
    const [f1, f2] = await Promise.all(["F1", "F2"].map(async (name) => endpoint(host, name)));
    await pipeline.settled(1500);
    const [before, mark] = [pipeline.counts("fresh"), (await pipeline.entries()).length];
    for (let i = 0; i < 2; i++) {
      const ping = [tools.busybox, "ping", "-q", "-c", "1", "-W", "1", f2!.IPAddress];
      assert.equal((await host.inNetworkOf("F1", ping)).code, 0);
      await host.inNetworkOf("F1", ["ip", "neigh", "flush", "to", f2!.IPAddress]);
    }
    await pipeline.settled();
    // A veth that comes up tells of it once more after a while: of its link, and of no address.
    const news = (await pipeline.entries()).slice(mark).filter(({ kind }) => kind === "event");
    const events = news.filter(({ object }) => object !== "link");
    const [fdb, neigh] = ["fdb", "neigh"].map((object) => events.filter((event) => event.object === object));
    assert.deepEqual(fdb!.map(told), [
      `dev veth0 lladdr ${f1!.MacAddress} REACHABLE / new veth0 F1`,
      `dev veth1 lladdr ${f2!.MacAddress} REACHABLE / new veth1 F2`,
      `${host.vtep} dev vxlan0 lladdr ${f2!.MacAddress} PERMANENT / new vxlan0 F2`,
      `dev vxlan0 lladdr ${f2!.MacAddress} REACHABLE / new vxlan0 F2`,
      `dev veth1 lladdr ${f2!.MacAddress} REACHABLE / new veth1 F2`,
    ]);
    assert.deepEqual(neigh!.map(told), [
      `miss ${f2!.IPAddress} dev vxlan0 STALE / miss vxlan0 -`,
      `${f2!.IPAddress} dev vxlan0 lladdr ${f2!.MacAddress} PERMANENT / new vxlan0 F2`,
    ]);
    assert.deepEqual(
      [...new Set(events.map(({ network, networkId }) => `${network} ${networkId}`))],
      [`fresh ${fresh.id}`],
    );
    assert.deepEqual(grown(before, pipeline.counts("fresh"), "link new"), {
      "fdb new": 5,
      "neigh miss": 1,
      "neigh new": 1,
    });
    assert.deepEqual(pipeline.delivered.total("fdb.moves", { docker_network: "fresh" }), 2);
    figure(`${events.length} events of two containers' first exchange, each in the journal and counted once`);
  });
});

const told = ({ message, action, dev, container }: Stored): string =>
  `${message} / ${action} ${dev} ${container ?? "-"}`;

async function endpoint(host: LabHost, name: string) {
  const found = (await host.inspect(name)).NetworkSettings.Networks["fresh"];
  assert.ok(found);
  return found;
}

function grown(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  but: string,
): Record<string, number> {
  const all = [...after].map(([key, value]) => [key, value - (before.get(key) ?? 0)] as const);
  return Object.fromEntries(
    all.filter(([key, by]) => by !== 0 && key !== but).toSorted(([a], [b]) => a.localeCompare(b)),
  );
}
