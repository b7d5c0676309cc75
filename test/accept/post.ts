import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { z } from "zod";
import { decodeLines } from "../../dispatch/worker/journal.ts";
import type { JobRecord } from "../../dispatch/worker/record.ts";
import { controlAnswer, jobView } from "../../dispatch/local/protocol.ts";
import { askLine } from "../../host/line-socket.ts";
import type { LabHost } from "../../lab/host.ts";
import { as } from "../../lab/machine.ts";
import { gatewayUser, helperGroup, workerRun, workerUser } from "../../lab/pack-users.ts";
import { until } from "../../lab/process.ts";
import { fieldPrefix } from "../../pipelines/entry.ts";
import { Datadog } from "./datadog.ts";
import { onHost, type Program, says } from "./program.ts";

const configFile = "/run/overlaywatch-etc/overlaywatch.yaml";

export type JobSeen = z.output<typeof jobView>;

export type Mode = "observe" | "approve" | "auto";
type Part = "gateway" | "worker" | "helperd";

/**
 * All of the way from Datadog to the cure on one host of a lab: the stand-in with the shipped monitors, the gateway and
 * the worker as users without rights, and the helper's listener as root. Sockets are in the host's own /run.
 */
export class Post {
  readonly host: LabHost;
  readonly state: string;
  readonly token = randomBytes(24).toString("hex");
  readonly #root: string;
  readonly #parts = new Map<Part, Program>();
  #datadog: Datadog | undefined;
  #sink: Program | undefined;
  readonly #mode: Mode;
  readonly #rechecks: readonly string[] | undefined;

  /** `rechecks`: how long after a cure it is looked again; the worker's own unless told. */
  constructor(host: LabHost, state: string, mode: Mode, rechecks?: readonly string[]) {
    this.host = host;
    this.state = state;
    this.#root = `/proc/${host.pid}/root`;
    this.#mode = mode;
    this.#rechecks = rechecks;
  }

  get name(): string {
    return this.host.name;
  }

  /** With Datadog's stand-in; without it only what is on the host. */
  async open(options: { readonly datadog: boolean } = { datadog: true }): Promise<void> {
    await this.#folders();
    this.#sink = onHost(this.host, ["sink", "--json", "--udp", "8125"]);
    await this.start("helperd");
    await this.start("worker");
    if (!options.datadog) return;
    await this.start("gateway");
    this.#datadog = await Datadog.open(this.host, configFile, this.token);
  }

