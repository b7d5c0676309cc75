import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "../../host/until.ts";

/** `overlaywatch` as telegraf starts it: three pipes. */
export interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  /** All that came on stdout and stderr so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Waits until stdout has so many lines that match. */
  readonly lines: (what: RegExp, count: number) => Promise<readonly string[]>;
  /** The exit code and the milliseconds that it took; fails where that is more than 2 s. */
  readonly ended: () => Promise<{ readonly code: number | null }>;
}

const running = new Set<ChildProcessWithoutNullStreams>();

/** Without `reads` nobody reads stdout. */
export function startProgram(
  args: readonly string[],
  { env = {}, reads = true }: { readonly env?: Readonly<Record<string, string>>; readonly reads?: boolean } = {},
): Program {
  const child = spawn(process.execPath, ["dist/agent/main.js", ...args], { env: { ...process.env, ...env } });
  running.add(child);
  const exit = once(child, "exit").finally(() => running.delete(child));
  let [out, err] = ["", ""];
  if (reads) child.stdout.on("data", (chunk) => (out += String(chunk)));
  child.stderr.on("data", (chunk) => (err += String(chunk)));
  // What is written to one that has just ended.
  child.stdin.on("error", () => undefined);
  const matching = (what: RegExp) =>
    out
      .split("\n")
      .slice(0, -1)
      .filter((line) => what.test(line));
  return {
    child,
    out: () => out,
    err: () => err,
    lines: async (what, count) => {
      await until(`${count} lines ${what.source}`, () => matching(what).length >= count, 10_000);
      return matching(what);
    },
    ended: async () => {
      let over = false;
      void exit.then(() => (over = true));
      await until("the program has ended", () => over, 2000);
      return { code: child.exitCode };
    },
  };
}

/** For `afterEach`: ends what a failed test left. */
export function endPrograms(): void {
  for (const child of running) child.kill("SIGKILL");
}
