import assert from "node:assert/strict";
import { liveClock } from "../../../host/clock.ts";
import { emptyInventory, type Network } from "../../../host/docker/inventory.ts";
import { fixtureHost } from "../../../host/fixture.ts";
import { type Host, NotAvailable, type OverlayView, type Procfs } from "../../../host/host.ts";
import type { NamespaceInput } from "../../../overlay/diagnose/input.ts";
import { type Examination, withParts } from "../../../overlay/examine/examination.ts";
import { lookAround } from "../../../overlay/examine/surroundings.ts";
import { readCase } from "../diagnose/case.ts";

const input = readCase("test/overlay/diagnose/cases/swarm-28.5-healthy");
const testnet = input.namespaces.find(({ network }) => network?.name === "testnet") ?? assert.fail("no testnet");
const { id = "", name = "" } = testnet.network ?? {};
const [own, other] = ["172.31.240.1", "172.31.240.2"];
const local = (testnet.endpoints ?? []).filter(({ owner }) => owner.kind === "container");
const real = fixtureHost("test/collectors/overlay/cases/outage-then-mended/1", liveClock);
const { signal } = new AbortController();

const place = (ip: string, vtep: string) => ({ ip, vtep, mac: `02:42:${ip}`, name: ip, endpoint: ip });
const [mine, theirs] = [place("10.0.1.2", own), place("10.0.1.9", other)];
const truth = { disputed: new Map(), twice: new Map(), addresses: new Set<string>(), complete: false };
const seen: NamespaceInput = {
  ...testnet,
  truth: { ...truth, here: new Map([[mine.mac, mine]]), elsewhere: new Map([[theirs.mac, theirs]]) },
};

const examination: Examination = {
  engine: undefined,
  driver: "swarm",
  input: { ...input, namespaces: [seen] },
  diagnosis: { namespaces: [], findings: [], unjudged: [], verdict: "healthy" },
  namespaces: [
    {
      namespace: { file: seen.file, key: seen.key, kind: "overlay", path: "/none", inode: 1 },
      input: seen,
      driver: "swarm",
      findings: [],
      unjudged: [],
    },
  ],
  findings: [],
  unjudged: [],
  verdict: "healthy",
};

interface Stage {
  readonly source?: string;
  readonly loss?: number | Error;
  /** `/proc/net/ip_vs` by who looks: the host, a namespace's file, a process. */
  readonly ipvs?: (where: string) => string;
  readonly tasks?: () => readonly string[];
  readonly route?: () => string;
}

const route = (source: string) => `[{"dst":"${other}","dev":"eth0","prefsrc":"${source}","cache":[]}]`;

/** A host with testnet, its load balancer, and its containers as processes 1, 2 ... */
function machine(stage: Stage) {
  const { source = own, loss = 0, ipvs, tasks = () => [] } = stage;
  const asked: string[] = [];
  const network: Network = { id, name, driver: "overlay", scope: "swarm", subnets: [], vnis: [] };
  const attachments = [{ name, networkId: id, ipv4: "", ipv6: "", mac: "" }];
  const [some = assert.fail("no container")] = real.docker.inventory().containers;
  const containers = local.map(({ owner }, at) => ({
    ...some,
    id: owner.id ?? "",
    name: owner.name,
    pid: at + 1,
    attachments,
  }));
  const text = (where: string): string => {
    if (ipvs === undefined) throw new NotAvailable("net/ip_vs is not there");
    return ipvs(where);
  };
  const process = (where: string, pid: number) => {
    const read = (path: string) => (path === "net/fib_trie" ? fibTrie : text(where));
    return { pid, folder: "", text: read, inode: () => 1, close: () => undefined };
  };
  const proc: Procfs = { host: () => process("host", 0), open: (pid) => process(`process ${pid}`, pid) };
  const run: OverlayView["run"] = async (_netns, argv, { input: lines = "" }) => {
    asked.push(`${argv.join(" ")} ${lines.trim().split("\n").join(", ")}`);
    return Promise.resolve(`[{"ifname":"eth0","mtu":1500}]\n${stage.route?.() ?? route(source)}`);
  };
  const overlays: OverlayView = {
    ...real.overlays,
    run,
    namespaces: () => [{ name: `lb_${id.slice(0, 9)}`, path: "/lb", inode: 2, key: "2@2" }],
    ipvs: async (path) => {
      asked.push(`ip_vs of ${path}`);
      return Promise.resolve(text(path));
    },
    tasks: async () => Promise.resolve(tasks().map((ip) => ({ ip, name: ip, endpoint: ip, hostIp: other }))),
    reach: async (targets) => {
      asked.push(...targets.map(({ pid, ip }) => `ping ${ip} from ${pid}`));
      return Promise.resolve(targets.map(() => loss));
    },
  };
  const host: Pick<Host, "proc" | "overlays" | "docker"> = {
    proc,
    overlays,
    docker: { inventory: () => ({ ...emptyInventory, state: "live", containers, networks: [network] }) },
  };
  return { host, asked };
}

