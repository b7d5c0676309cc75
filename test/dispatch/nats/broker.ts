import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "mocha";
import { z } from "zod";
import { provideNatsServer } from "../../../lab/nats-server.ts";
import { isRoot, needs } from "../../needs.ts";
import { until } from "../../host/until.ts";

const ports = z.object({ nats: z.tuple([z.string()]) });

interface TestBrokerOptions {
  /** The text of `fleet.conf`, which the configuration includes. */
  readonly fleet: string;
  /** More of the configuration. */
  readonly more?: string;
}

/** A nats-server of Debian's with JetStream, in a folder of its own, on a port that was free. */
export class TestBroker {
  readonly folder = mkdtempSync(join(tmpdir(), "ow-nats-"));
  readonly #program: string;
  #child: ChildProcess | undefined;
  #port = -1;

  constructor(program: string, { fleet, more = "" }: TestBrokerOptions) {
    this.#program = program;
    writeFileSync(join(this.folder, "fleet.conf"), fleet);
    writeFileSync(
      join(this.folder, "nats.conf"),
      `max_payload: 64KB\njetstream { store_dir: "${this.folder}/js", max_mem: 16MB, max_file: 64MB }\n${more}\ninclude "fleet.conf"\n`,
    );
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get url(): string {
    return `nats://${this.address}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get log(): string {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  /** On the port that it had before. */
  async start(): Promise<void> {
    const place = ["-a", "127.0.0.1", "-p", String(this.#port), "--ports_file_dir", this.folder];
    const child = startServer(this.#program, join(this.folder, "nats.conf"), join(this.folder, "log"), place);
    this.#child = child;
    const file = join(this.folder, `nats-server_${child.pid}.ports`);
    await until("nats-server listens", () => existsSync(file) || child.exitCode !== null, 10_000);
    if (child.exitCode !== null) throw new Error(`nats-server ended at once:\n${this.log}`);
    await until("its port is written", () => /\}/u.test(readFileSync(file, "utf8")));
    const [url] = ports.parse(JSON.parse(readFileSync(file, "utf8"))).nats;
    this.#port = Number(/:(\d+)$/u.exec(url)?.[1]);
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** It takes everything from now on, and answers nothing: each of its threads stops by itself, a moment after the signal. */
  async hang(): Promise<void> {
    this.signal("SIGSTOP");
    const tasks = `/proc/${this.pid}/task`;
    const isStopped = (task: string) => /\) T /u.test(readFileSync(`${tasks}/${task}/stat`, "latin1"));
    await until("it is stopped", () => readdirSync(tasks).every(isStopped));
  }

  /** Writes `fleet.conf` anew, has the server read it, and waits until it has. */
  async reload(fleet: string): Promise<void> {
    const before = reloads(this.log);
    writeFileSync(join(this.folder, "fleet.conf"), fleet);
    this.signal("SIGHUP");
    await until("the configuration is read again", () => reloads(this.log) > before);
  }

  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill(signal);
    await closed;
  }

  async remove(): Promise<void> {
    // Stopped processes take no SIGTERM.
    await this.end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ended by the kernel where this run dies, however it dies (prctl(2), PR_SET_PDEATHSIG): no server is left behind. */
export function startServer(program: string, config: string, log: string, more: readonly string[] = []): ChildProcess {
  const argv = ["--pdeathsig", "KILL", program, "-c", config, "-l", log, ...more];
  return spawn("/usr/bin/setpriv", argv, { stdio: "ignore" });
}

const reloads = (log: string): number => log.split("Reloaded server configuration").length;

/** In a `before`: the program's path. Without root the suite is skipped aloud. */
export async function natsServer(context: Context): Promise<string> {
  needs(context, "root", isRoot());
  context.timeout(120_000);
  return provideNatsServer(() => undefined);
}
