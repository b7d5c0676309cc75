import { liveClock } from "../host/clock.ts";
import { faultNames, faults, type FaultSettings, isFaultName } from "../standin/faults.ts";
import { startStandin, type Standin, type StandinOptions } from "../standin/standin.ts";
import { BadSetting, resolveTransport, type Transport } from "../emit/dogstatsd/transport.ts";
import { type Command, type Io, parseCommand } from "./command.ts";
import { nearestOf } from "./config/nearest.ts";
import { aborted, durationFlag } from "./ending.ts";
import { errorText } from "./error-text.ts";
import { hostKey } from "./host-key.ts";
import { exitCodes, UnavailableError, UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch standin [--port N] [--seed N] [--state FILE] [--faults FAULT=SHARE,...]

A stand-in for Datadog's API on this machine, until SIGTERM: monitors, dashboards, webhooks, events. Says its address and
the keys to use. With --dogstatsd it evaluates monitors as well, and calls their webhooks.
  --port N        on 127.0.0.1; a free one by default
  --host ADDRESS  in place of 127.0.0.1: whoever reaches it can read and change all it keeps
  --orgs N        how many organisations, each with keys of its own; 2 by default
  --seed N        of keys, ids and faults: the same ones for the same seed; 1 by default
  --state FILE    keeps what was made, over a restart
  --faults LIST   the share of requests, from 0 to 1, that goes wrong in each way: 429=0.1,cut=0.05
  --lag DURATION  how far a stale read looks back; 2s by default
  --unlimited     no limit of requests holds
  --dogstatsd URL       receives metrics at udp://127.0.0.1:PORT or unix:///PATH, as the agent does, and evaluates the
                        first organisation's monitors by them
  --hostname NAME       what such an agent calls its host, where a sample has no tag host:; this host's name by default
  --evaluate DURATION   how often, 60s by default, as Datadog does
  --json          one line: {url, dogstatsd: [URL], organisations: [{id, name, api_key, app_key}]}
Faults:
${faultNames.map((name) => `  ${name.padEnd(14)}  ${faults[name].why}\n`).join("")}
Example: overlaywatch standin --port 8126 --dogstatsd udp://127.0.0.1:8125

Exit code 0: ended by SIGTERM; 69: it can not listen there, or read its state.
`;

const table = {
  port: { type: "string", default: "0" },
  host: { type: "string", default: "127.0.0.1" },
  orgs: { type: "string", default: "2" },
  seed: { type: "string", default: "1" },
  state: { type: "string" },
  faults: { type: "string", default: "" },
  lag: { type: "string", default: "2s" },
  unlimited: { type: "boolean", default: false },
  dogstatsd: { type: "string" },
  hostname: { type: "string" },
  evaluate: { type: "string" },
} as const;

export const command: Command = {
  summary: "a stand-in for Datadog's API, for trying out and for tests",
  usage,
  options: table,
  run: async (args, io) => {
    const { values } = parseCommand(args, table);
    const standin = await start({
      clock: liveClock,
      host: values.host,
      port: wholeFlag("--port", values.port, 0, 65_535),
      organisations: wholeFlag("--orgs", values.orgs, 1, 100),
      seed: wholeFlag("--seed", values.seed, 0, 2 ** 31),
      unlimited: values.unlimited,
      onProblem: (error) => void io.stderr.write(`standin: ${errorText(error)}\n`),
      faults: { rates: ratesOf(values.faults), lag: durationFlag("--lag", values.lag) },
      ...(values.state === undefined ? {} : { state: values.state }),
      ...evaluationOf(values),
    });
    tell(standin, values.json === true, io);
    await aborted(io.signal);
    await standin.close();
    return exitCodes.ok;
  },
};

async function start(options: StandinOptions): Promise<Standin> {
  try {
    return await startStandin(options);
  } catch (cause) {
    const isTaken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
    const advice = isTaken ? " (another program listens there; choose another --port, or leave it out)" : "";
    throw new UnavailableError(`standin: cannot start: ${errorText(cause)}${advice}`, { cause });
  }
}

interface EvaluationFlags {
  readonly dogstatsd?: string | undefined;
  readonly hostname?: string | undefined;
  readonly evaluate?: string | undefined;
}

/** Throws `UsageError`. */
function evaluationOf({
  dogstatsd,
  hostname,
  evaluate: evaluated,
}: EvaluationFlags): Pick<StandinOptions, "dogstatsd" | "evaluateEvery"> {
  if (dogstatsd === undefined && (hostname ?? evaluated) !== undefined)
    throw new UsageError("--hostname, --evaluate: nothing is evaluated without --dogstatsd URL");
  const evaluate = evaluated ?? "60s";
  const every = durationFlag("--evaluate", evaluate);
  if (every === 0) throw new UsageError(`--evaluate ${evaluate}: expected more than 0`);
  if (dogstatsd === undefined) return {};
  const transport = transportOf(dogstatsd);
  return {
    evaluateEvery: every,
    dogstatsd: {
      hostname: hostname ?? hostKey(),
      ...(transport.kind === "uds" ? { uds: { path: transport.path } } : { udp: transport }),
    },
  };
}

function transportOf(url: string): Transport {
  try {
    return resolveTransport({ setting: { url, name: `--dogstatsd ${url}` }, env: {} }).transport;
  } catch (error) {
    if (error instanceof BadSetting) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function wholeFlag(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d{1,10}$/u.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${flag} ${text}: expected a whole number from ${least} to ${most}`);
}

function ratesOf(text: string): FaultSettings["rates"] {
  const entries = text
    .split(",")
    .filter((one) => one !== "")
    .map((one): readonly [string, number] => {
      const [name = "", share = ""] = one.split("=");
      if (!isFaultName(name))
        throw new UsageError(`--faults ${name}: there is no such fault${nearestOf(name, faultNames)}`);
      const value = Number(share);
      if (share === "" || !(value >= 0 && value <= 1))
        throw new UsageError(`--faults ${one}: expected a share from 0 to 1, as in ${name}=0.1`);
      return [name, value];
    });
  return Object.fromEntries(entries);
}

function tell({ url, organisations, dogstatsd }: Standin, asJson: boolean, { stdout }: Io): void {
  const shown = organisations.map(({ id, name, apiKey, appKey }) => ({ id, name, api_key: apiKey, app_key: appKey }));
  if (asJson) return void stdout.write(`${JSON.stringify({ url, dogstatsd, organisations: shown })}\n`);
  const lines = shown.map(
    (one) => `organisation ${one.id} (${one.name}): DD_API_KEY=${one.api_key} DD_APP_KEY=${one.app_key}\n`,
  );
  const metrics = dogstatsd.map((one) => `receiving metrics on ${one}\n`);
  stdout.write(`listening on ${url}\n${metrics.join("")}${lines.join("")}`);
}
