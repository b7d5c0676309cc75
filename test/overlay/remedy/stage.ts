import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { liveEntry } from "../../../host/netns/live.ts";
import { echo } from "../../../host/sockets/echo.ts";
import { undoFolder } from "../../../host/undo-folder.ts";
import { countReads } from "../../../overlay/diagnose/activity.ts";
import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import type { DiagnoseInput } from "../../../overlay/diagnose/input.ts";
import type { Endpoint } from "../../../overlay/endpoints.ts";
import type { Patient } from "../../../overlay/remedy/act.ts";
import { type Hands, liveHands, type Place } from "../../../overlay/remedy/hands.ts";
import { type Plan, planRemedy, type Strategy } from "../../../overlay/remedy/plan.ts";
import { activeKey, probesOf } from "../../../overlay/remedy/probes.ts";
import { encodeUndoFile } from "../../../overlay/remedy/undo-file.ts";
import { readTables, type Tables } from "../../../overlay/tables.ts";
import { fdbLine, neighbourLine } from "../../../overlay/words.ts";
import { namespaceInode, namespaceKey } from "../../../host/netns/list.ts";
import { namespaceFolder } from "../../host/netns/stage.ts";
import { now, wanted } from "./wanted.ts";

const { signal } = new AbortController();
export const netns = "1-0123456789";
export const vtep = "172.31.240.1";
const mac = (n: number): string => `02:42:0a:00:00:0${n}`;
const numbers = [2, 3];

const planFor = (strategy: Strategy, input: DiagnoseInput): Plan => planRemedy(wanted(input, { strategy }));

/** An overlay's namespace as dockerd makes it, with two containers on it; its vxlan device loops to itself, as in the outage. */
export function overlayStage() {
  const folder = namespaceFolder();
  const state = mkdtempSync(join(tmpdir(), "overlaywatch-state-"));
  const ip = (name: string, line: string): unknown => folder.run(name, ["ip", ...line.split(" ")]);
  const bridge = (line: string): unknown => folder.run(netns, ["bridge", ...line.split(" ")]);
  const place = (): Place => {
    const path = folder.path(netns);
    return { path, inode: namespaceInode(path)!, key: namespaceKey(path)! };
  };
  const read = async (): Promise<Tables> => readTables(place(), signal);

  function make(): void {
    folder.make(netns);
    quiet(netns);
    ip(netns, `addr add ${vtep}/32 dev lo`);
    ip(netns, "link add br0 type bridge");
    ip(netns, `link add vxlan0 type vxlan id 256 local ${vtep} dstport 4789 proxy l2miss l3miss learning`);
    ip(netns, "link set br0 up");
    ip(netns, "link set vxlan0 master br0 up");
    for (const n of numbers) container(n);
  }

  function quiet(name: string): void {
    folder.run(name, ["sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"]);
  }

  function container(n: number): void {
    const name = `c${n}`;
    folder.make(name);
    quiet(name);
    ip(netns, `link add veth${n} type veth peer name eth0 netns ${folder.path(name)} address ${mac(n)}`);
    ip(netns, `link set veth${n} master br0 up`);
    ip(name, `addr add 10.0.0.${n}/24 dev eth0`);
    ip(name, "link set eth0 up");
    // ARP could end the outage by itself.
    for (const other of numbers.filter((one) => one !== n))
      ip(name, `neigh replace 10.0.0.${other} lladdr ${mac(other)} dev eth0 nud permanent`);
  }

  /** Everything wrong about both, and their MACs learned on the vxlan port: cut off. */
  async function poison(): Promise<void> {
    bridge("link set dev vxlan0 learning on");
    for (const n of numbers) {
      ip(netns, `neigh replace 10.0.0.${n} lladdr ${mac(n)} dev vxlan0 nud permanent`);
      bridge(`fdb replace ${mac(n)} dev vxlan0 dst ${vtep} self permanent`);
      bridge(`fdb replace ${mac(n)} dev vxlan0 master dynamic`);
    }
    await sleep(20);
  }

  const loss = async (): Promise<readonly (number | Error)[]> =>
    echo([{ netns: folder.path("c2"), ip: "10.0.0.3" }], { signal, count: 5 });

  async function look(): Promise<DiagnoseInput> {
    const tables = await read();
    const readings = [];
    for (let count = 0; count < 5; count++) readings.push((await read()).fdb);
    const endpoints = numbers.map((n): Endpoint => ({
      owner: { kind: "container", name: `c${n}`, id: `${n}`.repeat(64) },
      ip: `10.0.0.${n}`,
      mac: mac(n),
      veth: tables.links.find(({ name }) => name === `veth${n}`)!,
    }));
    const activity = countReads(
      endpoints.map((one) => one.mac),
      tables.links,
      readings,
    );
    const network = { id: "0123456789".padEnd(64, "a"), name: "n" };
    const namespace = { file: netns, key: place().key, kind: "overlay", network, tables, endpoints, activity } as const;
    return { engine: { version: "20.10.24", driver: "classic" }, ownVteps: [vtep], namespaces: [namespace] };
  }

  const undo = undoFolder(join(state, "undo"));
  function hands(more: Partial<Hands> = {}): Hands {
    const here = place();
    const live = liveHands({
      places: new Map([[netns, here]]),
      entry: liveEntry,
      signal,
      probe: async (targets) => echo(targets, { signal }),
      keep: async (file) => undo.keep("note", encodeUndoFile(file)),
    });
    return { ...live, ...more };
  }

  const namespaceOf = ({ owner }: Endpoint): string => folder.path(owner.name);

  async function planned(strategy: Strategy): Promise<{ readonly plan: Plan; readonly patient: Patient }> {
    const input = await look();
    const plan = planFor(strategy, input);
    const found = diagnose(input).namespaces.flatMap(({ findings }) => findings);
    const active = new Set(found.filter(({ state: of }) => of === "active").map((one) => activeKey(netns, one.mac)));
    const probes = probesOf(plan.actions, { input, active, namespaceOf });
    const patient: Patient = {
      input,
      probes,
      host: "h",
      now,
      objection: () => undefined,
      withoutPins: (later) => planFor("learning-off", later),
    };
    return { plan, patient };
  }

  const clear = (): void => {
    folder.clear();
    rmSync(state, { recursive: true, force: true });
  };
  return { folder, state, make, poison, loss, read, hands, planned, undo, clear, ip, bridge };
}

/** What a cleanup may change, as text. */
export const textOf = ({ fdb, neighbours, links }: Tables): readonly string[] =>
  [
    ...fdb.filter((row) => row.mac.startsWith("02:42:")).map(fdbLine),
    ...neighbours.filter(({ dev }) => dev === "vxlan0").map(neighbourLine),
    ...links.map(({ name, portLearning }) => `${name} learning ${portLearning}`),
  ].toSorted();
