import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { isEnd, type JobRecord } from "../../dispatch/worker/record.ts";
import { addressOf, loss } from "../../lab/cluster.ts";
import type { LabFleet, Member } from "../../lab/fleet.ts";
import { pause, until } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { Datadog } from "./datadog.ts";
import { curesFor, endOn, forgetLimits, journalOf, keptBy, Sender } from "./fleet-side.ts";
import { figure, isFull, sized } from "./length.ts";
import { endAll, onHost, type Program } from "./program.ts";
import { Treatment } from "./treatment.ts";

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const sorted = (all: readonly number[]) => all.toSorted((a, b) => a - b);

describe("accept: fleet", function () {
  this.timeout(sized(3_600_000, 180_000));
  const lab = useLab({ hosts: 3 });
  let fleet: LabFleet;
  let sender: Sender;
  let sink: Program;
  let [first, second, third]: Member[] = [];

  before("fleet", async () => {
    const { NODE_V8_COVERAGE } = process.env;
    fleet = await lab().startFleet({
      settings: {
        worker: { mode: "auto", rechecks: [] },
        broker: { jobs_per_host: 1000, jobs_per_fleet: 10_000 },
        datadog: { webhook_url: "http://127.0.0.1:8480/webhook" },
      },
      env: NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE },
    });
    [first, second, third] = [fleet.member(1), fleet.member(2), fleet.member(3)];
    sink = onHost(second.host, ["sink", "--json", "--udp", "8125"]);
    await fleet.start();
    await Promise.all(fleet.members.map(async (member) => fleet.prove(member)));
    sender = new Sender(fleet, 300);
  });
  after(async () => {
    await sender?.close();
    endAll();
    await fleet?.remove();
  });
  afterEach(async () => {
    await Promise.all([second, third].map(async (member) => mended(member!)));
  });

  /** What a person does after each try: no limit of an earlier one is to be met. */
  async function mended(member: Member): Promise<void> {
    const { number } = member.host;
    await lab().unpin({ host: number });
    await lab().mend({ host: number });
    forgetLimits(member);
  }

  it(`outage on host 2, its page comes in on host 1: it alone is healed, ${sized(20, 2)} of ${sized(20, 2)}; one trace id throughout`, async () => {
    const { host, machine, token } = fleet.gateway;
    const datadog = await Datadog.open(host, machine.config, token);
    await lab().break({ host: 3 });
    const others = [first!, third!].map((member) => ({ member, watched: new Treatment(lab(), member.host) }));
    const before = await Promise.all(others.map(async ({ watched }) => watched.tables()));
    const saidBefore = others.map(({ member }) => member.helperd.said());
    const took: number[] = [];
    let last: JobRecord | undefined;
    for (let trial = 0; trial < sized(20, 2); trial++) {
      const known = keptBy(second!);
      await lab().break({ host: 2 });
      await datadog.page(second!.name, "Triggered", { cycle: `trial-${trial}-${Date.now()}` });
      last = await newEnd(second!, known);
      assert.equal(last.state, "healed", `${last.message}\n${second!.worker.said()}`);
      took.push(last.since - last.job.at);
      assert.equal(await lost(second!), 0, "healed");
      await mended(second!);
    }
    const inOrder = sorted(took);
    const worst = inOrder.at(-1) ?? Number.NaN;
    figure(
      `request at the gateway to verified heal on another host: median ${seconds(inOrder[inOrder.length >> 1] ?? 0)} s, p99 ${seconds(worst)} s of ${took.length}`,
    );
    if (isFull()) assert.ok(worst <= 4000, `p99 of ${took.length}: ${worst} ms`);
    for (const [index, { member, watched }] of others.entries()) {
      await watched.unwritten(before[index] ?? [], member.name);
      watched.forget();
      assert.equal(member.helperd.said(), saidBefore[index], `the helper of ${member.name} was not even asked`);
    }
    assert.equal(await lost(third!), 100, "what nobody paged for is as it was");
    const deliveries = await datadog.deliveries();
    assert.ok(deliveries.every(({ outcome }) => outcome === 202));
    await datadog.close();
    await oneTrace(last ?? assert.fail("no job"), deliveries.at(-1)?.body ?? "");
  });

  /** Through all parts and machines. `body`: of the page, as it was sent. */
  async function oneTrace({ job: { id, trace } }: JobRecord, body: string): Promise<void> {
    const again = await sender.taken(sender.send(second!.name, body));
    assert.deepEqual([again.status, again.job, again.trace], ["duplicate", id, trace], "the gateway's answer");
    assert.ok(heldByBroker().includes(trace), "the job at the broker");
    const noted = async (member: Member, kind: string) =>
      (await journalOf(member.host, `TRACE=${trace}`)).some((line) => line.includes(`"OVERLAYWATCH_KIND":"${kind}"`));
    assert.ok(await noted(first!, "page"), "the gateway's journal");
    assert.ok(await noted(second!, "job"), "the host's journal");
    assert.deepEqual(await journalOf(third!.host, `TRACE=${trace}`), [], "and nobody else's");
    assert.match(second!.helperd.said(), new RegExp(`trace ${trace}: heal`, "u"));
    const isEvent = (line: string) => line.includes(trace) && line.includes('"event"');
    const told = () => sink.out().split("\n").some(isEvent) || undefined;
    await until(told, 5000, () => new Error(`no event has ${trace}: ${sink.out()}`));
  }

  /** Of Debian's 2.9: each message as it came, in the files of its stream. */
  function heldByBroker(): string {
    const folder = `${fleet.folder}/broker/jetstream`;
    const blocks = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".blk"));
    return blocks.map((name) => readFileSync(`${folder}/${name}`, "latin1")).join("");
  }

  const down = sized(60_000, 6000);
  it(`the broker is down for ${down / 1000} s: 503 meanwhile, nothing is lost, all is done after`, async () => {
    await third!.worker.end();
    const waits = sender.send(third!.name);
    assert.equal((await sender.taken(waits)).status, "accepted");
    await lab().break({ host: 2 });
    await fleet.broker.end("SIGKILL");
    const [from, sent] = [Date.now(), new Map([[waits, third!]])];
    while (Date.now() - from < down) {
      for (const member of fleet.members) sent.set(sender.send(member.name), member);
      await pause(down / 6);
    }
    const to = Date.now();
    await fleet.broker.start();
    await third!.worker.start();
    const meanwhile = sender.tries().filter((one) => one.from >= from && one.to <= to);
    assert.deepEqual(new Set(meanwhile.map(({ outcome }) => outcome)), new Set([503]));
    const back = Date.now();
    for (const [event, member] of sent) {
      const { job, trace } = await sender.taken(event, 60_000);
      const record = await endOn(member, job, 60_000);
      assert.equal(record.job.trace, trace);
      assert.match(record.state, /^heal(?:ed|thy)$/u, record.message);
    }
    figure(
      `${sent.size} pages, ${meanwhile.length} tries answered 503; all at an end ${seconds(Date.now() - back)} s after`,
    );
    assert.equal(await lost(second!), 0, "healed");
  });

  const kills = sized(100, 4);
  it(`kill -9 of gateway, broker, worker and helper at ${kills} random moments: every accepted job comes to one end, and nothing is done twice`, async () => {
    const before = new Map(fleet.members.map((member) => [member, keptBy(member)]));
    const [triesBefore, accepted] = [
      sender.tries().length,
      new Map(fleet.members.map((one) => [one, new Set<string>()])),
    ];
    const [ends, hits] = [new Map<string, number>(), new Map<string, number>()];
    let round = 0;
    for (; sumOf(hits) < kills; round++) {
      assert.ok(round < 3 * kills, `${sumOf(hits)} of ${round} kills hit`);
      const part = parts[round % parts.length] ?? "worker";
      await lab().break({ host: 2 });
      const [hit, ended] = await Promise.all([killed(part), paged(accepted)]);
      if (hit) count(hits, part);
      count(ends, ended.state);
      assert.match(
        ended.state,
        /^heal(?:ed|thy)$/u,
        `${part}: ${ended.message}\n${second!.worker.said().slice(-3000)}`,
      );
      assert.equal(await lost(second!), 0, `healed, whatever died: ${part}`);
      await mended(second!);
    }
    const kept = fleet.members.flatMap((member) => once(member, accepted.get(member), before.get(member)));
    const interrupted = kept.filter((one) => one.interrupted > 0).length;
    const tries = sender.tries().length - triesBefore;
    figure(
      `${sumOf(hits)} kills that hit (${listOf(hits)}) in ${round} outages: ${kept.length} jobs of as many pages, sent ${tries} times; on the host with the outage ${listOf(ends)}; ${interrupted} interrupted and judged afresh`,
    );
    if (isFull()) assert.ok(interrupted > 0, "no kill of the worker hit one at work");
  });

  /** A page for each host, and each comes to its end. Gives the one of the host with the outage. */
  async function paged(accepted: ReadonlyMap<Member, Set<string>>): Promise<JobRecord> {
    const sent: [Member, string][] = [];
    for (const member of [first!, second!, third!]) {
      sent.push([member, sender.send(member.name)]);
      await pause(60);
    }
    const ended = new Map<Member | undefined, JobRecord>();
    for (const [member, event] of sent) {
      const { job, trace } = await sender.taken(event, 60_000);
      const record = await endOn(member, job, 120_000);
      assert.equal(record.job.trace, trace);
      accepted.get(member)?.add(job);
      ended.set(member, record);
    }
    return ended.get(second) ?? assert.fail("no job");
  }

  /** At a random moment of its work. Whether there was something to kill. What was killed is started again at once, as systemd does. */
  async function killed(part: (typeof parts)[number]): Promise<boolean> {
    // Pages are with gateway and broker for a moment, with worker and helper for two seconds.
    await pause(Math.random() * (part === "gateway" || part === "broker" ? 400 : 2300));
    if (part === "helper") return killHelper(second!.helperd.pid);
    const daemon = { gateway: fleet.gateway.server, broker: fleet.broker, worker: second!.worker }[part];
    await daemon.end("SIGKILL");
    await daemon.start();
    return true;
  }
});

