import type { RecorderSocket } from "../entry.ts";
import type { Scope } from "./fold.ts";
import type { Suspect } from "./misplaced.ts";
import type { Draft } from "./stamp.ts";
import { summaryOf, type Tally } from "./tally.ts";

/** Entries that are no event, each with the sentence that people read. Times are microseconds since the epoch. */
interface Span {
  readonly since: number;
  readonly until: number;
}

export interface Loss extends Span {
  readonly count: number;
}

export function heldOf(scope: Scope, state: "up" | "down"): Draft {
  const message = `${state === "up" ? "recording" : "no longer recording"} ${scope.network}`;
  return { kind: "namespace", ...scope, state, message };
}

export function gapOf(scope: Scope, socket: RecorderSocket, span: Span): Draft {
  const message = `ip for the ${socket} socket was not at work: what happened on ${scope.network} then is unknown`;
  return { kind: "gap", ...scope, socket, ...span, message };
}

export function overrunOf(scope: Scope, socket: RecorderSocket, loss: Loss): Draft {
  const message = `the kernel dropped ${loss.count} messages for the ${socket} socket on ${scope.network}: its receive buffer was full`;
  return { kind: "overrun", ...scope, socket, ...loss, message };
}

export function misplacedOf(scope: Scope, state: "on" | "off", { mac, container, share }: Suspect): Draft {
  const message =
    state === "on"
      ? `${container} (${mac}) on ${scope.network} is misplaced: of the last 2 s its MAC was on the vxlan port for ${(share * 100).toFixed(1)} %, frames to it leave this host's bridge the wrong way`
      : `${container} (${mac}) on ${scope.network} is not misplaced any more`;
  return { kind: "misplaced", ...scope, state, mac, container, share: rounded(share), message };
}

export function minuteOf(scope: Scope, minute: Tally, misplaced: readonly string[]): Draft {
  const { moves, flaps, vtepChanges, events, largestShare } = minute;
  const message = summaryOf(scope.network, minute, misplaced);
  return { kind: "summary", ...scope, count: events, moves, flaps, vtepChanges, share: rounded(largestShare), message };
}

const rounded = (share: number): number => Number(share.toFixed(4));
