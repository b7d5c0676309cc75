import assert from "node:assert/strict";
import { type CycleResult, runner } from "../../../agent/collect.ts";
import type { Namespace } from "../../../collectors/namespaces.ts";
import { tcp } from "../../../collectors/tcp/collector.ts";
import { liveClock } from "../../../host/clock.ts";
import { type Container, emptyInventory } from "../../../host/docker/inventory.ts";
import { type Host, NotAvailable, type ProcessHandle, type SocketView, type TcpReading } from "../../../host/host.ts";
import { procfs } from "../../../host/procfs.ts";
import { liveSockets } from "../../../host/sockets/live.ts";
import { byState, newTally } from "../../../host/sockets/states.ts";
import { endHolders, hasTools, hold, ssStates, tools } from "../../host/sockets/stage.ts";
import { needs } from "../../needs.ts";
import { noOverlays } from "../../host/no-overlays.ts";

const container = (name: string): Container => ({
  id: name.padEnd(64, "0"),
  name,
  image: "lab",
  pid: 1,
  startedAt: 0,
  networkMode: "bridge",
  labels: {},
  env: {},
  attachments: [],
});

const namespace = (name: string, process: ProcessHandle): Namespace => ({
  id: `1:${name}`,
  container: container(name),
  members: [container(name)],
  process,
});

const handle = (): ProcessHandle => ({
  pid: 1,
  folder: "/nowhere",
  text: () => assert.fail("the door reads, not the collector"),
  inode: () => assert.fail("the door reads, not the collector"),
  close: () => undefined,
});

interface Stage {
  readonly sockets: SocketView;
  readonly namespaces: readonly Namespace[] | Error;
  readonly section?: unknown;
  readonly proc?: Host["proc"];
}

/** One run of the collector. */
async function collect({ sockets, namespaces, section = {}, proc = procfs() }: Stage): Promise<CycleResult> {
  const docker = { inventory: () => ({ ...emptyInventory, state: "live" as const }) };
  const sweep = () => {
    if (namespaces instanceof Error) throw namespaces;
    return { namespaces, skipped: {}, errors: [] };
  };
  const run = runner(tcp, section, {
    host: { proc, docker, sockets, overlays: noOverlays, clock: liveClock },
    namespaces: { sweep, hasSeen: () => true, close: () => undefined },
    tagsOf: ({ name }) => ({ container_name: name }),
    deadline: 10_000,
  });
  return run(new AbortController().signal);
}

const statesOf = ({ samples }: CycleResult, tags: Readonly<Record<string, string>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    samples
      .filter(
        (s) => s.name === "tcp.connections" && Object.entries(tags).every(([key, value]) => s.tags[key] === value),
      )
      .map((s) => [s.tags["state"] ?? "", s.value]),
  );

const idle = (): TcpReading => {
  const tally = newTally();
  tally[10] = 1;
  return { states: byState(tally), how: "sock_diag", interrupted: false };
};

/** Answers from a table; what it was asked is kept. */
function answering(answers: Readonly<Record<string, TcpReading | Error>>) {
  const asked: string[][] = [];
  const sockets: SocketView = {
    tcpStates: async (wanted) => {
      asked.push(wanted.map(({ key }) => key));
      return new Map(Object.entries(answers));
    },
  };
  return { asked, sockets };
}

describe("collectors/tcp", () => {
  afterEach(endHolders);

  it("sends what ss counts in a real namespace, every state, and the host's beside it", async function () {
    needs(this, tools, hasTools());
    const holder = await hold("states");
    const sockets = liveSockets({ log: () => undefined });
    const result = await collect({ sockets, namespaces: [namespace("web", holder.process)] });
    await sockets.close();
    assert.equal(result.outcome, "ok");
    assert.deepEqual(statesOf(result, { container_name: "web" }), ssStates(holder));
    assert.equal(Object.keys(statesOf(result, { scope: "host" })).length, 11);
    const ways = result.samples.filter((s) => s.name === "agent.tcp.source").map((s) => [s.tags["how"], s.value]);
    assert.deepEqual(ways, [
      ["sock_diag", 2],
      ["text", 0],
    ]);
  });

  it("asks once for all, and closes what it opened", async () => {
    let open = 0;
    const counting = (): ProcessHandle => {
      open++;
      return { ...handle(), close: () => void open-- };
    };
    const { asked, sockets } = answering({ host: idle(), "1:a": idle(), "1:b": idle() });
    const namespaces = [namespace("a", handle()), namespace("b", handle())];
    const proc = { open: counting, host: counting };
    const result = await collect({ sockets, namespaces, proc });
    assert.deepEqual(asked, [["host", "1:a", "1:b"]]);
    assert.deepEqual([result.outcome, open], ["ok", 0]);
    await assert.doesNotReject(
      collect({ sockets: { tcpStates: async () => Promise.reject(new Error("hung")) }, namespaces, proc }),
    );
    assert.equal(open, 0);
  });

  it("sends nothing for what could not be read, and the others all the same", async () => {
    const { sockets } = answering({
      host: new Error("refused"),
      "1:a": new NotAvailable("gone"),
      "1:b": idle(),
    });
    const result = await collect({ sockets, namespaces: ["a", "b", "c"].map((name) => namespace(name, handle())) });
    assert.equal(result.outcome, "partial");
    assert.deepEqual(
      result.errors.map(({ message }) => message),
      ["refused", "the TCP sockets of 1:c were not answered for"],
    );
    assert.deepEqual(result.skipped, { gone: 1 });
    const named = result.samples.filter((s) => s.name === "tcp.connections").map((s) => s.tags["container_name"]);
    assert.deepEqual(new Set(named), new Set(["b"]));
  });

  it("sends a reading that was interrupted again and again, and says so", async () => {
    const { sockets } = answering({ "1:a": { ...idle(), interrupted: true } });
    const result = await collect({ sockets, namespaces: [namespace("a", handle())], section: { host: false } });
    assert.equal(result.outcome, "partial");
    assert.match(result.errors[0]?.message ?? "", /changed under every reading/u);
    assert.equal(statesOf(result, {})["listen"], 1);
  });

  it("tells the host's sockets where Docker can not be asked", async () => {
    const { sockets } = answering({ host: idle() });
    const result = await collect({ sockets, namespaces: new NotAvailable("Docker is not there") });
    assert.equal(result.outcome, "absent");
    assert.equal(statesOf(result, { scope: "host" })["listen"], 1);
  });

  it("fails whole where the thread died, and refuses options that it does not know", async () => {
    const sockets: SocketView = { tcpStates: async () => Promise.reject(new Error("the thread died")) };
    const result = await collect({ sockets, namespaces: [namespace("a", handle())] });
    assert.deepEqual([result.outcome, result.samples.length], ["failed", 0]);
    assert.throws(() => tcp.create({ hosts: true }));
  });
});
