import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import type { jobSchema } from "../../../dispatch/job.ts";
import { controlAnswer, handOverAnswer, maxLineBytes } from "../../../dispatch/local/protocol.ts";
import { helperAt } from "../../../dispatch/worker/ask-helper.ts";
import { decodeLines, jobJournal } from "../../../dispatch/worker/journal.ts";
import type { Rules } from "../../../dispatch/worker/machine.ts";
import type { Pace } from "../../../dispatch/worker/pace.ts";
import { serveControl, serveJobs } from "../../../dispatch/worker/serve.ts";
import { eventOf } from "../../../dispatch/worker/telling.ts";
import { type Change, type Rejected, Worker } from "../../../dispatch/worker/worker.ts";
import { askLine, type LineServer } from "../../../host/line-socket.ts";
import { type LogFile, openLogFile } from "../../../host/log-file.ts";
import { ownUser } from "../../../host/own-user.ts";
import { until } from "../../emit/dogstatsd/listening.ts";
import { HelperServer } from "./helper-server.ts";
import { host, jobOf } from "./made.ts";

interface Given extends Partial<Rules> {
  readonly maxWaiting?: number;
  readonly timeoutMs?: number;
  /** Without it the helper may be asked at any time. */
  readonly pace?: Pace;
  /** In place of the journal's file. */
  readonly wrap?: (file: LogFile) => LogFile;
}

const noPace: Pace = { wait: () => 0, take: () => undefined };

/** A worker with its real sockets, journal and helper, and what it told. */
export class Opened {
  readonly helper = new HelperServer(1);
  readonly changes: Change[] = [];
  readonly rejected: Rejected[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), "ow-worker-"));
  proof: number | undefined;
  #close: (() => Promise<unknown>) | undefined;

  at(file: string): string {
    return join(this.folder, file);
  }

  async open(
    mode: Rules["mode"],
    { maxWaiting = 100, timeoutMs = 2000, pace = noPace, wrap = (file) => file, ...rules }: Given = {},
  ): Promise<Worker> {
    const { file, lines } = await openLogFile(this.at("jobs"), 0o600);
    const worker = new Worker(
      {
        host,
        rules: { mode, approveWithin: 3_600_000, rechecks: [100, 200], ...rules },
        maxWaiting,
        helper: helperAt({ socket: this.at("helper/h.sock"), owner: ownUser(), timeoutMs }),
        pace,
        records: decodeLines(lines, "jobs"),
        proved: this.proof,
        keepProof: async (when) => void (this.proof = when),
        now: Date.now,
        tell: (change) => void this.changes.push(change),
        reject: (one) => void this.rejected.push(one),
        fail: (error) => assert.fail(String(error)),
      },
      (live) => jobJournal(wrap(file), live, lines.length),
    );
    await worker.start();
    const servers: readonly LineServer[] = [
      await serveJobs(this.at("jobs.sock"), worker),
      await serveControl(this.at("control.sock"), worker, { host, mode, inForce: mode }),
    ];
    this.#close = async () => Promise.all([...servers.map(async (one) => one.close()), worker.close()]);
    return worker;
  }

  async close(): Promise<void> {
    await this.#close?.();
    this.#close = undefined;
  }

  async end(): Promise<void> {
    await this.close();
    await this.helper.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async ask(socket: string, request: unknown): Promise<unknown> {
    const limits = { timeoutMs: 5000, maxBytes: 64 * maxLineBytes };
    return JSON.parse(await askLine(this.at(socket), JSON.stringify(request), limits));
  }

  async offer(job: z.input<typeof jobSchema>) {
    return handOverAnswer.parse(await this.ask("jobs.sock", { v: 1, offer: job }));
  }

  async control(request: Readonly<Record<string, unknown>>) {
    return controlAnswer.parse(await this.ask("control.sock", { v: 1, ...request }));
  }

  /** That a job came to, in order. */
  statesOf(name: string): readonly string[] {
    const { id } = jobOf(name, 0);
    const own = this.changes.filter(({ record, recheck }) => record.job.id === id && recheck === undefined);
    return own.map(({ record }) => record.state);
  }

  async comes(name: string, state: string): Promise<void> {
    await until(() => this.statesOf(name).includes(state), `${name}: ${state}`, 15_000);
  }

  events() {
    return this.changes.map(eventOf).filter((event) => event !== undefined);
  }

  healed(): number {
    return [...this.helper.effects.values()].reduce((a, b) => a + b, 0);
  }
}

/** In a `describe`: a new one for each test. */
export function useWorker(): () => Opened {
  let opened: Opened | undefined;
  beforeEach(async () => {
    opened = new Opened();
    await opened.helper.listen(opened.at("helper/h.sock"));
  });
  afterEach(async () => opened?.end());
  return () => {
    if (opened === undefined) throw new Error("a worker is there only inside tests");
    return opened;
  };
}
