import { setTimeout as sleep } from "node:timers/promises";
import { type Column, printable, table } from "../emit/console/table.ts";
import type { Sample } from "../emit/sample.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import type { CycleResult } from "./collect.ts";
import { durationFlag } from "./ending.ts";
import { globalTagsOf } from "./global-tags.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UnavailableError } from "./exit-codes.ts";
import { silentLog } from "./log.ts";
import { openSession, type Session } from "./session.ts";

const usage = `usage: overlaywatch check [COLLECTOR...] [--pause 2s] [--raw]

Collects once and prints what would be sent; nothing is sent.
  --pause DURATION   how long counters may grow between the two readings, default 2s
  --raw              the kernel's cumulative values, from one reading
  --json             array of {metric, type, value, tags}
`;

export const command: Command = {
  summary: "collect once and print it",
  usage,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(
      args,
      {
        pause: { type: "string", default: "2s" },
        raw: { type: "boolean", default: false },
      },
      "some",
    );
    const pause = durationFlag("--pause", values.pause);
    const { config } = configOf(values, io);
    const session = openSession(config, { names: positionals, raw: values.raw, log: silentLog });
    try {
      const results = await collect(session, pause, values.raw, io.signal);
      report(results, io);
      print(
        session.profiled(results.flatMap((r) => r.samples)),
        { prefix: config.sinks.dogstatsd.prefix, tags: globalTagsOf(config, io.env) },
        values.json ?? false,
        io,
      );
      return results.every((r) => r.outcome === "ok" || r.outcome === "partial") ? exitCodes.ok : exitCodes.failed;
    } finally {
      await session.close();
    }
  },
};

async function collect(
  session: Session,
  pause: number,
  raw: boolean,
  signal: AbortSignal,
): Promise<readonly CycleResult[]> {
  try {
    await session.docker.synced(signal);
  } catch (cause) {
    throw new UnavailableError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  const cycle = () => Promise.all(session.jobs.map(({ run }) => run(signal)));
  const first = await cycle();
  if (raw) return first;
  await sleep(pause, undefined, { signal });
  return cycle();
}

function report(results: readonly CycleResult[], { stderr }: Io): void {
  for (const { collector, outcome, errors, skipped } of results) {
    for (const error of errors) stderr.write(`${collector}: ${outcome}: ${printable(errorText(error))}\n`);
    const counted = Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`);
    if (counted.length > 0) stderr.write(`${collector}: left out: ${counted.join(", ")}\n`);
  }
}

interface Dressing {
  readonly prefix: string;
  readonly tags: Readonly<Record<string, string>>;
}

function print(samples: readonly Sample[], { prefix, tags }: Dressing, json: boolean, { stdout }: Io): void {
  const printed = samples.map((s) => ({
    metric: prefix + s.name,
    type: s.type,
    value: s.value,
    tags: { ...tags, ...s.tags },
  }));
  if (json) {
    stdout.write(`${JSON.stringify(printed, undefined, 1)}\n`);
    return;
  }
  const shown = printed.filter((s) => s.value !== 0);
  const zero = printed.length - shown.length;
  stdout.write(`${table(columns, shown, stdout.isTTY ?? false).join("\n")}\n`);
  if (zero > 0) stdout.write(`\n${zero} more stand at 0; --json shows them.\n`);
}

type Printed = Sample & { readonly metric: string };

const columns: readonly Column<Omit<Printed, "name">>[] = [
  { title: "METRIC", text: (s) => s.metric },
  { title: "TYPE", text: (s) => s.type },
  { title: "VALUE", text: (s) => String(s.value), right: true },
  { title: "CONTAINER", text: (s) => s.tags["container_name"] ?? "" },
  { title: "NETWORK", text: (s) => s.tags["docker_network"] ?? "" },
  { title: "INTERFACE", text: (s) => s.tags["interface"] ?? "" },
];
