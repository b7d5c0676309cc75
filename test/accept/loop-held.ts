import { readFileSync } from "node:fs";
import { z } from "zod";

/** Settings of a program under test that make it write, each second, how long it held its event loop. */
export const loopProbe = (file: string): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${process.cwd()}/dist/test/accept/loop-probe.js`,
  NODE_V8_COVERAGE: "",
  LOOP_PROBE: file,
});

const second = z.object({ max: z.number(), p99: z.number() });

/** What it wrote so far, in milliseconds. */
export function loopHeld(file: string): readonly z.output<typeof second>[] {
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => second.parse(JSON.parse(line)));
}
