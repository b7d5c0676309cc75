import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { until } from "../../lab/process.ts";
import { type Program, start } from "./program.ts";

const step = z.object({
  collector: z.string(),
  outcome: z.string(),
  samples: z.array(z.object({ name: z.string(), value: z.number(), tags: z.record(z.string(), z.string()) })),
  skipped: z.record(z.string(), z.number()),
  errors: z.array(z.string()),
  /** Milliseconds that the cycle took of the agent's own CPU time, and of that of the programs that it ran to their end. */
  cpu: z.object({ own: z.number(), programs: z.number() }),
});
/** One cycle of one collector. */
export type Step = z.output<typeof step>;

/** Collectors on a host of the lab whose cycles come when they are asked for. */
export class Stepper {
  readonly #program: Program;
  #asked = 0;

  constructor(host: LabHost, collectors: readonly string[], settings: Readonly<Record<string, string>> = {}) {
    const script = `${process.cwd()}/dist/test/accept/stepping.js`;
    const [command, ...rest] = host.argv([process.execPath, script, ...collectors]);
    this.#program = start([command, ...rest], { ...host.environment(), ...settings }, { stdin: "pipe" });
  }

  /** One cycle of each, in their order in the registry. */
  async cycle(): Promise<readonly Step[]> {
    const at = this.#asked++;
    this.#program.child.stdin?.write("\n");
    const line = await until(
      () => this.#program.out().split("\n").slice(0, -1)[at],
      20_000,
      () => new Error(`no cycle came: ${this.#program.err()}`),
    );
    return z.array(step).parse(JSON.parse(line));
  }

  async stop(): Promise<void> {
    this.#program.child.stdin?.end();
    await this.#program.ended;
  }
}