  async close(): Promise<void> {
    for (const program of [...this.#parts.values(), this.#sink]) await program?.stop();
    await this.#datadog?.close();
    this.#parts.clear();
    for (const path of folders) rmSync(this.#root + path, { recursive: true, force: true });
  }

  async start(part: Part): Promise<Program> {
    const program = onHost(this.host, [...argumentsOf[part], ...this.#common(part)], {}, { by: asUser[part] });
    this.#parts.set(part, program);
    await says(program, ready[part], 20_000);
    return program;
  }

  part(part: Part): Program {
    const program = this.#parts.get(part);
    if (program === undefined) throw new Error(`${part} does not run`);
    return program;
  }

  async end(part: Part, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.part(part).stop(signal);
    this.#parts.delete(part);
  }

  /** Kills what `helperd` has started for a request, wherever it is; false where nothing is under way. */
  killHelper(): boolean {
    const { pid } = this.part("helperd").child;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter((one) => one !== "");
    for (const child of children) process.kill(Number(child), "SIGKILL");
    return children.length > 0;
  }

  /** As Datadog sends it; the event is the stand-in's own. */
  async page(transition: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    await (this.#datadog ?? fail("no stand-in")).page(this.name, transition, more);
  }

  /** Tries of deliveries so far: each receiver's status. */
  async deliveries(): Promise<readonly (number | string)[]> {
    return (await (this.#datadog ?? fail("no stand-in")).deliveries()).map(({ outcome }) => outcome);
  }

  async jobs(): Promise<readonly JobSeen[]> {
    const socket = `${this.#root}/run/overlaywatch-worker/control.sock`;
    const line = await askLine(socket, JSON.stringify({ v: 1, ask: "jobs" }), {
      timeoutMs: 5000,
      maxBytes: 4 * 1024 * 1024,
    });
    const answer = controlAnswer.parse(JSON.parse(line));
    return "error" in answer ? fail(answer) : answer.jobs;
  }

  /** The only job that is not in `known`, when it has come to one of these states. */
  async job(states: readonly string[], known: ReadonlySet<string>, ms = 20_000): Promise<JobSeen> {
    let [seen, unasked]: [readonly JobSeen[], string] = [[], ""];
    const found = async (): Promise<JobSeen | undefined> => {
      const all = await this.jobs().catch((error: unknown) => String(error instanceof Error ? error.cause : error));
      if (typeof all === "string") {
        unasked = all;
        return undefined;
      }
      seen = all.filter(({ id }) => !known.has(id));
      return seen.find(({ state }) => states.includes(state));
    };
    return until(
      found,
      ms,
      () => new Error(`no job came to ${states.join(", ")}: ${JSON.stringify(seen)} ${unasked} ${this.said()}`),
    );
  }

  async approve(id: string) {
    return this.host.exec(this.#overlaywatch(["approve", id]));
  }

  /** What all parts have said, or one of them. */
  said(part?: Part): string {
    const wanted = [...this.#parts].filter(([name]) => part === undefined || name === part);
    return wanted.map(([name, program]) => `--- ${name}\n${program.out()}${program.err()}`).join("\n");
  }

  /** All jobs that the worker has on the disk; it is not asked. */
  kept(): readonly JobRecord[] {
    const path = `${this.#root}/run/overlaywatch-worker-state/worker-jobs.jsonl`;
    return [...decodeLines(readFileSync(path, "utf8").trimEnd().split("\n"), path).values()];
  }

  /** Every line that the DogStatsD sink was sent. */
  sent(): readonly string[] {
    return (
      this.#sink
        ?.out()
        .split("\n")
        .filter((line) => line !== "") ?? []
    );
  }

  async journal(...match: readonly string[]): Promise<readonly string[]> {
    const all = match.map((one) => fieldPrefix + one);
    const { stdout } = await this.host.exec([
      "journalctl",
      "-q",
      "--no-pager",
      "-o",
      "json",
      "SYSLOG_IDENTIFIER=overlaywatch",
      ...all,
    ]);
    return stdout.split("\n").filter((line) => line !== "");
  }

  async #folders(): Promise<void> {
    const places = [
      [workerUser, workerRun, "0750"],
      [workerUser, "/run/overlaywatch-worker-state", "0700"],
      [gatewayUser, "/run/overlaywatch-gateway", "0700"],
    ] as const;
    for (const [{ id, group }, path, mode] of places)
      await this.host.exec(["install", "-d", "-o", id, "-g", group, "-m", mode, path]);
    this.#configure();
    const token = `${this.#root}/run/overlaywatch-gateway/token`;
    writeFileSync(token, `${this.token}\n`, { mode: 0o600 });
    await this.host.exec(["chown", gatewayUser.id, "/run/overlaywatch-gateway/token"]);
  }

  #configure(): void {
    const path = `${this.#root}/run/overlaywatch-etc`;
    mkdirSync(path, { recursive: true, mode: 0o755 });
    chmodSync(path, 0o755);
    const config = {
      worker: { mode: this.#mode, hostname: this.name, ...(this.#rechecks && { rechecks: this.#rechecks }) },
      webhook: {
        token_files: ["/run/overlaywatch-gateway/token"],
        monitors: ["any"],
        orgs: ["any"],
        hosts: [this.name],
      },
      datadog: { webhook_url: "http://127.0.0.1:8480/webhook" },
    };
    writeFileSync(`${path}/overlaywatch.yaml`, JSON.stringify(config));
  }

  #common(part: Part): readonly string[] {
    const state = {
      helperd: this.state,
      worker: "/run/overlaywatch-worker-state",
      gateway: "/run/overlaywatch-gateway",
    };
    return ["--config", configFile, "--state-dir", state[part]];
  }

  #overlaywatch(args: readonly string[]): readonly string[] {
    return [process.execPath, `${process.cwd()}/dist/agent/main.js`, ...args, "--config", configFile];
  }
}

const fail = (seen: unknown): never => {
  throw new Error(`not as expected: ${JSON.stringify(seen)}`);
};

const folders = [
  "/run/overlaywatch-worker",
  "/run/overlaywatch-worker-state",
  "/run/overlaywatch-gateway",
  "/run/overlaywatch-etc",
];

const argumentsOf: Readonly<Record<Part, readonly string[]>> = {
  helperd: ["helperd", "--group", helperGroup],
  worker: ["worker"],
  gateway: ["webhook"],
};

const asUser: Readonly<Record<Part, readonly string[]>> = {
  helperd: [],
  worker: as(workerUser),
  gateway: as(gatewayUser),
};

const ready: Readonly<Record<Part, RegExp>> = {
  helperd: /listen/iu,
  worker: /mode \w+; this host is /u,
  gateway: /listen/iu,
};
