import assert from "node:assert/strict";
import { endpointOf, loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { inOverlay, overlayTable } from "../../lab/overlay-table.ts";
import { macOf, selfRowGone, selfRowTo } from "../../lab/remote-fault.ts";
import { labKinds, useLab } from "../lab/fixture.ts";
import { figure, isFull, sized } from "./length.ts";
import { type Lie, lyingDocker } from "./lying-docker.ts";
import { endAll, onHost } from "./program.ts";
import { Treatment } from "./treatment.ts";

/** By `isFull` all, else one of either driver. */
for (const [what, shape] of labKinds.slice(0, isFull() ? labKinds.length : 2)) {
  describe(`accept: rows of containers on the other host, ${what}`, function () {
    this.timeout(sized(600_000, 180_000));
    const lab = useLab(shape);
    let [host, other]: LabHost[] = [];
    let here: Treatment;
    const one = (): LabHost => host ?? assert.fail("no lab");
    const two = (): LabHost => other ?? assert.fail("no lab");

    before("hosts", async () => {
      [host, other] = [lab().host(1), lab().host(2)];
      here = new Treatment(lab(), one());
    });
    afterEach(() => endAll());
    after("end", () => here.forget());

    const trials = sized(10, 1);
    const b2 = async () => {
      const { MacAddress: mac, IPAddress: ip } = await endpointOf(two(), "B2");
      return { mac: mac || macOf(ip), ip };
    };
    const rows = async (command: readonly string[]): Promise<void> => {
      const table = await overlayTable(one(), (await endpointOf(one(), "A1")).NetworkID);
      const { code, stderr } = await inOverlay(one(), table, command);
      assert.equal(code, 0, stderr);
    };

    /** While a row that was learned from what it sent is still there, it is reached without its own. */
    async function cutOff(mac: string, ip: string): Promise<void> {
      for (let tries = 0; tries < 5; tries++) {
        await rows(selfRowGone(mac, "vxlan0", two().vtep)).catch(() => undefined);
        if ((await loss(one(), "A1", ip)) === 100) return;
      }
      assert.fail(`A1 reaches ${ip} without its row`);
    }

    async function healed(of: string): Promise<number> {
      const { ip } = await b2();
      assert.equal(await loss(one(), "A1", ip), 100, "no fault");
      const seen = await here.doctor();
      assert.equal(seen.code, 1, seen.out);
      assert.deepEqual(activeIn(seen.json), [of], seen.out);
      const { code, json, ms, out } = await here.cleanup("--apply");
      assert.equal(code, 10, out);
      assert.deepEqual(
        json.actions.map(({ class: found, result }) => [found, result]),
        [[of, "done"]],
      );
      assert.equal(await loss(one(), "A1", ip), 0, "not healed");
      return ms;
    }

    it(`missing-fdb: a self row that is gone is found and healed, ${trials} of ${trials}`, async () => {
      const { mac } = await b2();
      const times: number[] = [];
      for (let trial = 0; trial < trials; trial++) {
        await loss(one(), "A1", (await b2()).ip);
        await rows(selfRowGone(mac, "vxlan0", two().vtep));
        times.push(await healed("missing-fdb"));
      }
      figure(`missing-fdb on ${what}: ${trials} of ${trials}, healed after ${seconds(times)} s (10 s of them waited)`);
    });

    const undone = isFull() || !what.endsWith("classic");
    it(`wrong-vtep: a self row that leads to a third host is found and healed, ${trials} of ${trials}${undone ? ", and undone" : ""}`, async () => {
      const { mac, ip } = await b2();
      const wrong = one().vtep.replace(/\d+$/u, "77");
      const times: number[] = [];
      for (let trial = 0; trial < trials; trial++) {
        await loss(one(), "A1", ip);
        await rows(selfRowTo(mac, "vxlan0", wrong));
        times.push(await healed("wrong-vtep"));
      }
      figure(`wrong-vtep on ${what}: ${trials} of ${trials}, healed after ${seconds(times)} s`);
      if (!undone) return;
      await rows(selfRowTo(mac, "vxlan0", wrong));
      const { json, code } = await here.cleanup("--apply");
      assert.equal(code, 10);
      const kept = await here.at("undo", json.undo ?? "");
      assert.equal(kept.code, 0, `without the fault: ${kept.out} ${kept.err}`);
      assert.equal(await loss(one(), "A1", ip), 0, "an undo never brings the fault back by itself");
      assert.equal((await here.at("undo", json.undo ?? "", "--restore-fault")).code, 0);
      assert.equal(await loss(one(), "A1", ip), 100, "exactly as it was");
      assert.equal((await here.cleanup("--apply")).code, 10);
    });

    if (what.endsWith("classic")) {
      it(`wrong-vtep: a container that moved here from where it was, ${trials} of ${trials}: 0 % loss`, async () => {
        const stays = "10.0.0.241";
        const times: number[] = [];
        const control: number[] = [];
        try {
          await one().run("V1", { network: "testnet", ip: stays });
          for (let trial = 0; trial < trials; trial++) {
            // Another address each time: what a cure wrote stays, and is right for the next move there.
            const moves = `10.0.0.${150 + trial}`;
            await one().run("V2", { network: "testnet", ip: moves });
            // The first ARP exchange: the engine writes rows for both, to its own host.
            for (const name of ["V1", "V2"]) await one().inNetworkOf(name, ["ip", "neigh", "flush", "dev", "eth0"]);
            for (const [from, to] of [["V1", moves] as const, ["V2", stays] as const]) await loss(one(), from, to, 2);
            await one().rm("V2");
            await two().run("V2", { network: "testnet", ip: moves });
            const seen = await here.doctor();
            assert.equal(seen.code, 1, (await here.tables()).join("\n"));
            assert.ok(activeIn(seen.json).includes("wrong-vtep"), seen.out);
            control.push(await loss(one(), "V1", moves));
            const { code, json, ms, out } = await here.cleanup("--apply");
            assert.equal(code, 10, out);
            assert.ok(json.actions.some(({ class: of, result }) => of === "wrong-vtep" && result === "done"));
            times.push(ms);
            assert.equal(await loss(one(), "V1", moves), 0, out);
            await two().rm("V2");
          }
        } finally {
          await lab().unpin({ host: 1, a: "A1", b: "B1" });
          for (const name of ["V1", "V2"]) for (const on of [one(), two()]) await on.rm(name).catch(() => undefined);
        }
        figure(`moved: ${trials} of ${trials}, before ${control.join(" ")} % lost, healed after ${seconds(times)} s`);
      });
    }

    for (const [lie, told] of lies(what.endsWith("classic")).slice(0, sized(4, 1))) {
      it(`${lie}: nothing is written, and nothing is called cured or healthy`, async () => {
        const { mac, ip } = await b2();
        const wrong = one().vtep.replace(/\d+$/u, "78");
        const docker = await lyingDocker(`${lab().shared}/lie.sock`, one().socket, told({ ip, vtep: wrong }));
        try {
          if (!lie.includes("of a healthy one")) await cutOff(mac, ip);
          const before = await here.tables();
          const args = ["--docker-socket", docker.path, "--state-dir", here.state];
          const doctor = onHost(one(), ["doctor", "--json", ...args]);
          const judged = await doctor.ended;
          const cleanup = onHost(one(), ["cleanup", "--apply", "--json", ...args]);
          const code = await cleanup.ended;
          await here.unwritten(before, cleanup.out());
          assert.ok([20, 40].includes(code ?? -1), `${code} ${cleanup.out()}`);
          assert.ok(judged === 2 || judged === 1, `${judged} ${doctor.out()}`);
          assert.ok(docker.lies() > 0, "it was asked what it lies about");
          figure(`${lie}: doctor ${judged}, cleanup ${code}`);
        } finally {
          docker.close();
          await rows(selfRowTo(mac, "vxlan0", two().vtep));
        }
      });
    }
  });
}

const activeIn = ({ networks }: Awaited<ReturnType<Treatment["doctor"]>>["json"]): readonly string[] =>
  networks.flatMap(({ findings }) => findings.filter(({ state }) => state === "active").map((found) => found.class));

const seconds = (times: readonly number[]): string => times.map((ms) => (ms / 1000).toFixed(1)).join(" ");

interface About {
  readonly ip: string;
  readonly vtep: string;
}

/** Of the swarm's answer, or of the store that a classic engine names. */
function lies(classic: boolean): readonly (readonly [string, (about: About) => Lie])[] {
  if (classic)
    return [
      ["a store that is down", () => storeAt("etcd://127.0.0.1:1")],
      ["a store that is not read", () => storeAt("redis://127.0.0.1:1")],
    ];
  // Of each network by itself: the swarm's own ones are asked about too, at the same time.
  const asked = new Map<string, number>();
  const isOdd = (path: string): boolean => {
    asked.set(path, (asked.get(path) ?? 0) + 1);
    return (asked.get(path) ?? 0) % 2 === 1;
  };
  return [
    [
      "a swarm that tells another host of a healthy one",
      ({ ip, vtep }) =>
        (path, answer) =>
          retold(path, answer, ip, vtep),
    ],
    [
      "a swarm that tells this host, then that, of one whose row is missing",
      ({ ip, vtep }) =>
        (path, answer) =>
          path.includes("verbose") && isOdd(path) ? retold(path, answer, ip, vtep) : undefined,
    ],
    [
      "a swarm that tells no host addresses",
      ({ ip }) =>
        (path, answer) =>
          retold(path, answer, ip, ""),
    ],
    ["a swarm that does not answer", () => (path) => (path.includes("verbose") ? 500 : undefined)],
  ];
}

const storeAt =
  (url: string): Lie =>
  (path, answer) =>
    path.endsWith("/info") && typeof answer === "object" ? { ...answer, ClusterStore: url } : undefined;

function retold(path: string, answer: unknown, ip: string, vtep: string): unknown {
  if (!path.includes("verbose")) return undefined;
  const text = JSON.stringify(answer);
  const found = new RegExp(`("EndpointIP":"${ip.replaceAll(".", "\\.")}","Info":\\{"Host IP":)"[^"]*"`, "u");
  const told: unknown = JSON.parse(text.replace(found, `$1"${vtep}"`));
  return told;
}
