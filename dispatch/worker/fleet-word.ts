import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { stops } from "../../overlay/remedy/limits.ts";
import type { Job } from "../job.ts";
import { type Heard, type Helper, HelperBusy, type Pause } from "./ask-helper.ts";
import type { Pace } from "./pace.ts";

export interface FleetWord {
  /**
   * `at`: when it was said, in milliseconds since the epoch. Gives why nothing is healed here then; undefined: the helper has
   * kept it before. Rejects where it is not kept.
   */
  readonly pause: (word: Pause & { readonly at: number }) => Promise<Stops | undefined>;
  readonly resume: (word: { readonly at: number }) => Promise<Stops | undefined>;
  /** The end of the pause that the helper was last told; null: that there is none; undefined: it was told nothing yet. */
  readonly kept: () => number | null | undefined;
  /** Why nothing is healed that the helper does not know of yet. */
  readonly stop: () => string | undefined;
  /** The connection to the broker is new: jobs that come through it wait for the gateway's word, but not for long. */
  readonly connected: () => void;
  /** Whether the gateway has said something since, or is not waited for any more. */
  readonly isHeard: () => boolean;
  /** Milliseconds after which a job that waits for it is to ask again; 0: it may begin. */
  readonly hold: (job: Job) => number;
}

interface FleetWordParts {
  readonly helper: Pick<Helper, "pause">;
  /** Of its own: what jobs and questions take is none of it. */
  readonly pace: Pace;
  /** What the helper would not take at first, it has taken: why nothing is healed then. */
  readonly onKept: (stops: Stops) => void;
  /** Milliseconds that the gateway is waited for. */
  readonly waitMs?: number;
  /** Milliseconds until a helper that is busy is told again: it has waited for 10 s itself. */
  readonly againMs?: number;
}

type Stops = readonly string[];

interface Word {
  readonly pause: Pause | undefined;
  readonly at: number;
}

/**
 * What the gateway says of the fleet's pause. This host's helper keeps it, for it is what would heal, whoever asks. Until it
 * has, the worker holds to it itself; then the helper alone decides, for a person on this host may lift it there.
 */
export function fleetWord(parts: FleetWordParts): FleetWord {
  const { waitMs = 3000, onKept } = parts;
  let [last, kept]: [Word | undefined, number | null | undefined] = [undefined, undefined];
  let heardBy = Date.now() + waitMs;
  const keep = keeping(parts, (word) => word === last);
  const tell = async (word: Word): Promise<Stops | undefined> => {
    if (last !== undefined && word.at < last.at) throw new Error(overtaken);
    [last, heardBy] = [word, 0];
    if (kept === untilOf(word)) return undefined;
    const done = (told: Stops) => {
      kept = untilOf(word);
      return told;
    };
    return done(await keep(word, (told) => onKept(done(told))));
  };
  const own = () => (last === undefined || kept === untilOf(last) ? undefined : last.pause);
  // A clock that was set back holds nothing up.
  const left = () => Math.min(waitMs, Math.max(0, heardBy - Date.now()));
  return {
    pause: ({ at, until, reason }) => tell({ at, pause: { until, reason } }),
    resume: ({ at }) => tell({ at, pause: undefined }),
    kept: () => kept,
    stop: () => {
      const fleet = own();
      return fleet && stops({ version: 1, heals: [], fleet }, Date.now())[0];
    },
    connected: () => {
      heardBy = Date.now() + waitMs;
    },
    isHeard: () => left() === 0,
    // The host's own trigger asks for nothing that has come through the broker.
    hold: ({ alert }) => (alert === undefined ? 0 : Math.min(soon, left())),
  };
}

const soon = 100;
const overtaken = "something newer was said of the fleet's pause meanwhile";
const untilOf = ({ pause }: Word): number | null => pause?.until ?? null;

/** One after the other, so that the last word is the last; one that a busy helper has not kept is told again. */
function keeping({ helper, pace, againMs = 2000 }: FleetWordParts, isLast: (word: Word) => boolean) {
  let turn: Promise<unknown> = Promise.resolve();
  const once = async (word: Word): Promise<Stops> => {
    for (;;) {
      if (!isLast(word)) throw new Error(overtaken);
      const ms = pace.wait(true, Date.now());
      if (ms === 0) break;
      await sleep(Math.min(ms, 100), undefined, { ref: false });
    }
    pace.take(Date.now());
    return helper.pause(word.pause, randomBytes(16).toString("hex"));
  };
  const keep = async (word: Word, late: (stops: Stops) => void): Promise<Stops> => {
    const mine = turn.then(() => once(word));
    turn = mine.catch(() => undefined);
    try {
      return await mine;
    } catch (error) {
      // Else the gateway says it again: a helper that is not there is not asked without end.
      if (error instanceof HelperBusy && isLast(word)) void again(word, late).catch(() => undefined);
      throw error;
    }
  };
  const again = async (word: Word, late: (stops: Stops) => void): Promise<void> => {
    await sleep(againMs, undefined, { ref: false });
    late(await keep(word, late));
  };
  return keep;
}

/** The same helper, which is not asked to heal while the worker knows of a pause and it does not. */
export function holding(helper: Helper, { stop }: Pick<FleetWord, "stop">): Helper {
  return {
    ...helper,
    ask: async (verb, trace) => {
      const sentence = verb === "heal" ? stop() : undefined;
      return sentence === undefined ? helper.ask(verb, trace) : refusal(sentence);
    },
  };
}

function refusal(sentence: string): Heard {
  const none = { actions: [], ambiguous: [], loss: [], notes: [], unfinished: [] };
  const refused = [{ rule: "pause", sentence }];
  return {
    kind: "done",
    result: { ...none, outcome: "refused", strategy: "none", verified: false, undo: null, refused },
  };
}
