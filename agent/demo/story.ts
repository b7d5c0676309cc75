import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../lab/process.ts";
import { countersWhile } from "./counters.ts";
import { cureOf, openJobs } from "./cure.ts";
import { type Broken, breakIt, mendIt, pairsOf } from "./fault.ts";
import { activeFindings, cleanedByHand } from "./look.ts";
import type { Screen } from "./screen.ts";
import type { Plan, Stage } from "./stage.ts";
import type { Counters, Loss, Seconds } from "./timeline.ts";

interface Telling {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** The Datadog agent flushes at multiples of it, in milliseconds: a break just after one has the longest way to the page. */
const flush = 10_000;

/** Milliseconds: how long a metric, a page, a cure and a recovery are waited for at most. */
const most = { seen: 60_000, page: 180_000, cure: 60_000, recovered: 180_000 } as const;

/** From the healthy network to the end of the outage, each step told when it has happened. Throws where it goes otherwise. */
export async function play(telling: Telling): Promise<void> {
  const before = await baseline(telling);
  const { broken, since } = await theBreak(telling, before);
  const seen = await theSight(telling, broken, since);
  // A page does not wait for doctor.
  const [{ paged, ended, state }] = await Promise.all([thePage(telling, broken), theFinding(telling, since)]);
  const end = { seen, paged, ended };
  if (state === "healed") await theEnd(telling, broken, since, end);
  else await theMending(telling, since, end);
}

type Since = () => number;

async function baseline({ stage, plan, screen, signal }: Telling): Promise<ReadonlyMap<string, Counters>> {
  const { datadog, affected } = stage;
  screen.wait("waiting for the first metrics of all hosts");
  const series = async () => {
    const all = (await datadog.series()).filter(({ name }) => name === "overlaywatch.overlay.fdb_rows");
    const hosts = new Set(all.map(({ tags }) => tags["host"]));
    return hosts.size === stage.pack.members.length ? (await datadog.series()).length : undefined;
  };
  const count = await until(series, 60_000, () => new Error("not all hosts send metrics after 60 s"), signal);
  const pairs = pairsOf(stage, plan.fault);
  const containers = ["A", "B"].map((letter) => `${letter}${affected.host.number}`);
  const measured = async () => {
    const lost = await lossOf(stage, pairs[0]);
    // As long as lost pings are waited for.
    await sleep(1000);
    return lost;
  };
  const { done: first, counters } = await countersWhile(affected.host, containers, measured);
  const loss = [first, await lossOf(stage, pairs[1])];
  const lossy = loss.find(({ percent }) => percent > 0);
  if (lossy !== undefined)
    throw new Error(`${lossy.from} loses ${lossy.percent} % to ${lossy.to} before anything is broken`);
  const alerts = await datadog.inState(affected.name, "Alert");
  screen.tell({ step: "baseline", at_s: null, loss, series: count, alerts });
  return counters;
}

async function theBreak(telling: Telling, before: ReadonlyMap<string, Counters>) {
  const { stage, plan, screen, signal } = telling;
  const { host, name } = stage.affected;
  screen.wait("the break comes next");
  await sleep(flush - (Date.now() % flush), undefined, { signal });
  const { done: broken, counters } = await countersWhile(host, [...before.keys()], async () =>
    breakIt(stage, plan.fault),
  );
  const since = () => Math.round((Date.now() - broken.at) / 100) / 10;
  screen.tell({ step: "break", at_s: 0, fault: plan.fault, host: name, commands: broken.commands, loss: broken.loss });
  const containers = [...counters].flatMap(([container, now]) => {
    const then = before.get(container);
    return then === undefined ? [] : [{ name: container, before: then, now }];
  });
  screen.tell({ step: "agent", at_s: since(), host: name, containers });
  return { broken, since };
}

async function theSight({ stage, screen, signal }: Telling, { metric, tags }: Broken, since: Since): Promise<number> {
  const { name } = stage.affected;
  const isOurs = (of: Readonly<Record<string, string>>) =>
    of["host"] === name && Object.entries(tags).every(([key, value]) => of[key] === value);
  screen.wait("waiting for overlaywatch to see it");
  const look = async () => {
    const all = await stage.datadog.series();
    const found = all.filter((one) => one.name === metric && one.value > 0 && isOurs(one.tags));
    return found.length > 0 ? found : undefined;
  };
  const found = await until(look, most.seen, () => new Error(`no ${metric} came within ${most.seen / 1000} s`), signal);
  const at = since();
  const value = found.reduce((sum, one) => sum + one.value, 0);
  const containers = found.flatMap((one) => one.tags["container_name"] ?? []).toSorted();
  screen.tell({ step: "seen", at_s: at, host: name, metric, value, containers });
  return at;
}

async function theFinding({ stage: { affected }, screen }: Telling, since: Since): Promise<void> {
  const findings = await activeFindings(affected.machine);
  screen.tell({ step: "finding", at_s: since(), host: affected.name, findings });
}

async function thePage({ stage, plan, screen, signal }: Telling, broken: Broken) {
  const { affected, datadog } = stage;
  const { name } = affected;
  const patience = plan.fault === "outage" ? "" : ", once it has lasted for more than a minute";
  screen.wait(`waiting for Datadog's monitor to page${patience}`);
  const jobs = openJobs(affected, broken.at);
  const isPage = async () =>
    (await datadog.sent()).find(
      ({ host, transition, outcome }) => host === name && transition === "Triggered" && outcome === 202,
    );
  const page = await until(isPage, most.page, () => new Error(`no page within ${most.page / 1000} s`), signal);
  const job = await until(jobs.first, most.cure, () => new Error("the page came to no job of the worker"), signal);
  const paged = (job.at - broken.at) / 1000;
  screen.tell({ step: "page", at_s: rounded(paged), monitor: page.monitor, host: name, code: 202, trace: job.trace });
  screen.wait("the host is being healed");
  const end = await until(jobs.ended, most.cure, () => new Error("the worker's job came to no end"), signal);
  const ended = (end.since - broken.at) / 1000;
  const commands = cureOf(affected, broken.at);
  const others = stage.pack.members.filter((one) => one !== affected);
  const elsewhere = others.filter((one) => cureOf(one, broken.at).length > 0).map((one) => one.name);
  const told = { state: end.state, message: end.message, commands, elsewhere };
  screen.tell({ step: "cure", at_s: rounded(ended), host: name, strategy: plan.strategy, ...told });
  return { paged: rounded(paged), ended: rounded(ended), state: end.state };
}

const rounded = (seconds: number): number => Math.round(seconds * 10) / 10;

type Early = Pick<Seconds, "seen" | "paged" | "ended">;

async function theEnd(
  { stage, plan, screen, signal }: Telling,
  broken: Broken,
  since: Since,
  early: Early,
): Promise<void> {
  const { datadog, affected } = stage;
  const loss = await Promise.all(pairsOf(stage, plan.fault).map(async (pair) => lossOf(stage, pair)));
  const left = loss.find(({ percent }) => percent > 0);
  if (left !== undefined)
    throw new Error(`it is said to be healed, and ${left.from} still loses ${left.percent} % to ${left.to}`);
  const healed = since();
  screen.tell({ step: "healed", at_s: healed, loss });
  screen.wait("waiting for the monitor to recover");
  const isOver = async () =>
    (await datadog.sent()).find(({ host, transition }) => host === affected.name && transition === "Recovered");
  const over = await until(isOver, most.recovered, () => new Error("no monitor recovered"), signal);
  const recovered = since();
  const again = (await openJobs(affected, broken.at).ended())?.rechecks[0]?.found ?? null;
  screen.tell({ step: "recovered", at_s: recovered, monitor: over.monitor, looked_again: again });
  screen.tell({ step: "summary", at_s: recovered, outcome: "healed", seconds: { ...early, healed, recovered } });
}

/** The remedy does not help, which is what was to be seen: the demo mends it. */
async function theMending({ stage, plan, screen }: Telling, since: Since, early: Early): Promise<void> {
  if (plan.strategy !== "arp") throw new Error(`it was not healed by ${plan.strategy}`);
  const byHand = await cleanedByHand(stage.affected, plan.strategy);
  screen.tell({ step: "by_hand", at_s: since(), ...byHand });
  const [pair] = pairsOf(stage, plan.fault);
  const loss = await lossOf(stage, pair);
  if (loss.percent < 100) throw new Error(`the outage has ended by itself: ${loss.percent} % are lost`);
  screen.tell({ step: "not_healed", at_s: since(), loss: [loss] });
  await mendIt(stage, plan.fault);
  screen.tell({ step: "mended", at_s: since(), loss: [await lossOf(stage, pair)] });
  const seconds = { ...early, healed: null, recovered: null };
  screen.tell({ step: "summary", at_s: since(), outcome: "not healed, as told", seconds });
}

async function lossOf({ lab }: Stage, [from, to]: readonly [string, string]): Promise<Loss> {
  return { from, to, percent: await lab.loss(from, to) };
}
