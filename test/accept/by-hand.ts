import { spawn } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { start } from "./program.ts";

/** The scripts that a person runs, on a host of the lab, with a state folder of their own. */
export class ByHand {
  readonly host: LabHost;
  readonly #script: string;
  readonly #state: string;

  constructor(host: LabHost, script: "disconnect-stale-endpoints" | "docker-state-cleanup", state: string) {
    this.host = host;
    this.#script = join(process.cwd(), "scripts", script);
    this.#state = state;
  }

  /** To its end, without a terminal. */
  async run(...args: readonly string[]) {
    const [command, ...rest] = this.#argv([this.#script, ...args, "--json", "--state-dir", this.#state]);
    const program = start([command, ...rest], this.host.environment());
    const code = await program.ended;
    if (code === 64) return { code, json: undefined, out: program.err() };
    return { code, json: said.parse(JSON.parse(program.out())), out: program.out() + program.err() };
  }

  /** On a terminal (script(1) makes one), where `typed` is typed once it asks. */
  async typed(typed: string, ...args: readonly string[]) {
    const line = [this.#script, ...args, "--state-dir", this.#state].join(" ");
    const [command, ...rest] = this.#argv(["/usr/bin/script", "--quiet", "--return", "--command", line, "/dev/null"]);
    const child = spawn(command, rest, { env: this.host.environment(), stdio: ["pipe", "pipe", "inherit"] });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const asks = !out.includes("to go on:") && (out + chunk).includes("to go on:");
      out += chunk;
      if (asks) child.stdin.write(`${typed}\n`);
    });
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (ended) => resolve(ended ?? -1));
    });
    return { code, out };
  }

  #argv(command: readonly string[]) {
    return this.host.argv(command);
  }
}

const statement = z.object({ witness: z.string(), says: z.string(), sentence: z.string() });
const reason = z.object({ rule: z.string(), sentence: z.string() });

/** Of both scripts: what one of them does not print is empty. */
const said = z.object({
  outcome: z.string(),
  refused: z.array(reason),
  ambiguous: z.array(reason).default([]),
  record: z.string().nullable(),
  notes: z.array(z.string()).default([]),
  images: z.object({ before: z.number(), after: z.number() }).nullish(),
  items: z.array(z.object({ kind: z.string(), name: z.string(), bytes: z.number(), result: z.string() })).default([]),
  nodes: z
    .array(
      z.object({
        node: z.string(),
        verdict: z.string(),
        statements: z.array(statement),
        endpoints: z.array(z.object({ name: z.string(), ip: z.string(), result: z.string(), sentence: z.string() })),
      }),
    )
    .default([]),
});

export type Said = z.output<typeof said>;

/** Witnesses that gave a sign of life. */
export const aliveBy = (json: Said | undefined): readonly string[] => [
  ...new Set((json?.nodes[0]?.statements ?? []).filter(({ says }) => says === "alive").map(({ witness }) => witness)),
];
