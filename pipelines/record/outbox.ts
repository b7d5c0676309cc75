import type { Fold } from "./fold.ts";
import type { Draft } from "./stamp.ts";

/** The way out for what is no event. */
export interface Outbox {
  readonly say: (draft: Draft) => void;
  /** Tries again what was refused; to be called several times a second. */
  readonly flush: () => void;
  readonly waiting: () => number;
  /** Given up, since too many waited. */
  readonly dropped: () => number;
}

const most = 512;

/** What is out of date by the next one is not kept for later. */
const shortLived: ReadonlySet<Draft["kind"]> = new Set(["heartbeat", "summary"]);

export function outbox(fold: Pick<Fold, "urgent" | "oldest">): Outbox {
  const waiting: Draft[] = [];
  let dropped = 0;
  const flush = (): void => {
    while (waiting[0] !== undefined && fold.urgent(dated(waiting[0], fold.oldest()))) waiting.shift();
  };
  return {
    flush,
    waiting: () => waiting.length,
    dropped: () => dropped,
    say: (draft) => {
      flush();
      if (waiting.length === 0 && fold.urgent(dated(draft, fold.oldest()))) return;
      if (shortLived.has(draft.kind) || waiting.length >= most) dropped++;
      else waiting.push(draft);
    },
  };
}

/** With the time of the oldest event that is still folded: should the recorder die now, all since then is lost. */
function dated(draft: Draft, oldest: number | undefined): Draft {
  if (oldest === undefined || draft.kind === "gap") return draft;
  return { ...draft, since: Math.min(draft.since ?? oldest, oldest) };
}
