import assert from "node:assert/strict";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { inOverlay, type OverlayTable, overlayTable } from "../../lab/overlay-table.ts";
import { useLab } from "../lab/fixture.ts";
import { type EchoIpam, echoIpam } from "./echo-ipam.ts";
import { figure, isFull, sized } from "./length.ts";
import { endAll } from "./program.ts";
import { Treatment } from "./treatment.ts";

const [sick, well] = ["twin-a", "twin-b"] as const;
/** On the first host two, on the second one: the same in both networks. */
const [one, two, other] = ["10.17.0.2", "10.17.0.3", "10.17.0.4"] as const;

const names = (network: string) => [`${network}-1`, `${network}-2`, `${network}-3`] as const;

describe("accept: two networks with the same subnet, and containers of the same addresses in both", function () {
  this.timeout(sized(240_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;
  const managers: EchoIpam[] = [];
  const tables = new Map<string, OverlayTable>();
  const tableOf = (network: string): OverlayTable => tables.get(network) ?? assert.fail(network);

  before("both networks", async () => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
    for (const number of [1, 2]) managers.push(await echoIpam(lab().host(number)));
    for (const network of [sick, well]) {
      const IPAM = { Driver: "echo", Config: [{ Subnet: "10.17.0.0/24", Gateway: "10.17.0.1" }] };
      const made = await host.demand("POST", "/networks/create", { body: { Name: network, Driver: "overlay", IPAM } });
      const { Id: id } = z.object({ Id: z.string() }).parse(made);
      const [first, second, third] = names(network);
      await host.run(first, { network, ip: one });
      await host.run(second, { network, ip: two });
      await lab().host(2).run(third, { network, ip: other });
      tables.set(network, await overlayTable(host, id));
    }
  });
  after("both networks", async () => {
    endAll();
    for (const network of [sick, well]) {
      for (const name of names(network))
        for (const number of [1, 2]) await lab().host(number).api("DELETE", `/containers/${name}?force=true`);
      await host.api("DELETE", `/networks/${network}`);
    }
    for (const manager of managers) manager.close();
    here.forget();
  });

  // What is told of other hosts is asked for twice, 10 s apart, by each command.
  if (isFull()) {
    it("the row of a container elsewhere that is missing in one is found there only, and healed there only", async () => {
      const mac = "02:42:0a:11:00:04";
      const row = await set(["bridge", "fdb", "del", mac, "dev", "vxlan0", "dst", lab().host(2).vtep, "self"]);
      assert.equal(row, 0);
      await healedThere(["missing-fdb"], []);
    });
  }

  it("rows that could cut off a container of one are found there only, and it is pinned there only", async () => {
    const mac = "02:42:0a:11:00:02";
    await set(["ip", "neigh", "replace", one, "lladdr", mac, "dev", "vxlan0", "nud", "permanent"]);
    await set(["bridge", "fdb", "append", mac, "dev", "vxlan0", "dst", host.vtep, "self", "permanent"]);
    await healedThere(["self-loop", "stale-local"], ["--all"]);
  });

  async function healedThere(classes: readonly string[], flags: readonly string[]): Promise<void> {
    const before = [await bytes(sick), await bytes(well)] as const;
    const { json, out } = await here.doctor();
    const classesIn = (network: string) =>
      json.networks
        .find(({ name }) => name === network)
        ?.findings.map((finding) => finding.class)
        .toSorted();
    assert.deepEqual([classesIn(sick), classesIn(well)], [classes, []], out);
    const { code, json: cured, out: told } = await here.cleanup("--apply", "--network", sick, ...flags);
    assert.equal(code, 10, told);
    assert.ok(cured.actions.length > 0);
    assert.equal(await bytes(well), before[1], "the other one's tables");
    assert.notEqual(await bytes(sick), before[0]);
    const { code: nothing, json: none } = await here.cleanup("--apply", "--network", well, ...flags);
    assert.deepEqual([nothing, none.actions], [0, []]);
    assert.equal(await bytes(well), before[1]);
    figure(
      `${classes.join(" and ")} in ${sick}: ${cured.actions.length} changes there; ${before[1].length} bytes of ${well} unchanged`,
    );
  }

  /** In the sick one. */
  async function set(command: readonly string[]): Promise<number> {
    const { code, stderr } = await inOverlay(host, tableOf(sick), command);
    assert.equal(stderr, "");
    return code;
  }

  async function bytes(network: string): Promise<string> {
    const { stdout } = await inOverlay(host, tableOf(network), [
      "sh",
      "-c",
      "bridge fdb show; ip neigh show dev vxlan0",
    ]);
    return stdout;
  }
});
