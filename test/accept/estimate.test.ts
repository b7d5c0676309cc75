import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { catalogue } from "../../agent/catalogue.ts";
import { type Profile, profiles } from "../../collectors/profile.ts";
import type { Message } from "../../emit/dogstatsd/parse.ts";
import { type Receiver, startReceiver } from "../../emit/dogstatsd/receiver.ts";
import { addressOf } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import type { Lab } from "../../lab/lab.ts";
import { pause, until } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { everySecond } from "./delivered.ts";
import { figure, sized } from "./length.ts";
import { endAll, onHost, type Program } from "./program.ts";

/** Those whose series depend on containers alone; what overlays and the pipeline bring depends on what happens there. */
const names = ["interfaces", "netstat", "tcp"];
/** An hour's worth of cycles, at one a second. */
const cycles = sized(360, 12);
const containers = sized(40, 12);

describe("accept: what a fleet would pay for", function () {
  this.timeout(sized(900_000, 180_000));
  const lab = useLab();
  let host: LabHost;
  const made: string[] = [];

  before("containers", async () => {
    host = lab().host(1);
    const to = await addressOf(host, "A1");
    for (let i = made.length; i < containers - 2; i++) {
      made.push(`load${i}`);
      await host.run(`load${i}`, { network: "testnet", args: ["sh", "-c", steady(to)], labels: labelsOf(i) });
    }
    await lab().startTraffic();
    await pause(2_000);
  });
  after("containers", async () => {
    endAll();
    lab().stopTraffic();
    for (const name of made) await host.api("DELETE", `/containers/${name}?force=true`);
  });

  it(`check --estimate is what ${cycles} cycles of ${containers} containers send, collector by collector, under each profile`, async () => {
    const counts = await estimated(host);
    const agents = await Promise.all(profiles.map(async (profile) => Counting.start(lab(), host, profile)));
    await Promise.all(agents.map(async (agent) => agent.cycles(cycles)));
    for (const agent of agents) await agent.stop();
    for (const { profile, sent, momentary } of agents) {
      const dormant = counts.dormant_per_host[profile]["total"];
      const ofHost = `${momentary.size} momentary ones (${[...momentary].map((key) => key.split(" ", 1)[0]).join(" ")})`;
      figure(
        `${profile}: told ${text(counts.per_host[profile])}; sent ${text(sent())} and ${ofHost}; dormant ${dormant}`,
      );
    }
    for (const { profile, sent } of agents) assert.deepEqual(counts.per_host[profile], sent(), profile);
    assert.ok((counts.dormant_per_host.container["netstat"] ?? 0) > 0, "connections that were opened once");
    const lean = agents.find(({ profile }) => profile === "lean")!;
    const most = lean.sent()["total"]! + lean.momentary.size + counts.dormant_per_host.lean["total"]!;
    assert.ok(most <= 90, `lean: ${most} series`);
    figure(`lean, ${containers} containers: ${most} series of at most 90, what is dormant included`);
    assert.equal(counts.total, counts.per_host.container["total"]);
  });

  it("is the same for a fleet, times its hosts", async () => {
    const counts = await estimated(host, "--hosts", "250");
    assert.equal(counts.hosts, 250);
    assert.equal(counts.total, 250 * (counts.per_host.container["total"] ?? 0));
    assert.equal(counts.dormant_total, 250 * (counts.dormant_per_host.container["total"] ?? 0));
  });
});

const text = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([room, count]) => `${room} ${count}`)
    .join(" ");

/** Five pings in two seconds, and a connection to itself that says something as often. */
const steady = (to: string): string => {
  const speak = `while :; do echo x; sleep 0.4; done`;
  const talk = `nc -l -p 6000 >/dev/null & sleep 0.3; nc 127.0.0.1 6000 -e sh -c '${speak}' &`;
  return `${talk} ${onBridge} exec ping -q -i 0.4 ${to}`;
};

