import { leanTags } from "../collectors/profile.ts";
import { resolveGlobalTags } from "../emit/dogstatsd/global-tags.ts";
import type { DogstatsdSink } from "../emit/dogstatsd/sink.ts";
import type { Sample } from "../emit/sample.ts";
import { SeriesGate } from "../emit/series-gate.ts";
import type { Sink } from "../emit/sink.ts";
import type { Io } from "./command.ts";
import { quietGauges } from "./catalogue.ts";
import { milliseconds } from "./config/duration.ts";
import type { Config } from "./config/schema.ts";
import type { ServiceCheckName } from "./service-checks.ts";
import type { Session } from "./session.ts";

/** Where a running agent's samples go: people see all of them, the network gets what the profile and the budget let through. */
export interface Outputs {
  /** Samples of one cycle, at its time in milliseconds since the epoch. */
  readonly write: (samples: readonly Sample[], at: number) => void;
  /** The agent's own metrics: to the network only. */
  readonly writeSelf: (samples: readonly Sample[], at: number) => void;
  /** Distinct series sent within the last hour. */
  readonly series: () => number;
  /** Samples lost or folded so far: sink, reason, total. */
  readonly dropped: () => readonly (readonly [string, string, number])[];
  /** OK, or CRITICAL with the problem as its message. */
  readonly serviceCheck: (name: ServiceCheckName, problem: string | undefined) => void;
  readonly sinks: () => readonly Sink[];
  readonly close: () => Promise<void>;
}

export async function openOutputs(config: Config, session: Session, io: Io): Promise<Outputs> {
  const wanted = new Set(config.sinks.enabled);
  const forPeople: readonly Sink[] = wanted.has("console") ? [await openConsole(io)] : [];
  const network = wanted.has("dogstatsd") ? [await openDogstatsd(config, io)] : [];
  const gate = new SeriesGate({
    maxSeries: config.sinks.dogstatsd.max_series,
    idle: milliseconds(config.sinks.dogstatsd.idle),
    quietGauges: quietGauges(),
    fold: leanTags(Object.values(config.tags.labels)),
  });
  let folded = 0;
  const send = (samples: readonly Sample[], at: number) => {
    const gated = gate.pass(samples, at);
    folded += gated.folded;
    for (const sink of network) sink.write(gated.samples, at);
  };
  const all = [...forPeople, ...network];
  return {
    write: (samples, at) => {
      for (const sink of forPeople) sink.write(samples, at);
      send(session.profiled(samples), at);
    },
    writeSelf: send,
    series: () => gate.size,
    dropped: () => [
      ...all.flatMap((sink) =>
        Object.entries(sink.stats().dropped).map(([reason, n]) => [sink.name, reason, n] as const),
      ),
      ["all", "over_budget", folded] as const,
    ],
    serviceCheck: (name, problem) => {
      for (const sink of network)
        sink.serviceCheck(
          name,
          problem === undefined ? "ok" : "critical",
          problem === undefined ? {} : { message: problem },
        );
    },
    sinks: () => all,
    close: async () => {
      await Promise.allSettled(all.map((sink) => sink.close()));
    },
  };
}

async function openConsole({ stdout }: Io): Promise<Sink> {
  const { consoleSink } = await import("../emit/console/sink.ts");
  return consoleSink({
    out: stdout,
    terminal: stdout.isTTY ?? false,
    size: () => ({ rows: stdout.rows ?? 24, columns: stdout.columns ?? 80 }),
    title: "overlaywatch",
  });
}

async function openDogstatsd(config: Config, { env }: Io): Promise<DogstatsdSink> {
  const [{ dogstatsdSink }, { transportOf }] = await Promise.all([
    import("../emit/dogstatsd/sink.ts"),
    import("./transport.ts"),
  ]);
  return dogstatsdSink({
    transport: transportOf(config, env).transport,
    prefix: config.sinks.dogstatsd.prefix,
    globalTags: resolveGlobalTags(config.tags.global, env),
  });
}
