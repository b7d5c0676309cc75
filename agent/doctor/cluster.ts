import { setTimeout as sleep } from "node:timers/promises";
import type { FleetQuestions } from "../../dispatch/fleet-questions.ts";
import { printable } from "../../host/iproute2/error.ts";
import { diagnoseCluster } from "../../overlay/cluster/cluster.ts";
import type { ClusterDiagnosis } from "../../overlay/cluster/finding.ts";
import type { Unjudged } from "../../overlay/diagnose/finding.ts";
import { type Asked, isAnswer } from "../../overlay/cluster/machines.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import { fewOf } from "../../overlay/words.ts";
import type { Config } from "../config/schema.ts";
import { nearestOf } from "../config/nearest.ts";
import { UnavailableError, UsageError } from "../exit-codes.ts";
import { type Bundle, readBundle } from "../explain/bundle.ts";

/** Milliseconds between two tellings that are to agree. */
const apartMs = 10_000;

export interface ClusterWanted {
  readonly network: string | undefined;
  /** Milliseconds that a host has for an answer. */
  readonly withinMs: number;
  readonly say: (sentence: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Asks all hosts of the fleet, and again 10 s later where a row is not as the others tell. Throws `ConfigError` where this is not
 * the gateway's machine, `UnavailableError` where the broker is not there or who may have the network did not answer, `UsageError`
 * for a network that no host has.
 */
export async function clusterOf(config: Config, wanted: ClusterWanted): Promise<ClusterDiagnosis> {
  // What speaks with a broker is loaded where one is asked.
  const { fleetQuestions } = await import("../fleet-questions.ts");
  const questions = await fleetQuestions(config, wanted.withinMs);
  try {
    return await askedTwice(async () => askAll(questions, wanted.signal), wanted);
  } finally {
    await questions.close();
  }
}

/** Every host's tables, or why they are not known. */
export async function askAll(questions: FleetQuestions, signal: AbortSignal): Promise<readonly Asked[]> {
  const replies = await questions.tables(await questions.hosts(), signal);
  return replies.map((reply) =>
    "answer" in reply ? { host: reply.host, tables: reply.answer } : { host: reply.host, trouble: reply.trouble },
  );
}

export async function askedTwice(
  ask: () => Promise<readonly Asked[]>,
  { network, say, signal }: Omit<ClusterWanted, "withinMs">,
  ms = apartMs,
): Promise<ClusterDiagnosis> {
  const before = await ask();
  const networks = network === undefined ? {} : { networks: namedBy(network, before) };
  const once = diagnoseCluster({ now: before, ...networks });
  if (!once.again) return once;
  say(`rows are not as other hosts tell; all are asked again in ${Math.ceil(ms / 1000)} s`);
  await sleep(ms, undefined, { signal });
  return diagnoseCluster({ now: await ask(), before, ...networks });
}

/** Bundles are of one moment where they are so near to each other; and two tellings are not more than this apart. */
const [momentMs, mostApartMs] = [120_000, 600_000];

/**
 * From files of `doctor --save`: the last of each host; told twice where each host has two, 10 s apart, and the last of all are of
 * one moment, and so are those before. Which bundle is of another moment is told, and then all is told once. Throws `ConfigError`, and
 * `UsageError` for a network that none has.
 */
export async function clusterIn(
  paths: readonly string[],
  cwd: string,
  network: string | undefined,
): Promise<ClusterDiagnosis> {
  const bundles = await Promise.all(paths.map(async (path) => readBundle(path, cwd)));
  const byHost = new Map<string, Bundle[]>();
  for (const bundle of bundles.toSorted((a, b) => Date.parse(a.savedAt) - Date.parse(b.savedAt)))
    byHost.set(bundle.tables.host, [...(byHost.get(bundle.tables.host) ?? []), bundle]);
  const groups = [...byHost.values()];
  groups.forEach(refuseNamesakes);
  const last = groups.flatMap((all) => all.at(-1) ?? []);
  const first = groups.flatMap((all) => beforeLast(all) ?? []);
  const [now, before] = [last.map(askedOf), first.map(askedOf)];
  const networks = network === undefined ? {} : { networks: namedBy(network, now) };
  const old = [...outOfTime(last), ...outOfTime(first)];
  const isTwice = first.length === last.length && old.length === 0;
  const diagnosis = diagnoseCluster({ now, ...(isTwice ? { before } : {}), ...networks });
  if (old.length === 0) return diagnosis;
  const verdict = diagnosis.verdict === "healthy" ? "unknown" : diagnosis.verdict;
  return { ...diagnosis, verdict, unjudged: [...old, ...diagnosis.unjudged] };
}

const addresses = ({ tables }: Bundle): string => tables.ownVteps.toSorted().join(" ");

/** Two machines of one name (`localhost`) would be judged as one. Bridges come and go, what an engine advertises stays. */
function refuseNamesakes([first, ...more]: readonly Bundle[]): void {
  for (const one of more) {
    if (first === undefined || (first.tables.advertised !== "" && first.tables.advertised === one.tables.advertised))
      continue;
    if (addresses(first) !== addresses(one))
      throw new UsageError(
        `--with: ${first.path} and ${one.path} are of hosts with one name, ${first.tables.host}, and different addresses: two machines can not be told apart by it`,
      );
  }
}

const askedOf = ({ tables }: Bundle): Asked => ({ host: tables.host, tables });

const timeOf = ({ savedAt }: Bundle): number => Date.parse(savedAt);

/** The latest that is old enough to be held against the last. */
const beforeLast = (all: readonly Bundle[]): Bundle | undefined =>
  all.findLast((one) => {
    const apart = Math.max(...all.map(timeOf)) - timeOf(one);
    return apart >= apartMs && apart <= mostApartMs;
  });

/** A container that moved in between would be in the tables of both, or of none. */
function outOfTime(all: readonly Bundle[]): readonly Unjudged[] {
  const newest = Math.max(...all.map(timeOf));
  return all
    .filter((one) => newest - timeOf(one) > momentMs)
    .map((one) => ({
      what: `what ${one.tables.host} tells beside the others`,
      why: `${one.path} was saved ${Math.round((newest - timeOf(one)) / 1000)} s before the newest of them: all are to be of one moment`,
      blind: true,
    }));
}

/** By name, or by the beginning of an id. */
function namedBy(name: string, all: readonly Asked[]): ReadonlySet<string> {
  const networks = all.filter(isAnswer).flatMap(({ tables }: { readonly tables: HostTables }) => tables.networks);
  const found = networks.filter((one) => one.name === name || (name.length >= 4 && one.id.startsWith(name)));
  const ids = new Set(found.map(({ id }) => id));
  const names = [...new Set(networks.map((one) => printable(one.name)))];
  const silent = all.flatMap((one) => (isAnswer(one) ? [] : `${one.host} did not answer: ${one.trouble}`));
  if (ids.size === 0 && silent.length > 0)
    throw new UnavailableError(
      `--network ${name}: no host that answered has such an overlay network; ${fewOf(silent, (text) => text, "; ")}`,
    );
  if (ids.size === 0)
    throw new UsageError(
      `--network ${name}: no host that answered has such an overlay network${nearestOf(name, names)}`,
    );
  if (ids.size > 1)
    throw new UsageError(
      `--network ${name}: more than one network is called so: ${[...ids].map((id) => id.slice(0, 12)).join(", ")}; give the id`,
    );
  return ids;
}
