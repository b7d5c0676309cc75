import type { Io } from "../command.ts";
import type { Step } from "./timeline.ts";
import { wordsOf } from "./words.ts";

/** Where the story is told. */
export interface Screen {
  readonly tell: (step: Step) => void;
  /** What goes on until the next step: on a terminal alone, and gone then. */
  readonly wait: (what: string) => void;
  readonly close: () => void;
}

/** For machines: a line of JSON each step. */
export function jsonScreen({ stdout }: Io): Screen {
  return {
    tell: (step) => void stdout.write(`${JSON.stringify(step)}\n`),
    wait: () => undefined,
    close: () => undefined,
  };
}

/** For people: colours on a terminal only, and not where NO_COLOR is set. */
export function textScreen({ stdout, env }: Io): Screen {
  const terminal = stdout.isTTY ?? false;
  const colors = terminal && (env["NO_COLOR"] ?? "") === "";
  let ticking: NodeJS.Timeout | undefined;
  const clear = (): void => {
    if (ticking === undefined) return;
    clearInterval(ticking);
    ticking = undefined;
    stdout.write("\r\u001B[K");
  };
  return {
    tell: (step) => {
      clear();
      stdout.write(wordsOf(step, { colors, columns: Math.min(100, Math.max(60, stdout.columns ?? 80)) }));
    },
    wait: (what) => {
      clear();
      if (!terminal) return;
      const began = Date.now();
      const show = () =>
        void stdout.write(`\r\u001B[K          ${what} ... ${Math.floor((Date.now() - began) / 1000)} s`);
      show();
      ticking = setInterval(show, 1000);
    },
    close: clear,
  };
}