const quiet = { lines: [], cut: false };

async function around(stage: Stage, log: Parameters<typeof lookAround>[2]["log"] = quiet) {
  const { host, asked } = machine(stage);
  const options = { log, minutes: 15 };
  const found = await lookAround(host, examination, options, signal);
  return { ...found, asked, classes: found.findings.map(({ class: of, state }) => `${state} ${of}`) };
}

const fibTrie = `Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- ${own}\n        /32 host LOCAL\n`;

const server = (ip: string) =>
  `  -> ${ip
    .split(".")
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, "0"))
    .join("")}:0000      Masq    1      0          0         \n`;
const table = (...ips: readonly string[]) => `FWM  00000101 rr\n${ips.map(server).join("")}`;

const inBalancer = (where: string) =>
  where === "host" ? "" : table("10.0.1.5", where === "/lb" ? "10.0.1.6" : "10.0.1.5");
const inContainer = (where: string) => (where === "process 1" ? table("10.0.1.7") : "");

describe("overlay/examine: what is around the overlays", () => {
  it("finds nothing on a healthy host without IPVS, by one process and without a ping", async () => {
    const { findings, unjudged, asked } = await around({});
    assert.deepEqual([findings, unjudged], [[], []]);
    assert.deepEqual(asked, [`ip -j -batch - link show, route get ${other}`]);
  });

  it("tries a wrong source: active where nobody there answers, latent where somebody does or it can not be tried", async () => {
    const wrong = { source: "172.31.240.101" };
    const lost = await around({ ...wrong, loss: 1 });
    assert.deepEqual(lost.classes, ["active source-address"]);
    assert.equal(lost.asked.at(-1), "ping 10.0.1.9 from 1");
    assert.equal(withParts(examination, lost).verdict, "faulty");
    const answered = await around({ ...wrong, loss: 0.8 });
    assert.deepEqual(answered.classes, ["latent source-address"]);
    assert.equal(withParts(examination, answered).verdict, "healthy");
    assert.deepEqual((await around({ ...wrong, loss: new Error("not allowed") })).classes, ["latent source-address"]);
  });

  it("says where there is no way, and where it could not be asked", async () => {
    const { findings, unjudged } = await around({ route: () => "[{}]" });
    assert.deepEqual(
      [findings, unjudged],
      [[], [{ what: `the way to ${other}`, why: "the kernel could not be asked for it", blind: false }]],
    );
  });

  it("says nothing of IPVS where the kernel has none", async () => {
    assert.deepEqual((await around({ tasks: () => assert.fail("asked the swarm") })).classes, []);
  });

  it("finds a real server that no task has, in the load balancer and in a container", async () => {
    const { findings } = await around({ ipvs: inBalancer, tasks: () => ["10.0.1.5"] });
    assert.equal(findings.length, 1);
    assert.match(
      findings[0]?.evidence ?? "",
      new RegExp(`in lb_${id.slice(0, 9)} sends .* 10\\.0\\.1\\.6:0 for FWM 257`),
    );
    const [found] = (await around({ ipvs: inContainer, tasks: () => ["10.0.1.5"] })).findings;
    assert.match(found?.evidence ?? "", new RegExp(`in ${local[0]?.owner.name} sends`));
  });

  it("believes no server stale that a second look knows, and asks nobody where there are none", async () => {
    let looks = 0;
    const tasks = () => (looks++ === 0 ? [] : ["10.0.1.5"]);
    assert.deepEqual((await around({ ipvs: () => table("10.0.1.5"), tasks })).classes, []);
    assert.equal(looks, 2);
    await around({ ipvs: () => "", tasks: () => assert.fail("asked the swarm") });
  });

  it("tells what dockerd said, and leaves the verdict alone", async () => {
    const lines = [{ at: Date.now(), message: "Bulk sync to node 9bb5f9e2a1c3 timed out" }];
    const said = await around({}, { lines, cut: true });
    assert.deepEqual(said.classes, ["latent networkdb-partition"]);
    assert.deepEqual(said.unjudged, [
      { what: "dockerd's own log", why: "only its newest 1 lines were read", blind: false },
    ]);
    assert.equal(withParts(examination, said).verdict, "healthy");
  });

  it("says that the log was not read, and leaves the verdict alone", async () => {
    const blind = await around({}, new NotAvailable("No journal files were found."));
    assert.deepEqual(blind.unjudged, [
      { what: "dockerd's own log", why: "it was not read: No journal files were found.", blind: false },
    ]);
    assert.equal(withParts(examination, blind).verdict, "healthy");
  });
});