/** Where nothing else is there, docker_gwbridge brings a router solicitation now and then: too seldom for the short form. */
const onBridge = sized(
  "",
  `until gw=$(ip route | sed -n 's/^default via \\([^ ]*\\) .*/\\1/p') && [ -n "$gw" ]; do sleep 0.1; done; ping -q -i 0.4 "$gw" >/dev/null &`,
);

/** Two compose services of some containers each, and containers without one. */
function labelsOf(index: number): Readonly<Record<string, string>> {
  if (index % 3 === 0) return {};
  return { "com.docker.compose.project": "shop", "com.docker.compose.service": `service${index % 3}` };
}

const byRoom = z.record(z.string(), z.int());
const perProfile = z.object({ container: byRoom, service: byRoom, lean: byRoom });
const told = z.object({
  profile: z.enum(profiles),
  hosts: z.int(),
  per_host: perProfile,
  dormant_per_host: perProfile,
  total: z.int(),
  dormant_total: z.int(),
  warnings: z.array(z.string()),
});

async function estimated(host: LabHost, ...args: readonly string[]): Promise<z.output<typeof told>> {
  // The engine's own connections come and go: no reading of a moment tells what an hour of them brings.
  const settings = { OVERLAYWATCH_COLLECTORS_TCP_HOST: "false" };
  const program = onHost(host, ["check", ...names, "--estimate", "--json", ...args], settings);
  assert.equal(await program.ended, 0, program.err());
  return told.parse(JSON.parse(program.out()));
}

const rooms = new Map(catalogue().map(({ name, room }) => [`overlaywatch.${name}`, room]));

/** The host's own sockets, and runs that a busy machine cut short: no reading of a moment tells of them. */
const isMomentary = (tags: readonly string[]): boolean =>
  tags.some((tag) => ["scope:host", "outcome:partial", "outcome:timeout"].includes(tag) || tag.startsWith("reason:"));

/** An agent with this profile, and the distinct series that it sent so far. */
class Counting {
  readonly profile: Profile;
  /** By collector, or `agent`; what is momentary apart. */
  readonly #series = new Map<string, Set<string>>();
  readonly momentary = new Set<string>();
  #cycles = 0;
  #agent: Program | undefined;
  #receiver: Receiver | undefined;

  constructor(profile: Profile) {
    this.profile = profile;
  }

  static async start(lab: Lab, host: LabHost, profile: Profile): Promise<Counting> {
    const made = new Counting(profile);
    const path = `${lab.shared}/dsd-${randomBytes(4).toString("hex")}.sock`;
    made.#receiver = await startReceiver({ uds: { path } }, (message) => made.#take(message));
    made.#agent = onHost(host, ["run", ...names, "--state-dir", lab.shared], {
      ...everySecond,
      DD_DOGSTATSD_URL: `unix://${path}`,
      OVERLAYWATCH_TAGS_PROFILE: profile,
    });
    return made;
  }

  /** Distinct series by collector, and in all. */
  readonly sent = (): Readonly<Record<string, number>> => {
    const counts = [...this.#series].map(([room, keys]) => [room, keys.size] as const);
    return { ...Object.fromEntries(counts), total: counts.reduce((sum, [, count]) => sum + count, 0) };
  };

  async cycles(count: number): Promise<void> {
    const late = () => new Error(`${this.profile}: ${this.#cycles} of ${count} cycles came: ${this.#agent?.err()}`);
    await until(() => this.#cycles >= count || undefined, count * 1_500 + 10_000, late);
  }

  async stop(): Promise<void> {
    assert.equal((await this.#agent?.stop())?.code, 0, this.#agent?.err());
    await this.#receiver?.close();
  }

  #take(message: Message): void {
    if (message.kind !== "metric") return;
    const { name, tags } = message;
    const room = rooms.get(name);
    assert.ok(room !== undefined, `${name} is in no table`);
    const keys = this.#series.get(room) ?? new Set();
    this.#series.set(room, keys);
    (isMomentary(tags) ? this.momentary : keys).add(`${name} ${tags.toSorted().join(" ")}`);
    // Of the three that run at the same seconds.
    if (name === "overlaywatch.agent.collect.seconds" && tags.includes("collector:tcp")) this.#cycles += 1;
  }
}
