import { existsSync, readFileSync, statSync } from "node:fs";
import { kill } from "node:process";
import { type Argv, identify, isAlive, launch, type ProcessId, until } from "./process.ts";

interface DaemonOptions {
  /** For messages. */
  readonly name: string;
  readonly argv: Argv;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** What it says goes to the end of this file. */
  readonly log: string;
  /** What it says when it is at work. */
  readonly ready: RegExp;
}

/** A program of a lab that goes on until it is ended, and can be started again. It ends with its lab, whoever dies. */
export class Daemon {
  readonly #options: DaemonOptions;
  #process: ProcessId | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /** Undefined where it does not run. */
  get pid(): number | undefined {
    return this.#process !== undefined && isAlive(this.#process) ? this.#process.pid : undefined;
  }

  /** Everything, in all its lives, after so many characters. */
  said(from = 0): string {
    const { log } = this.#options;
    return existsSync(log) ? readFileSync(log, "utf8").slice(from) : "";
  }

  /** Returns when it says that it is at work. Throws with what it has said where it does not. */
  async start(signal?: AbortSignal): Promise<void> {
    const { name, argv, env, log, ready } = this.#options;
    if (this.pid !== undefined) throw new Error(`${name} runs already, as process ${this.pid}`);
    const from = existsSync(log) ? statSync(log).size : 0;
    const since = () => readFileSync(log).subarray(from).toString("utf8");
    const { pid } = launch(argv, log, env);
    this.#process = pid === undefined ? undefined : identify(pid);
    const failed = (what: string) => new Error(`${name} ${what}; it said, in ${log}:\n${since().slice(-2000)}`);
    const isReady = () => {
      if (ready.test(since())) return true;
      if (this.pid === undefined) throw failed("ended at once");
      return undefined;
    };
    await until(isReady, 20_000, () => failed("is not at work after 20 s"), signal);
  }

  signal(name: NodeJS.Signals): void {
    if (this.pid !== undefined) kill(this.pid, name);
  }

  /** Returns when it has ended; at once where it does not run. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.signal(signal);
    const late = () => new Error(`${this.#options.name}: process ${this.pid} has not ended 20 s after ${signal}`);
    await until(() => this.pid === undefined || undefined, 20_000, late);
  }
}
