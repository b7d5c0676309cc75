import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { decodeLines } from "../../dispatch/worker/journal.ts";
import type { JobRecord } from "../../dispatch/worker/record.ts";
import { controlAnswer, jobView } from "../../dispatch/local/protocol.ts";
import { askLine } from "../../host/line-socket.ts";
import type { LabHost } from "../../lab/host.ts";
import { as } from "../../lab/machine.ts";
import { gatewayUser, helperGroup, workerRun, workerUser } from "../../lab/pack-users.ts";
import { until } from "../../lab/process.ts";
import { fieldPrefix } from "../../pipelines/entry.ts";
import { onHost, type Program, says } from "./program.ts";

export type JobSeen = z.output<typeof jobView>;
const listening = z.object({
  url: z.string(),
  organisations: z.array(z.object({ id: z.number(), api_key: z.string(), app_key: z.string() })),
});
const monitors = z.array(z.object({ id: z.number(), tags: z.array(z.string()) }));

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
  #standin:
    | { readonly program: Program; readonly url: string; readonly keys: Readonly<Record<string, string>> }
    | undefined;
  #sink: Program | undefined;
  #monitor = 0;
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
    await this.#openStandin();
  }

  async close(): Promise<void> {
    for (const program of [...this.#parts.values(), this.#standin?.program, this.#sink]) await program?.stop();
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

  /** As Datadog sends it; the event is `standin`'s own. */
  async page(transition: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const body = { monitor_id: this.#monitor, host: this.name, transition, ...more };
    await this.#post(`${this.#url()}/standin/trigger`, body);
  }

  /** Tries of deliveries so far: each receiver's status. */
  async deliveries(): Promise<readonly (number | string)[]> {
    const answer = await this.#fetch(`${this.#url()}/standin/deliveries`, {});
    return z
      .array(z.object({ outcome: z.union([z.number(), z.string()]) }))
      .parse(JSON.parse(answer))
      .map((one) => one.outcome);
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
    return ["--config", "/run/overlaywatch-etc/overlaywatch.yaml", "--state-dir", state[part]];
  }

  #overlaywatch(args: readonly string[]): readonly string[] {
    return [
      process.execPath,
      `${process.cwd()}/dist/agent/main.js`,
      ...args,
      "--config",
      "/run/overlaywatch-etc/overlaywatch.yaml",
    ];
  }

  async #openStandin(): Promise<void> {
    const program = onHost(this.host, ["standin", "--json", "--orgs", "1"]);
    await says(program, /\}\n/u);
    const { url, organisations } = listening.parse(JSON.parse(program.out()));
    const [org] = organisations;
    if (org === undefined) throw new Error("the stand-in has no organisation");
    const keys = { "dd-api-key": org.api_key, "dd-application-key": org.app_key };
    this.#standin = { program, url, keys };
    const apply = onHost(this.host, ["monitors", "apply", "--yes", "--api-url", url, ...this.#common("gateway")], {
      DD_API_KEY: org.api_key,
      DD_APP_KEY: org.app_key,
    });
    if ((await apply.ended) !== 0) throw new Error(`monitors apply: ${apply.out()}${apply.err()}`);
    await this.#post(`${url}/api/v1/integration/webhooks/configuration/custom-variables`, {
      name: "OVERLAYWATCH_WEBHOOK_TOKEN",
      value: this.token,
      is_secret: true,
    });
    const all = monitors.parse(JSON.parse(await this.#fetch(`${url}/api/v1/monitor`, {})));
    this.#monitor =
      all.find(({ tags }) => tags.some((tag) => tag === "overlaywatch-key:fdb-misplaced"))?.id ?? fail(all);
  }

  #url(): string {
    return this.#standin?.url ?? fail("no stand-in");
  }

  async #post(url: string, body: unknown): Promise<void> {
    await this.#fetch(url, { method: "POST", body: JSON.stringify(body) });
  }

  /** From the host's own network: its loopback is not ours. */
  async #fetch(url: string, init: RequestInit): Promise<string> {
    const headers = { "content-type": "application/json", ...this.#standin?.keys };
    const script =
      "const [url, init] = process.argv.slice(1); fetch(url, JSON.parse(init)).then(async (r) => { process.stdout.write(await r.text()); process.exitCode = r.ok ? 0 : 1; })";
    const { code, stdout, stderr } = await this.host.exec([
      process.execPath,
      "-e",
      script,
      url,
      JSON.stringify({ ...init, headers }),
    ]);
    if (code !== 0) throw new Error(`${url}: ${stdout}${stderr}`);
    return stdout;
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
