import { profiles } from "../collectors/profile.ts";
import { type Column, table } from "../emit/console/table.ts";
import type { Sample, Tags } from "../emit/sample.ts";
import type { Io } from "./command.ts";
import type { Config } from "./config/schema.ts";
import type { Estimate } from "./estimate.ts";
import { globalTagsOf } from "./global-tags.ts";

interface Printed {
  readonly metric: string;
  readonly type: Sample["type"];
  readonly value: number;
  readonly tags: Tags;
}

export function printSamples(samples: readonly Sample[], config: Config, json: boolean, { env, stdout }: Io): void {
  const global = globalTagsOf(config, env);
  const { prefix } = config.sinks.dogstatsd;
  const printed = samples.map(({ name, type, value, tags }): Printed => ({
    metric: prefix + name,
    type,
    value,
    tags: { ...global, ...tags },
  }));
  if (json) return void stdout.write(`${JSON.stringify(printed, undefined, 1)}\n`);
  const shown = printed.filter((s) => s.value !== 0);
  const zero = printed.length - shown.length;
  if (shown.length > 0) stdout.write(`${table(columnsFor(shown), shown, stdout.isTTY ?? false).join("\n")}\n`);
  if (zero > 0)
    stdout.write(
      `${shown.length > 0 ? "\n" : ""}${zero}${shown.length > 0 ? " more" : ""} stand at 0; --json shows them.\n`,
    );
}

/** A column for each tag that tells samples apart; those that all samples of a container share are in --json. */
const columnTags = [
  ["CONTAINER", "container_name"],
  ["NETWORK", "docker_network"],
  ["INTERFACE", "interface"],
  ["DEVICE", "device"],
  ["CLASS", "class"],
  ["STATE", "state"],
  ["COUNTER", "counter"],
  ["SCOPE", "scope"],
  ["HOW", "how"],
] as const;

function columnsFor(shown: readonly Printed[]): readonly Column<Printed>[] {
  return [
    { title: "METRIC", text: (s) => s.metric },
    { title: "TYPE", text: (s) => s.type },
    { title: "VALUE", text: (s) => String(s.value), right: true },
    ...columnTags
      .filter(([, key]) => shown.some((s) => s.tags[key] !== undefined))
      .map(([title, key]) => ({ title, text: (s: Printed) => s.tags[key] ?? "" })),
  ];
}

export function printEstimate(estimate: Estimate, json: boolean, { stdout }: Io): void {
  if (json) return void stdout.write(`${JSON.stringify(estimate, undefined, 1)}\n`);
  const collectors = Object.keys(estimate.per_host.container);
  const columns: readonly Column<string>[] = [
    { title: "SERIES OF ONE HOST", text: (name) => name },
    ...profiles.map((profile): Column<string> => ({
      title: profile,
      text: (name) => String(estimate.per_host[profile][name] ?? 0),
      right: true,
    })),
  ];
  stdout.write(`${table(columns, collectors, stdout.isTTY ?? false).join("\n")}\n`);
  const hosts = estimate.hosts === 1 ? "this host" : `${estimate.hosts} such hosts`;
  stdout.write(`\nWith tags.profile: ${estimate.profile}, ${hosts} would bring ${estimate.total} series an hour.\n`);
  if (estimate.dormant_total > 0)
    stdout.write(
      `${estimate.dormant_total} more counters have moved, but too seldom to do so in every hour: each that does is one more.\n`,
    );
  for (const warning of estimate.warnings) stdout.write(`Warning: ${warning}.\n`);
}
