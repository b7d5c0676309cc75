import { type Column, printable, table } from "../emit/console/table.ts";
import { ago } from "./ago.ts";
import { type Command, configOf, parseCommand } from "./command.ts";
import { errorText } from "./error-text.ts";
import { exitCodes } from "./exit-codes.ts";
import type { RunState } from "./run-state.ts";
import { runningAgents } from "./status-socket.ts";
import { describeWorker, workerStatus } from "./worker-status.ts";

const usage = `usage: overlaywatch status

What the agents that run on this host (with the same --state-dir) last did, and the worker, where this user may ask it.

Example: overlaywatch status --json

Exit code 0: all that run here answered; 1: none runs, or one does not answer.
`;

export const command: Command = {
  summary: "what the running agent and the worker last did",
  usage,
  options: {},
  run: async (args, io) => {
    const { values } = parseCommand(args, {});
    const { config } = configOf(values, io);
    const [{ agents, errors }, worker] = await Promise.all([
      runningAgents(config.paths.state_dir),
      workerStatus(config),
    ]);
    for (const error of errors) io.stderr.write(`${printable(errorText(error))}\n`);
    const isAny = agents.length > 0 || worker !== undefined;
    const now = Date.now();
    const told = [
      ...agents.map((agent) => describe(agent, now, io.stdout.isTTY ?? false)),
      ...(worker === undefined ? [] : [describeWorker(worker, (then) => ago(then, now)).join("\n")]),
    ];
    if (values.json === true) io.stdout.write(`${JSON.stringify({ agents, worker }, undefined, 1)}\n`);
    else if (isAny) io.stdout.write(told.join("\n"));
    else if (errors.length === 0)
      io.stderr.write(
        `no agent runs here (looked in ${config.paths.state_dir}): start one with \`overlaywatch run\`, or give its --state-dir\n`,
      );
    return isAny && errors.length === 0 ? exitCodes.ok : exitCodes.failed;
  },
};

type CollectorState = RunState["collectors"][number];

function describe(agent: RunState, now: number, colors: boolean): string {
  const { docker, series, sinks } = agent;
  const lines = [
    `Agent (pid ${agent.pid})`,
    `  running for ${ago(agent.started, now)}, ${series} series in the last hour`,
    "",
    "Docker",
    `  ${docker.state}, ${docker.containers} containers${docker.state === "never" ? "" : `, confirmed ${ago(docker.as_of, now)} ago`}`,
    ...(docker.error === undefined ? [] : [`  ${printable(docker.error)}`]),
    "",
    "Collectors",
    ...table(collectorColumns(now), agent.collectors, colors).map((line) => `  ${line}`),
    ...agent.collectors.flatMap(({ name, last }) =>
      (last?.errors ?? []).slice(0, 5).map((error) => `  ${name}: ${printable(error)}`),
    ),
    "",
    ...describePipeline(agent.pipeline),
    ...describeHeal(agent.heal, now),
    "Sinks",
    ...sinks.flatMap(({ name, samples, dropped, last_error }) => [
      `  ${name}: ${samples} samples sent${lost(dropped)}`,
      ...(last_error === undefined ? [] : [`    last error: ${printable(last_error)}`]),
    ]),
    "",
  ];
  return lines.join("\n");
}

function describePipeline({ record, follow }: RunState["pipeline"]): readonly string[] {
  if (record === undefined && follow === undefined) return [];
  return [
    "Pipeline",
    ...(record === undefined ? [] : describeRecord(record)),
    ...(follow === undefined ? [] : [describeFollow(follow)]),
    "",
  ];
}

function describeRecord({
  entries,
  events,
  journal,
  namespaces,
}: NonNullable<RunState["pipeline"]["record"]>): readonly string[] {
  return [
    `  record: ${events} events of ${namespaces.length} networks in ${entries} journal entries, journal ${journal}`,
    ...namespaces
      .filter(({ misplaced }) => misplaced.length > 0)
      .map(({ network, misplaced }) => `    ${printable(network)}: misplaced: ${misplaced.map(printable).join(", ")}`),
  ];
}

function describeFollow({
  catching_up,
  lag_seconds,
  health,
  message,
}: NonNullable<RunState["pipeline"]["follow"]>): string {
  const lag = lag_seconds === undefined ? "" : `, last entry read ${lag_seconds.toFixed(1)} s after it was written`;
  return `  follow: ${health}${message === undefined ? "" : ` (${printable(message)})`}${catching_up ? ", catching up" : ""}${lag}`;
}

function describeHeal(heal: RunState["heal"], now: number): readonly string[] {
  if (heal === undefined) return [];
  const { mode, last } = heal;
  const said =
    last === undefined ? "no reason to look yet" : `${last.outcome}, ${last.changes} changes, ${ago(last.at, now)} ago`;
  return ["Healing", `  ${mode}: ${said}`, ""];
}

function collectorColumns(now: number): readonly Column<CollectorState>[] {
  return [
    { title: "NAME", text: ({ name }) => name },
    { title: "EVERY", text: (c) => `${c.interval_seconds}s`, right: true },
    { title: "RUNS", text: ({ runs }) => String(Object.values(runs).reduce((a, b) => a + b, 0)), right: true },
    { title: "LAST", text: ({ last }) => (last === undefined ? "never" : `${ago(last.at, now)} ago`), right: true },
    {
      title: "OUTCOME",
      text: ({ last }) => last?.outcome ?? "",
      color: ({ last }) => (last === undefined || last.outcome === "ok" ? undefined : "red"),
    },
    {
      title: "TOOK",
      text: ({ last }) => (last === undefined ? "" : `${(last.seconds * 1000).toFixed(1)} ms`),
      right: true,
    },
    { title: "SAMPLES", text: ({ last }) => String(last?.samples ?? ""), right: true },
    {
      title: "LEFT OUT",
      text: ({ last }) =>
        Object.entries(last?.skipped ?? {})
          .map(([reason, n]) => `${n} ${reason}`)
          .join(", "),
    },
  ];
}

function lost(dropped: Readonly<Record<string, number>>): string {
  const parts = Object.entries(dropped).map(([reason, n]) => `${n} ${reason}`);
  return parts.length === 0 ? "" : `; lost: ${parts.join(", ")}`;
}
