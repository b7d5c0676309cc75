import type { Fleet } from "../../dispatch/nats/ask.ts";
import type { Reply } from "../../dispatch/fleet-questions.ts";
import { connectOnce } from "../../dispatch/nats/connection.ts";
import { type FleetPause, keepFleetPause, PauseTrouble, readFleetPause } from "../../dispatch/nats/fleet-pause.ts";
import { bare } from "../../dispatch/nats/pause-telling.ts";
import type { PauseAnswer } from "../../dispatch/nats/protocol.ts";
import { printable } from "../../host/iproute2/error.ts";
import { brokerOptions, signingKeyOf } from "../broker.ts";
import type { Io } from "../command.ts";
import { milliseconds } from "../config/milliseconds.ts";
import type { Config } from "../config/schema.ts";
import { errorText } from "../error-text.ts";
import { exitCodes, UnavailableError } from "../exit-codes.ts";
import { fleetQuestions } from "../fleet-questions.ts";

/** What a person wants of the whole fleet: to be told how it stands, a pause, or none any more. */
export type Wanted = "told" | "lifted" | { readonly until: number; readonly reason: string };

/** Milliseconds that a host has, as the gateway gives it: its helper waits up to 10 s for a heal that is under way. */
const withinMs = 20_000;

/**
 * Kept at the broker first, which is what all gateways follow; then each host is told. Gives the exit code. Throws
 * `ConfigError`, and `UnavailableError` where nothing was done.
 */
export async function pauseFleet(config: Config, wanted: Wanted, io: Io, asJson: boolean): Promise<number> {
  // It says where to run this, where this is not that machine.
  const fleet = await fleetQuestions(config, withinMs);
  try {
    const pause = await atBroker(config, wanted);
    const hosts = wanted === "told" ? [] : await hostsTold(fleet, pause, io.signal);
    const json = { paused: pause ?? null, hosts };
    io.stdout.write(asJson ? `${JSON.stringify(json, undefined, 1)}\n` : textOf(pause, hosts));
    return hosts.every(({ trouble }) => trouble === undefined) ? exitCodes.ok : exitCodes.failed;
  } finally {
    await fleet.close();
  }
}

/** What holds then. */
async function atBroker(config: Config, wanted: Wanted): Promise<FleetPause | undefined> {
  const signingKey = signingKeyOf(config);
  const connection = await connectOnce(brokerOptions(config, "gateway"));
  const link = { connection, timeoutMs: milliseconds(config.broker.timeout) };
  try {
    if (wanted !== "told") {
      const pause = wanted === "lifted" ? undefined : ({ ...wanted, by: "operator" } as const);
      await keepFleetPause(link, pause, signingKey);
      return pause;
    }
    const { pause } = await readFleetPause(link, signingKey);
    return pause === undefined || pause.until <= Date.now() ? undefined : pause;
  } catch (cause) {
    if (!(cause instanceof PauseTrouble)) throw cause;
    const done = cause.isOpen
      ? `whether it was done is not known: \`overlaywatch pause --fleet\` says it`
      : "nothing was done";
    throw new UnavailableError(`${cause.message}: ${done}`, { cause });
  } finally {
    await connection.close();
  }
}

interface HostTold {
  readonly host: string;
  /** Why it has not taken it; undefined: it has. */
  readonly trouble?: string;
  /** Why nothing is healed there now. */
  readonly paused?: readonly string[];
}

async function hostsTold(
  fleet: Fleet,
  pause: FleetPause | undefined,
  signal: AbortSignal,
): Promise<readonly HostTold[]> {
  try {
    const hosts = await fleet.hosts();
    const asking = pause === undefined ? fleet.resume(hosts, signal) : fleet.pause(hosts, bare(pause), signal);
    return (await asking).map(toldOf);
  } catch (error) {
    return [{ host: "all hosts", trouble: errorText(error) }];
  }
}

const toldOf = (reply: Reply<PauseAnswer>): HostTold =>
  "trouble" in reply ? reply : { host: reply.host, paused: reply.answer.paused };

function textOf(pause: FleetPause | undefined, hosts: readonly HostTold[]): string {
  const taken = hosts.filter(({ trouble }) => trouble === undefined).map(({ host }) => host);
  const left = hosts.filter(({ trouble }) => trouble !== undefined);
  const stopped = pause === undefined ? hosts.filter(({ paused = [] }) => paused.length > 0) : [];
  const lines = [
    stateText(pause),
    ...(hosts.length === 0
      ? []
      : [`${taken.length} of ${hosts.length} hosts have taken it: ${taken.join(", ") || "none"}`]),
    ...stopped.map(({ host, paused = [] }) => `${host} heals nothing all the same: ${paused.join("; ")}`),
    ...left.map(({ host, trouble = "" }) => `${host}: ${trouble}; the gateway tells it when it is back`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function stateText(pause: FleetPause | undefined): string {
  if (pause === undefined) return "The fleet is not paused.";
  const who = pause.by === "breaker" ? " by its breaker" : "";
  return `The whole fleet is paused${who} until ${new Date(pause.until).toISOString()}: ${pause.reason}`;
}
