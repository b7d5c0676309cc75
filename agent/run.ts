import { setTimeout as sleep } from "node:timers/promises";
import { type Command, configOf, parseCommand } from "./command.ts";
import type { CycleResult } from "./collect.ts";
import { aborted, endingOf } from "./ending.ts";
import { errorText } from "./error-text.ts";
import { exitCodes } from "./exit-codes.ts";
import { type Log, streamLog } from "./log.ts";
import { every } from "./schedule.ts";
import { selfMetrics } from "./self-metrics.ts";
import { hostKey, openSession, type Session } from "./session.ts";
import { type Outputs, openOutputs } from "./outputs.ts";

const usage = `usage: overlaywatch run [NAME...] [--sink SINK]... [--for DURATION]

Runs everything that is enabled, or only the named collectors, until SIGTERM.
  --sink SINK      dogstatsd, console (a live table) or none; may be given several times
  --for DURATION   ends by itself after that time
`;

export const command: Command = {
  summary: "collect and send, until SIGTERM",
  usage,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(
      args,
      {
        sink: { type: "string", multiple: true },
        for: { type: "string" },
      },
      "some",
    );
    const sinks = values.sink?.flatMap((names) => names.split(","));
    const { config } = configOf(
      values,
      io,
      sinks === undefined ? [] : [{ path: ["sinks", "enabled"], value: sinks, origin: "--sink" }],
    );
    const ending = endingOf(values.for, io.signal);
    const log = streamLog(io.stderr);
    const session = openSession(config, { names: positionals, log });
    try {
      await serve(session, await openOutputs(config, session, io), log, ending);
    } finally {
      await Promise.race([session.close(), sleep(grace / 2)]);
    }
    return exitCodes.ok;
  },
};

/** How long a run that is under way, and then each sink, may take at the end, in milliseconds. */
const grace = 500;

async function serve(session: Session, outputs: Outputs, log: Log, ending: AbortSignal): Promise<void> {
  const self = selfMetrics(session, outputs);
  const running = new Set<Promise<void>>();
  const cycle = (run: Session["jobs"][number]["run"]) => {
    const one = run(ending).then((result) => deliver(result, session, outputs, self, log, ending));
    running.add(one);
    return one.finally(() => running.delete(one));
  };
  await Promise.race([
    session.docker.synced(ending).catch((e: unknown) => log.warn(`${errorText(e)}; trying again`)),
    aborted(ending),
  ]);
  const stops = session.jobs.map(({ name, interval, run }) => {
    // The first reading only sets the counters' base: the next one, at its even second, is the first to send.
    const first = cycle(run);
    return every({
      name,
      interval,
      host: hostKey(),
      // Two at once would mix up what each takes for the last reading.
      run: async () => {
        await first;
        await cycle(run);
      },
      missed: () => log.warn(`${name}: a run came due while the last one had not ended: left out`, name),
    });
  });
  await aborted(ending);
  await Promise.all(stops.map((stop) => stop()));
  await Promise.race([Promise.allSettled(running), sleep(grace)]);
  await Promise.race([outputs.close(), sleep(2 * grace)]);
}

type SelfMetrics = ReturnType<typeof selfMetrics>;

function deliver(
  result: CycleResult,
  { docker }: Session,
  outputs: Outputs,
  self: SelfMetrics,
  log: Log,
  ending: AbortSignal,
): void {
  const cut = ending.aborted && result.outcome === "timeout";
  if (!cut) tell(result, log);
  outputs.write(result.samples, result.at);
  if (cut) return;
  outputs.writeSelf(self(result), result.at);
  const { state, error = "Docker does not answer" } = docker.inventory();
  outputs.canConnect(state === "live" ? undefined : error);
  for (const trouble of outputs.troubles()) log.warn(trouble);
}

/** `absent` is a normal state of some hosts: said once by the first warning, never at each run. */
function tell({ collector, outcome, errors }: CycleResult, log: Log): void {
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const level = outcome === "failed" || outcome === "timeout" ? "error" : "warn";
  log[level](`${collector}: ${outcome}: ${errorText(first)}${more}`, `${collector} ${outcome}`);
}
