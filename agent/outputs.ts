import { setTimeout as sleep } from "node:timers/promises";
import type { Health } from "../collectors/collector.ts";
import { leanTags } from "../collectors/profile.ts";
import { resolveGlobalTags } from "../emit/dogstatsd/global-tags.ts";
import type { DogstatsdSink } from "../emit/dogstatsd/sink.ts";
import type { EventDraft } from "../emit/event.ts";
import type { Sample } from "../emit/sample.ts";
import { SeriesGate } from "../emit/series-gate.ts";
import type { Sink } from "../emit/sink.ts";
import type { Io } from "./command.ts";
import { quietGauges, worstGauges } from "./catalogue.ts";
import { milliseconds } from "./config/milliseconds.ts";
import { streamLog } from "./log.ts";
import { globalTagsOf } from "./global-tags.ts";
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
  readonly serviceCheck: (name: ServiceCheckName, health: Health) => void;
  /** To people and to the network, where it knows events. */
  readonly event: (event: EventDraft) => void;
  readonly sinks: () => readonly Sink[];
  /** Resolves when all that was written before was handed to the network; or after 5 s, for a reader that does not read. */
  readonly flush: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const flushWithin = 5000;

/** `onGone` is called when nobody will read stdout any more, where samples go there. */
export async function openOutputs(
  config: Config,
  session: Pick<Session, "profiled">,
  io: Io,
  onGone: () => void,
): Promise<Outputs> {
  const wanted = new Set(config.sinks.enabled);
  const forPeople: readonly Sink[] = wanted.has("console") ? [await openConsole(io)] : [];
  const checked = wanted.has("dogstatsd") ? [await openDogstatsd(config, io)] : [];
  const network: readonly Sink[] = [
    ...checked,
    ...(wanted.has("influx") ? [await openInflux(config, io, onGone)] : []),
  ];
  const gate = openGate(config);
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
    serviceCheck: (name, { status, message }) => {
      for (const sink of checked) sink.serviceCheck(name, status, message === undefined ? {} : { message });
    },
    event: (event) => {
      for (const sink of all) sink.event?.(event);
    },
    sinks: () => all,
    flush: () => flushed(network),
    close: async () => {
      await Promise.allSettled(all.map((sink) => sink.close()));
    },
  };
}

function openGate({ sinks: { dogstatsd }, tags }: Config): SeriesGate {
  return new SeriesGate({
    maxSeries: dogstatsd.max_series,
    idle: milliseconds(dogstatsd.idle),
    quietGauges: quietGauges(),
    byMax: worstGauges(),
    fold: leanTags(Object.values(tags.labels)),
  });
}

async function flushed(sinks: readonly Sink[]): Promise<void> {
  const all = Promise.allSettled(sinks.map((sink) => sink.flush()));
  await Promise.race([all, sleep(flushWithin, undefined, { ref: false })]);
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

async function openDogstatsd(config: Config, { env, stderr }: Io): Promise<DogstatsdSink> {
  const [{ dogstatsdSink }, { transportOf, warnUnheard }] = await Promise.all([
    import("../emit/dogstatsd/sink.ts"),
    import("./transport.ts"),
  ]);
  const resolved = transportOf(config, env);
  void warnUnheard(resolved, streamLog(stderr));
  return dogstatsdSink({
    transport: resolved.transport,
    prefix: config.sinks.dogstatsd.prefix,
    globalTags: resolveGlobalTags(config.tags.global, env),
  });
}

async function openInflux(config: Config, { env, stdout }: Io, onGone: () => void): Promise<Sink> {
  const { influxSink } = await import("../emit/influx/sink.ts");
  // The line protocol has no tags without a value: telegraf's statsd input makes them "true" as well.
  const tags = Object.entries(globalTagsOf(config, env)).map(([k, v]) => [k, v === "" ? "true" : v] as const);
  return influxSink({
    out: stdout,
    prefix: config.sinks.dogstatsd.prefix,
    globalTags: Object.fromEntries(tags),
    onGone,
  });
}
