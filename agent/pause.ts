import { isReason, longestPause, longestReason } from "../dispatch/helper/protocol.ts";
import { printable } from "../host/iproute2/error.ts";
import { Locked } from "../host/lock.ts";
import { fleetPause, killSwitch, type Limits, type LimitsEvent, pause, stops } from "../overlay/remedy/limits.ts";
import { type Command, configOf, parseCommand } from "./command.ts";
import { durationFlag } from "./ending.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import type { Wanted } from "./fleet/pause.ts";
import { remedyExits } from "./remedy/outcome.ts";
import { remedyState } from "./remedy/state.ts";

const usage = `usage: overlaywatch pause [--for DURATION | --forever | --off] [--reason R]
       overlaywatch pause --fleet [--for DURATION | --off] [--reason R]

While it is paused, no cleanup writes anything, whoever asks: for a maintenance, or when healing itself is in doubt. It is
kept in the state folder and outlives restarts. Without an option it says what is in force.
  --for DURATION   such as 30m or 2h
  --forever        until it is lifted: the kill switch; remedy.enabled: false in the configuration does the same
  --off            lifts both, and closes the breaker
  --reason R       why, for those that find it paused; needed to pause
  --fleet          the whole fleet, for 168h at most: on the gateway's machine. The gateway answers pages with \`paused\`, and
                   each host is told now; who is away is told when it is back. --off lifts that alone, and never what
                   was said on a host; --off on a host lifts both there

Example: overlaywatch pause --for 2h --reason 'switch replaced'

Exit code 0: done, or said; 1: of the fleet, some hosts were not told; 69: the broker can not be asked, nothing was done;
75: another run is at work, nothing was changed.
`;

const options = {
  for: { type: "string" },
  forever: { type: "boolean" },
  off: { type: "boolean" },
  fleet: { type: "boolean" },
  reason: { type: "string" },
} as const;

interface Values {
  readonly for?: string | undefined;
  readonly forever?: boolean | undefined;
  readonly off?: boolean | undefined;
  readonly fleet?: boolean | undefined;
  readonly reason?: string | undefined;
}

export const command: Command = {
  summary: "pause healing, stop it for good, or let it go on",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const { config } = configOf(values, io);
    const now = Date.now();
    if (values.fleet === true) {
      const wanted = ofFleet(values, now);
      return (await import("./fleet/pause.ts")).pauseFleet(config, wanted, io, values.json === true);
    }
    const events = eventsOf(values, now);
    const state = remedyState(config);
    if (events.length > 0) {
      try {
        const lock = await state.lock(`overlaywatch pause, process ${io.pid}`, 10_000);
        await state.add(...events).finally(() => lock.release());
      } catch (error) {
        if (!(error instanceof Locked)) throw error;
        io.stderr.write(`overlaywatch: ${error.message}: nothing was changed\n`);
        return remedyExits.locked;
      }
    }
    const limits = await state.limits(now);
    io.stdout.write(
      values.json === true ? `${JSON.stringify(jsonOf(limits, now), undefined, 1)}\n` : textOf(limits, now),
    );
    return exitCodes.ok;
  },
};

/** Throws `UsageError`. */
function ofFleet(values: Values, now: number): Wanted {
  if (values.forever === true)
    throw new UsageError("--forever: not with --fleet, whose pause ends by itself: give --for, 168h at most");
  const [event] = eventsOf(values, now);
  if (event?.kind !== "paused") return event === undefined ? "told" : "lifted";
  const { until, reason } = event;
  if (until > now + longestPause) throw new UsageError("--for: with --fleet 168h at most");
  if (!isReason(reason)) throw new UsageError(`--reason: ${longestReason} printable characters at most`);
  return { until, reason };
}

/** Throws `UsageError`. */
function eventsOf({ for: time, forever = false, off = false, reason }: Values, now: number): readonly LimitsEvent[] {
  if ([time !== undefined, forever, off].filter(Boolean).length > 1)
    throw new UsageError("--for, --forever and --off: one of them");
  if (off) return [{ kind: "resumed" }, { kind: "revived" }, { kind: "closed" }];
  if (time !== undefined) return [{ kind: "paused", until: now + durationFlag("--for", time), reason: given(reason) }];
  if (forever) return [{ kind: "killed", at: now, reason: given(reason) }];
  if (reason !== undefined) throw new UsageError("--reason: for how long? Give --for 2h, or --forever");
  return [];
}

function given(reason: string | undefined): string {
  if (reason === undefined || reason.trim() === "") throw new UsageError("--reason is missing: others will ask why");
  return reason;
}

function jsonOf(limits: Limits, now: number) {
  const standing = [killSwitch(limits), pause(limits, now), fleetPause(limits, now)];
  return { paused: standing.some((one) => one !== undefined), sentences: stops(limits, now) };
}

function textOf(limits: Limits, now: number): string {
  const sentences = stops(limits, now);
  return sentences.length === 0 ? "Not paused.\n" : `${sentences.map((one) => printable(one)).join("\n")}\n`;
}
