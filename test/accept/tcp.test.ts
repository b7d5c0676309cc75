import assert from "node:assert/strict";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { must } from "../../lab/process.ts";
import { type Holder, holdIn, ssStates } from "../host/sockets/stage.ts";
import { useLab } from "../lab/fixture.ts";
import { inside, lifeOf } from "./kernel.ts";
import { figure } from "./length.ts";
import { endAll, onHost } from "./program.ts";

type States = Readonly<Record<string, number>>;

/** As on a machine where npm package koffi is not installed, in the main thread and in workers. */
const hook = `export const resolve = (name, context, next) => {
  if (name === "koffi") throw new Error("no koffi on this machine");
  return next(name, context);
};`;
const register = `import { register } from "node:module"; register(${JSON.stringify(moduleOf(hook))});`;

const ways = [
  { name: "by sock_diag", how: "sock_diag", settings: {}, by: [] },
  { name: "as text, without koffi", how: "text", settings: { NODE_OPTIONS: `--import ${moduleOf(register)}` }, by: [] },
  {
    name: "as text, without any capability",
    how: "text",
    settings: {},
    by: ["/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"],
  },
] as const;

describe("accept: TCP states", function () {
  this.timeout(120_000);
  const lab = useLab();
  const name = "states";
  let host: LabHost;
  let holder: Holder;

  before("connections", async () => {
    host = lab().host(1);
    await host.run(name, { network: "testnet" });
    const within = inside(await lifeOf(host, name));
    // Engines take IPv6 off where a network has none.
    await must([...within, "/bin/sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6"]);
    await must([...within, "ip", "-6", "address", "replace", "::1/128", "dev", "lo", "nodad"]);
    holder = await holdIn((await lifeOf(host, name)).pid, "states");
  });
  after("connections", async () => {
    endAll();
    await holder?.end();
    await host?.api("DELETE", `/containers/${name}?force=true`);
  });

  for (const { name: way, how, settings, by } of ways) {
    it(`check tcp is what ss -tan says, state by state, ${way}: a container with all of them, an idle one, the host`, async () => {
      const pids = { [name]: holder.pid, B1: (await lifeOf(host, "B1")).pid, host: host.pid };
      const { told, sources } = await agreed(pids, () => check(host, settings, by));
      assert.deepEqual(told.get("B1"), { ...none, listen: 1 });
      const busy = told.get(name)!;
      const empty = Object.keys(none).filter((state) => busy[state] === 0);
      assert.deepEqual(empty, ["close"], "every state but that of sockets that are in no table");
      assert.equal(new Set(Object.values(busy)).size, 11, "none as often as another");
      assert.ok(Object.values(told.get("host")!).some((count) => count > 0));
      const { sock_diag, text } = sources;
      assert.deepEqual([how === "text" ? sock_diag : text, how === "text" ? text : sock_diag], [0, told.size]);
      const states = Object.entries(busy).map(([state, count]) => `${state} ${count}`);
      figure(`${way}, ${told.size} namespaces: ${states.join(" ")}`);
    });
  }

  it("holds IPv4 and IPv6 in every state", async () => {
    const within = inside(await lifeOf(host, name));
    const lines = async (family: string) =>
      (await must([...within, "ss", "-Htan", family])).split("\n").filter((line) => line !== "");
    const [four, six] = [await lines("-4"), await lines("-6")];
    assert.equal(statesOf(four).size, 10, four.join("\n"));
    assert.deepEqual(statesOf(six), statesOf(four));
  });
});

const statesOf = (lines: readonly string[]): ReadonlySet<string> =>
  new Set(lines.map((line) => line.split(" ")[0] ?? ""));

const none: States = {
  established: 0,
  syn_sent: 0,
  syn_recv: 0,
  fin_wait1: 0,
  fin_wait2: 0,
  time_wait: 0,
  close: 0,
  close_wait: 0,
  last_ack: 0,
  listen: 0,
  closing: 0,
};

interface Told {
  /** By container, and `host`. */
  readonly told: ReadonlyMap<string, States>;
  /** Namespaces by the way that they were read. */
  readonly sources: States;
}

const printed = z.array(
  z.object({ metric: z.string(), type: z.literal("gauge"), value: z.number(), tags: z.record(z.string(), z.string()) }),
);

async function check(host: LabHost, settings: Readonly<Record<string, string>>, by: readonly string[]): Promise<Told> {
  const program = onHost(host, ["check", "tcp", "--raw", "--json"], settings, { by });
  assert.equal(await program.ended, 0, program.err());
  const told = new Map<string, Record<string, number>>();
  const sources: Record<string, number> = {};
  for (const { metric, value, tags } of printed.parse(JSON.parse(program.out()))) {
    if (metric === "overlaywatch.agent.tcp.source") sources[tags["how"] ?? ""] = value;
    else {
      assert.equal(metric, "overlaywatch.tcp.connections");
      assert.equal(tags["scope"], tags["container_name"] === undefined ? "host" : undefined);
      const of = tags["container_name"] ?? "host";
      told.set(of, { ...told.get(of), [tags["state"] ?? ""]: value });
    }
  }
  return { told, sources };
}

/** Asks again where something moved between two readings of `ss`. */
async function agreed(pids: Readonly<Record<string, number>>, ask: () => Promise<Told>): Promise<Told> {
  const read = () => Object.fromEntries(Object.entries(pids).map(([one, pid]) => [one, ssStates({ pid })]));
  for (let attempt = 0; attempt < 10; attempt++) {
    const before = read();
    const answer = await ask();
    if (JSON.stringify(before) !== JSON.stringify(read())) continue;
    for (const one of Object.keys(pids)) assert.deepEqual(answer.told.get(one), before[one], one);
    return answer;
  }
  throw new Error("the sockets do not come to rest");
}

function moduleOf(text: string): string {
  return `data:text/javascript,${encodeURIComponent(text)}`;
}
