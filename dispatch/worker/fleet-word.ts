import { randomBytes } from "node:crypto";
import type { Helper, Pause } from "./ask-helper.ts";

export interface FleetWord {
  /** `at`: when it was said, in milliseconds since the epoch. Gives why nothing is healed here then. Rejects where it is not kept. */
  readonly pause: (word: Pause & { readonly at: number }) => Promise<readonly string[]>;
  readonly resume: (word: { readonly at: number }) => Promise<readonly string[]>;
  /** The end of the pause that the helper was last told; null: that there is none; undefined: it was told nothing yet. */
  readonly kept: () => number | null | undefined;
}

/**
 * What the gateway says of the fleet's pause. This host's helper keeps it, for it is what would heal, whoever asks; nothing
 * is decided here. One that is not kept is told again by the gateway, which sees `kept`.
 */
export function fleetWord(helper: Pick<Helper, "pause">): FleetWord {
  let [saidAt, kept]: [number, number | null | undefined] = [-Infinity, undefined];
  let turn: Promise<unknown> = Promise.resolve();
  const tell = async (pause: Pause | undefined, at: number): Promise<readonly string[]> => {
    if (at < saidAt) throw new Error("something newer was said of the fleet's pause meanwhile");
    const stops = await helper.pause(pause, randomBytes(16).toString("hex"));
    [saidAt, kept] = [at, pause?.until ?? null];
    return stops;
  };
  /** One after the other, so that the last word is the last. */
  const inTurn = (pause: Pause | undefined, at: number): Promise<readonly string[]> => {
    const mine = turn.then(() => tell(pause, at));
    turn = mine.catch(() => undefined);
    return mine;
  };
  return {
    pause: ({ at, until, reason }) => inTurn({ until, reason }, at),
    resume: ({ at }) => inTurn(undefined, at),
    kept: () => kept,
  };
}
