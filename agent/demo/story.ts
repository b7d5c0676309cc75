import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../lab/process.ts";
import { countersWhile } from "./counters.ts";
import { cureOf, openJobs } from "./cure.ts";
import { type Broken, breakIt, mendIt, pairsOf } from "./fault.ts";
import { activeFindings, cleanedByHand } from "./look.ts";
import type { Series } from "./datadog.ts";
import type { Screen } from "./screen.ts";
import type { Plan, Stage } from "./stage.ts";
import type { Counters, Loss, Seconds } from "./timeline.ts";

interface Telling {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/**
 * Milliseconds: the agent flushes, and the collectors look, at multiples of the first; a break just after that has the longest way
 * to the page. Not at once: the collectors' own pings go for a second, and what a container sends elsewhere may end its outage.
 */
const [flush, after] = [10_000, 2000] as const;

/** Milliseconds: how long a metric, a page, a cure and a recovery are waited for at most. */
const most = { seen: 60_000, page: 180_000, cure: 60_000, recovered: 180_000 } as const;

/** From the healthy network to the end of the outage, each step told when it has happened. Throws where it goes otherwise. */
export async function play(telling: Telling): Promise<void> {
  const before = await baseline(telling);
  let end: Early | undefined;
  for (let left = mostBreaks; end === undefined; left--) {
    if (left === 0) throw new Error(`it was broken ${mostBreaks} times, and has ended by itself each time`);
    end = await theOutage(telling, before);
  }
}

/** One may end by itself before it is healed: whoever talks to others meanwhile shows the bridge its port. */
const mostBreaks = 3;

/** Undefined where it has ended by itself. */
async function theOutage(telling: Telling, before: ReadonlyMap<string, Counters>): Promise<Early | undefined> {
  const outage = await theBreak(telling, before);
  const seen = await theSight(telling, outage);
  if (seen === undefined) return theSelfEnd(telling, outage);
  // A page does not wait for doctor.
  const [treated] = await Promise.all([thePage(telling, outage), theFinding(telling, outage)]);
  if (treated === undefined) return theSelfEnd(telling, outage);
  const end = { seen, paged: treated.paged, ended: treated.ended };
  if (treated.state === "healed") await theEnd(telling, outage, end);
  else await theMending(telling, outage, end);
  return end;
}

/** Seconds within which an outage is seen: it is in its third second. */
const longEnough = 6;

interface Outage {
  readonly broken: Broken;
  /** Seconds. */
  readonly since: () => number;
  /** Webhooks that were sent before. */
  readonly already: number;
}

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

async function theBreak(telling: Telling, before: ReadonlyMap<string, Counters>): Promise<Outage> {
  const { stage, plan, screen, signal } = telling;
  const { host, name } = stage.affected;
  screen.wait("the break comes next");
  const already = (await stage.datadog.sent()).length;
  await sleep(flush - (Date.now() % flush) + after, undefined, { signal });
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
  return { broken, since, already };
}

async function signsOf({ affected, datadog }: Stage, { metric, tags }: Broken): Promise<readonly Series[]> {
  const isOurs = (of: Readonly<Record<string, string>>) =>
    of["host"] === affected.name && Object.entries(tags).every(([key, value]) => of[key] === value);
  return (await datadog.series()).filter((one) => one.name === metric && one.value > 0 && isOurs(one.tags));
}

/** Undefined where it has ended before. */
async function theSight(
  { stage, plan, screen, signal }: Telling,
  { broken, since }: Outage,
): Promise<number | undefined> {
  const { name } = stage.affected;
  const { metric } = broken;
  screen.wait("waiting for overlaywatch to see it");
  const look = async () => {
    const found = await signsOf(stage, broken);
    if (found.length > 0) return found;
    return since() > longEnough && (await isOver({ stage, plan })) ? "over" : undefined;
  };
  const found = await until(look, most.seen, () => new Error(`no ${metric} came within ${most.seen / 1000} s`), signal);
  if (found === "over") return undefined;
  const at = since();
  const value = found.reduce((sum, one) => sum + one.value, 0);
  const containers = found.flatMap((one) => one.tags["container_name"] ?? []).toSorted();
  screen.tell({ step: "seen", at_s: at, host: name, metric, value, containers });
  return at;
}

async function theFinding({ stage: { affected }, screen }: Telling, { since }: Outage): Promise<void> {
  const findings = await activeFindings(affected.machine);
  screen.tell({ step: "finding", at_s: since(), host: affected.name, findings });
}

/** Undefined where nothing was lost any more, before the page or when the helper looked. */
async function thePage(telling: Telling, { broken, already }: Outage) {
  const { stage, plan, screen, signal } = telling;
  const { affected, datadog } = stage;
  const { name } = affected;
  const patience = plan.fault === "outage" ? "" : ", once it has lasted for more than a minute";
  screen.wait(`waiting for Datadog's monitor to page${patience}`);
  const jobs = openJobs(affected, broken.at);
  const isPage = async () => {
    const sent = (await datadog.sent()).slice(already);
    const found = sent.find((one) => one.host === name && one.transition === "Triggered" && one.outcome === 202);
    if (found !== undefined) return found;
    return (await signsOf(stage, broken)).length === 0 && (await isOver(telling)) ? "over" : undefined;
  };
  const page = await until(isPage, most.page, () => new Error(`no page within ${most.page / 1000} s`), signal);
  if (page === "over") return undefined;
  const job = await until(jobs.first, most.cure, () => new Error("the page came to no job of the worker"), signal);
  const paged = (job.at - broken.at) / 1000;
  screen.tell({ step: "page", at_s: rounded(paged), monitor: page.monitor, host: name, code: 202, trace: job.trace });
  screen.wait("the host is being healed");
  const end = await until(jobs.ended, most.cure, () => new Error("the worker's job came to no end"), signal);
  if (end.state === "healthy" && (await isOver(telling))) return undefined;
  const ended = (end.since - broken.at) / 1000;
  const commands = cureOf(affected, broken.at);
  const others = stage.pack.members.filter((one) => one !== affected);
  const elsewhere = others.filter((one) => cureOf(one, broken.at).length > 0).map((one) => one.name);
  const told = { state: end.state, message: end.message, commands, elsewhere };
  screen.tell({ step: "cure", at_s: rounded(ended), host: name, strategy: plan.strategy, ...told });
  return { paged: rounded(paged), ended: rounded(ended), state: end.state };
}

async function isOver({ stage, plan }: Pick<Telling, "stage" | "plan">): Promise<boolean> {
  const [pair] = pairsOf(stage, plan.fault);
  return (await lossOf(stage, pair)).percent === 0;
}

/** Told, and waited for until nothing alerts any more. */
async function theSelfEnd({ stage, plan, screen, signal }: Telling, { since }: Outage): Promise<undefined> {
  const { datadog, affected } = stage;
  const [pair] = pairsOf(stage, plan.fault);
  screen.tell({ step: "by_itself", at_s: since(), loss: await lossOf(stage, pair) });
  screen.wait("waiting until no monitor alerts");
  const isQuiet = async () => (await datadog.inState(affected.name, "Alert")).length === 0 || undefined;
  await until(isQuiet, most.recovered, () => new Error("a monitor alerts although nothing is lost"), signal);
  return undefined;
}

const rounded = (seconds: number): number => Math.round(seconds * 10) / 10;

type Early = Pick<Seconds, "seen" | "paged" | "ended">;

async function theEnd(
  { stage, plan, screen, signal }: Telling,
  { broken, since, already }: Outage,
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
  const hasRecovered = async () =>
    (await datadog.sent())
      .slice(already)
      .find(({ host, transition }) => host === affected.name && transition === "Recovered");
  const over = await until(hasRecovered, most.recovered, () => new Error("no monitor recovered"), signal);
  const recovered = since();
  const again = (await openJobs(affected, broken.at).ended())?.rechecks[0]?.found ?? null;
  screen.tell({ step: "recovered", at_s: recovered, monitor: over.monitor, looked_again: again });
  screen.tell({ step: "summary", at_s: recovered, outcome: "healed", seconds: { ...early, healed, recovered } });
}

/** The remedy does not help, which is what was to be seen: the demo mends it. */
async function theMending({ stage, plan, screen }: Telling, { since }: Outage, early: Early): Promise<void> {
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
