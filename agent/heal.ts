import { ownUser } from "../host/own-user.ts";
import type { CycleResult } from "./collect.ts";
import type { Config } from "./config/schema.ts";
import { errorText } from "./error-text.ts";
import type { Log } from "./log.ts";
import type { Notes } from "./notes.ts";
import { cleanup } from "./remedy/cleanup.ts";
import { remedyNote } from "./remedy/note.ts";
import type { CleanupJson } from "./remedy/outcome.ts";
import { remedyState } from "./remedy/state.ts";
import { wardOn } from "./remedy/ward.ts";
import type { RunState } from "./run-state.ts";
import type { Session } from "./session.ts";

/** Healing by a running agent, by itself. */
export interface Healing {
  /** The recorder of this process says that somebody is misplaced. */
  readonly misplaced: () => void;
  /** What a collector found: an active finding is a reason to look. */
  readonly found: (result: CycleResult) => void;
  readonly state: () => NonNullable<RunState["heal"]>;
  /** A cleanup that has begun is brought to its end. */
  readonly close: () => Promise<void>;
}

interface Environment {
  readonly config: Config;
  readonly mode: "observe" | "auto";
  readonly session: Session;
  /** Whether the recorder of this process says that somebody is misplaced. */
  readonly misplaced: () => boolean;
  readonly notes: Notes;
  readonly log: Log;
  readonly pid: number;
}

/** Milliseconds: after the last change of containers, between two looks, and between those that only keep pins. */
const [settle, apart, pinsEvery, watchEvery] = [1000, 5000, 60_000, 1000];

/**
 * Looks when the recorder or a collector found something, and when containers came or went: then pins that went with
 * their veth come back, before their rows do harm. Nothing is looked at without a reason.
 */
export function openHealing(environment: Environment): Healing {
  const { config, mode, session, misplaced, log } = environment;
  if (ownUser() !== 0) log.warn("heal: needs root: nothing is healed by this agent");
  const state = remedyState(config);
  const end = new AbortController();
  const healer = { ...environment, end: end.signal, last: undefined, told: "" } satisfies Healer;
  const looks = spaced(async () => round(healer), apart);
  const lookIfPinned = async (): Promise<void> => {
    const { pins = [] } = await state.limits(Date.now()).catch(() => ({ pins: [] }));
    if (pins.length > 0) looks.ask();
  };
  const lookForPins = (): void => void lookIfPinned();
  let changed: NodeJS.Timeout | undefined;
  const stopWatching = session.docker.onChange(() => {
    clearTimeout(changed);
    changed = setTimeout(lookForPins, settle);
  });
  const timers = [
    setInterval(() => {
      if (misplaced()) looks.ask();
    }, watchEvery),
    setInterval(lookForPins, pinsEvery),
  ];
  return {
    misplaced: looks.ask,
    found: ({ findings }) => {
      if (findings?.found.some(({ finding }) => finding.state === "active") === true) looks.ask();
    },
    state: () => ({ mode, ...(healer.last !== undefined && { last: healer.last }) }),
    close: async () => {
      end.abort(new Error("the agent ends"));
      stopWatching();
      clearTimeout(changed);
      timers.forEach((timer) => clearInterval(timer));
      await looks.close();
    },
  };
}

/** Does it when asked: never twice at once, and so many milliseconds apart. What is asked for too early is done later, once. */
function spaced(work: () => Promise<void>, ms: number) {
  let [underWay, began, due]: [Promise<void> | undefined, number, NodeJS.Timeout | undefined] = [
    undefined,
    -ms,
    undefined,
  ];
  let [asked, closed] = [false, false];
  const next = (): void => {
    if (!asked || closed || underWay !== undefined || due !== undefined) return;
    due = setTimeout(run, Math.max(0, began + ms - performance.now()));
  };
  const run = (): void => {
    [due, asked, began] = [undefined, false, performance.now()];
    underWay = work().finally(() => {
      underWay = undefined;
      next();
    });
  };
  return {
    ask: () => {
      asked = true;
      next();
    },
    close: async () => {
      closed = true;
      clearTimeout(due);
      await underWay;
    },
  };
}

interface Healer extends Environment {
  readonly end: AbortSignal;
  last: NonNullable<RunState["heal"]>["last"];
  /** What was told last: one that stays the same is not told again. */
  told: string;
}

async function round(healer: Healer): Promise<void> {
  const { config, mode, session, log, pid, end } = healer;
  try {
    const json = await cleanup(
      config,
      {
        apply: mode === "auto",
        strategy: config.remedy.strategy,
        all: false,
        repin: true,
        who: "automatic",
        network: undefined,
        holder: `overlaywatch run --heal ${mode}, process ${pid}`,
      },
      end,
      async () => wardOn(config, session, end),
    );
    tell(healer, json);
  } catch (error) {
    if (!end.aborted) log.error(`heal: ${errorText(error)}`);
  }
}

function tell(healer: Healer, json: CleanupJson): void {
  const { log, notes } = healer;
  const note = remedyNote(json);
  healer.last = { at: Date.now(), outcome: json.outcome, changes: json.actions.length };
  if (note === undefined) healer.told = "";
  if (note === undefined || note.message === healer.told) return;
  healer.told = note.message;
  notes.write(note);
  const isGood = json.outcome === "cured" || json.outcome === "planned";
  if (isGood) log.info(`heal: ${note.message}`);
  else log.warn(`heal: ${note.message}`);
}
