import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { decodeLines } from "../../dispatch/worker/journal.ts";
import { isEnd, type JobRecord } from "../../dispatch/worker/record.ts";
import type { LabFleet, Member } from "../../lab/fleet.ts";
import { until } from "../../lab/process.ts";
import { fieldPrefix } from "../../pipelines/entry.ts";
import type { LabHost } from "../../lab/host.ts";
import { answerSchema, isTaken, pageOf, type Try, trySchema } from "./delivery.ts";
import { type Program, start } from "./program.ts";

/** All jobs that a host's worker has on the disk, by id; it is not asked. */
export function keptBy({ workerState }: Member): ReadonlyMap<string, JobRecord> {
  const path = join(workerState, "worker-jobs.jsonl");
  if (!existsSync(path)) return new Map();
  const text = readFileSync(path, "utf8");
  // The last line may be half written just now.
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return decodeLines(
    lines.filter((line) => line !== ""),
    path,
  );
}

/** The job of that id, when it has come to an end on that host. */
export async function endOn(member: Member, id: string, ms = 20_000): Promise<JobRecord> {
  const ended = () => {
    const record = keptBy(member).get(id);
    return record !== undefined && isEnd(record.state) ? record : undefined;
  };
  const late = () => {
    const is = JSON.stringify(keptBy(member).get(id));
    return new Error(`job ${id} came to no end on ${member.name}: ${is}\n${member.worker.said().slice(-3000)}`);
  };
  return until(ended, ms, late);
}

/** How often the helper itself says that it cured something for that trace. */
export const curesFor = ({ helperd }: Member, trace: string): number =>
  [...helperd.said().matchAll(new RegExp(`trace ${trace}: heal: .*cured`, "gu"))].length;

/** No limit of an earlier cure is to be met: what a person does after each try. */
export function forgetLimits({ helperState }: Member): void {
  rmSync(join(helperState, "remedy-limits.json"), { force: true });
}

/** What the pack has written to a host's journal, one entry of JSON each. */
export async function journalOf(host: LabHost, ...match: readonly string[]): Promise<readonly string[]> {
  const fields = match.map((one) => fieldPrefix + one);
  const command = ["journalctl", "-q", "--no-pager", "-o", "json", "SYSLOG_IDENTIFIER=overlaywatch", ...fields];
  const { stdout } = await host.exec(command);
  return stdout.split("\n").filter((line) => line !== "");
}

let events = 0;

/** Sends pages to the fleet's gateway, from its own host, and again where they were not taken. */
export class Sender {
  readonly #program: Program;

  constructor({ gateway: { host, url, token } }: LabFleet, againMs: number) {
    const [command, ...rest] = host.argv([process.execPath, `${process.cwd()}/dist/test/accept/send-pages.js`]);
    this.#program = start([command, ...rest], host.environment(), { stdin: "pipe" });
    this.#write({ url, token, againMs });
  }

  /** Gives the event by which to know it. */
  send(host: string, body?: string): string {
    const event = String(++events);
    this.#write({ event, body: body ?? pageOf(host, event) });
    return event;
  }

  tries(event?: string): readonly Try[] {
    const lines = this.#program.out().split("\n").slice(0, -1);
    const all = lines.map((line) => trySchema.parse(JSON.parse(line)));
    return event === undefined ? all : all.filter((one) => one.event === event);
  }

  /** The gateway's last answer to that page: the job and its trace, as accepted or as there already. */
  async taken(event: string, ms = 20_000) {
    const last = await until(
      () => this.tries(event).find(isTaken),
      ms,
      () => new Error(`page ${event} was not taken: ${JSON.stringify(this.tries(event))}${this.#program.err()}`),
    );
    const { status, job = "", trace = "" } = answerSchema.parse(JSON.parse(last.answer));
    return { ...last, status, job, trace };
  }

  async close(): Promise<void> {
    await this.#program.stop();
  }

  #write(what: unknown): void {
    this.#program.child.stdin?.write(`${JSON.stringify(what)}\n`);
  }
}