const parts = ["gateway", "broker", "worker", "helper"] as const;

const lost = async ({ host }: Member): Promise<number> =>
  loss(host, `A${host.number}`, await addressOf(host, `B${host.number}`));

async function newEnd(member: Member, known: ReadonlyMap<string, JobRecord>): Promise<JobRecord> {
  const fresh = () => [...keptBy(member).values()].filter(({ job }) => !known.has(job.id));
  const late = () => new Error(`no new job came to an end: ${JSON.stringify(fresh())}\n${member.worker.said()}`);
  return until(() => fresh().find(({ state }) => isEnd(state)), 20_000, late);
}

/** Of the jobs that came since: exactly those that were accepted, and none done twice, by the helper's own word. */
function once(
  member: Member,
  accepted: ReadonlySet<string> | undefined,
  before: ReadonlyMap<string, JobRecord> | undefined,
): readonly JobRecord[] {
  const all = [...keptBy(member).values()].filter(({ job: { id } }) => before?.has(id) !== true);
  assert.deepEqual(new Set(all.map(({ job: { id } }) => id)), accepted, `${member.name}: none lost, none more`);
  for (const { job, state } of all) {
    const cures = curesFor(member, job.trace);
    assert.ok(cures <= 1, `healed ${cures} times for ${job.trace}`);
    if (state === "healed") assert.equal(cures, 1, `by the helper's own word: ${job.trace}`);
  }
  return all;
}

/** Kills what `helperd` has started for a request; false where nothing is under way. */
function killHelper(helperd: number | undefined): boolean {
  const children = readFileSync(`/proc/${helperd}/task/${helperd}/children`, "utf8").trim().split(" ");
  const pids = children.filter((one) => one !== "").map(Number);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  return pids.length > 0;
}

const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
const sumOf = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, one) => sum + one, 0);
const listOf = (counts: ReadonlyMap<string, number>) => [...counts].map(([name, one]) => `${one} ${name}`).join(", ");
