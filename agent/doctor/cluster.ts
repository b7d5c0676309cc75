import { setTimeout as sleep } from "node:timers/promises";
import type { FleetQuestions } from "../../dispatch/fleet-questions.ts";
import { diagnoseCluster } from "../../overlay/cluster/cluster.ts";
import type { ClusterDiagnosis } from "../../overlay/cluster/finding.ts";
import { type Asked, isAnswer } from "../../overlay/cluster/machines.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import type { Config } from "../config/schema.ts";
import { nearestOf } from "../config/nearest.ts";
import { UsageError } from "../exit-codes.ts";
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
 * the gateway's machine, `UnavailableError` where the broker is not there, `UsageError` for a network that no host has.
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

/**
 * From files of `doctor --save`: the last of each host; told twice where each host has two, 10 s apart. Throws `ConfigError`, and
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
  const now = groups.flatMap((all) => asked(all.at(-1)));
  const before = groups.flatMap((all) => (isApart(all) ? asked(all[0]) : []));
  const networks = network === undefined ? {} : { networks: namedBy(network, now) };
  return diagnoseCluster({ now, ...(before.length === now.length ? { before } : {}), ...networks });
}

const asked = (bundle: Bundle | undefined): readonly Asked[] =>
  bundle === undefined ? [] : [{ host: bundle.tables.host, tables: bundle.tables }];

const isApart = (all: readonly Bundle[]): boolean =>
  Date.parse(all.at(-1)?.savedAt ?? "") - Date.parse(all[0]?.savedAt ?? "") >= apartMs;

/** By name, or by the beginning of an id. */
function namedBy(name: string, all: readonly Asked[]): ReadonlySet<string> {
  const networks = all.filter(isAnswer).flatMap(({ tables }: { readonly tables: HostTables }) => tables.networks);
  const found = networks.filter((one) => one.name === name || (name.length >= 4 && one.id.startsWith(name)));
  const ids = new Set(found.map(({ id }) => id));
  const names = [...new Set(networks.map((one) => one.name))];
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
