import assert from "node:assert/strict";
import { z } from "zod";
import { endpointOf, loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { inOverlay, overlayTable } from "../../lab/overlay-table.ts";
import { storeServer } from "../../lab/store.ts";
import { useLab } from "../lab/fixture.ts";
import { ByHand } from "./by-hand.ts";
import { copyKeys } from "./docker-keys.ts";
import { figure, sized } from "./length.ts";
import { type LyingDocker, lyingDocker } from "./lying-docker.ts";
import { endAll } from "./program.ts";
import { Treatment } from "./treatment.ts";

/**
 * The engines keep etcd, as these can nothing else (see `StoreName`): a true store of the other kind has a copy of their keys,
 * and their socket names it as theirs. Consul is in the long form: Debian dropped it, and a mirror may have dropped the suite
 * that had it last.
 */
for (const store of sized(["zookeeper", "consul"] as const, ["zookeeper"] as const)) {
  describe(`accept: ${store} as the store of classic engines`, function () {
    this.timeout(180_000);
    const kind = store === "zookeeper" ? "zk" : store;
    const lab = useLab();
    let [one, two]: LabHost[] = [];
    let here: Treatment;
    let socket: LyingDocker;

    before("hosts", async () => {
      [one, two] = lab().hosts;
      here = new Treatment(lab(), one!);
      socket = await lyingDocker(`${lab().shared}/${store}.sock`, one!.socket, (path, answer) =>
        path.endsWith("/info") && typeof answer === "object"
          ? { ...answer, ClusterStore: `${kind}://${storeServer(store)}` }
          : undefined,
      );
      await lab().startStore(store);
      await copyKeys(one!, store);
    });
    afterEach(() => endAll());
    after("end", () => {
      here.forget();
      socket.close();
      lab().stopStore(store);
    });

    const rows = async (...command: readonly string[]): Promise<void> => {
      const table = await overlayTable(one!, (await endpointOf(one!, "A1")).NetworkID);
      const { code, stderr } = await inOverlay(one!, table, ["bridge", "fdb", ...command]);
      assert.equal(code, 0, stderr);
    };
    const lost = async (container: string) => loss(one!, "A1", (await endpointOf(two!, container)).IPAddress, 5);
    const told = () => ["--docker-socket", socket.path];
    const doctor = async () => here.doctor(...told());
    const cleanup = async () => here.cleanup("--apply", ...told());
    const byHand = async () => new ByHand(one!, "disconnect-stale-endpoints", here.state).run(...told());
    /** As the store's client says it, in its own process on that host. */
    const asked = async (key: string) => {
      const client = `${process.cwd()}/dist/host/kv/clients/main.js`;
      const to = storeServer(store).split(":");
      const { stdout, stderr } = await one!.exec([process.execPath, client, kind, ...to, key]);
      const said: unknown = JSON.parse(stdout || JSON.stringify(stderr));
      return said;
    };

    it("the values are those of Docker's keys, a key is its own value, and what is not there is told as that", async () => {
      const { NetworkID } = await endpointOf(one!, "A1");
      const folder = `docker/network/v1.0/endpoint/${NetworkID}`;
      const began = performance.now();
      const { nodes } = values.parse(await asked(folder)).node;
      figure(`${store}: ${nodes.length} endpoints read in ${Math.round(performance.now() - began)} ms`);
      const names = nodes.map(({ value }) => named.parse(JSON.parse(value)).name);
      assert.deepEqual(names.toSorted(), ["A1", "A2", "B1", "B2"]);
      const [{ key, value } = { key: "", value: "" }] = nodes;
      assert.ok(key.replace(/^\//u, "").startsWith(`${folder}/`), key);
      assert.deepEqual(await asked(key.replace(/^\/|\/$/gu, "")), { node: { nodes: [{ key, value }] } });
      assert.deepEqual(await asked(`${folder}ot`), {});
      assert.deepEqual(await asked("another/cluster"), {});
    });

    it("rows that are missing, and that lead to another host, are found and healed by what it tells", async () => {
      for (const container of ["A2", "B2"]) assert.equal(await lost(container), 0);
      const [a2, b2] = [await endpointOf(two!, "A2"), await endpointOf(two!, "B2")];
      await rows("replace", a2.MacAddress, "dev", "vxlan0", "dst", "172.31.240.77", "self", "permanent");
      await rows("del", b2.MacAddress, "dev", "vxlan0", "dst", two!.vtep, "self");
      assert.deepEqual([await lost("A2"), await lost("B2")], [100, 100]);
      const seen = await doctor();
      assert.equal(seen.code, 1, seen.out + seen.err);
      const active = seen.json.networks.flatMap(({ findings }) => findings.filter(({ state }) => state === "active"));
      assert.deepEqual(active.map((found) => found.class).toSorted(), ["missing-fdb", "wrong-vtep"], seen.out);
      const { code, json, ms, out } = await cleanup();
      assert.equal(code, 10, out);
      assert.deepEqual(json.actions.map(({ class: of, result }) => `${of} ${result}`).toSorted(), [
        "missing-fdb done",
        "wrong-vtep done",
      ]);
      assert.deepEqual([await lost("A2"), await lost("B2")], [0, 0]);
      figure(`${store}: missing-fdb and wrong-vtep healed after ${(ms / 1000).toFixed(1)} s (10 s of them waited)`);
    });

    it("disconnect-stale-endpoints reads it, and lists no node that lives", async () => {
      const { code, out } = await byHand();
      assert.equal(code, 0, out);
    });

    it("with it stopped nothing is written, and nothing is called cured or healthy", async () => {
      const { MacAddress: mac } = await endpointOf(two!, "B2");
      await rows("del", mac, "dev", "vxlan0", "dst", two!.vtep, "self");
      lab().stopStore(store);
      try {
        const before = await here.tables();
        const seen = await doctor();
        assert.equal(seen.code, 2, seen.out);
        const { code, out, json } = await cleanup();
        assert.equal(code, 40, out);
        assert.deepEqual(json.actions, []);
        assert.match(out, /the cluster store does not tell [^"]*ECONNREFUSED/u);
        await here.unwritten(before, out);
        const stale = await byHand();
        assert.deepEqual([stale.code, stale.json?.refused[0]?.rule], [20, "store"], stale.out);
      } finally {
        await rows("replace", mac, "dev", "vxlan0", "dst", two!.vtep, "self", "permanent");
      }
    });
  });
}

const values = z.object({ node: z.object({ nodes: z.array(z.object({ key: z.string(), value: z.string() })) }) });
const named = z.object({ name: z.string() });
