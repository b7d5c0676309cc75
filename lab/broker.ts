import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Daemon } from "./daemon.ts";
import type { LabContext } from "./host.ts";
import { entering, joining } from "./namespaces.ts";
import { provideNatsServer } from "./nats-server.ts";
import { type ProcessId, until } from "./process.ts";
import { underlayAddress } from "./shape.ts";

const shipped = fileURLToPath(new URL("../../assets/nats/one.conf", import.meta.url));

/** For all hosts of a lab, over the network between them. */
export const brokerUrl = `nats://${underlayAddress}:4222`;

/** Debian's nats-server with the shipped configuration, where all hosts of one lab reach it. */
export class LabBroker {
  readonly #folder: string;
  readonly #fleetConf: string;
  readonly #daemon: Daemon;

  /** `fleetConf`: what `overlaywatch fleet` writes. */
  constructor({ cgroup }: LabContext, underlay: ProcessId, program: string, folder: string, fleetConf: string) {
    this.#folder = folder;
    this.#fleetConf = fleetConf;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/nats.conf`, configuration(folder));
    this.#daemon = new Daemon({
      name: "nats-server",
      argv: joining(cgroup.join("fleet"), entering(underlay.pid, [program, "-c", `${folder}/nats.conf`])),
      log: `${folder}/log`,
      ready: /Server is ready/u,
    });
  }

  get pid(): number | undefined {
    return this.#daemon.pid;
  }

  said(from = 0): string {
    return this.#daemon.said(from);
  }

  /** With `fleet.conf` as it is now; returns when clients may come. */
  async start(signal?: AbortSignal): Promise<void> {
    this.#copy();
    await this.#daemon.start(signal);
  }

  /** Has it read `fleet.conf` again, and returns when it has. */
  async reload(): Promise<void> {
    const reloads = () => this.said().split("Reloaded server configuration").length;
    const before = reloads();
    this.#copy();
    this.#daemon.signal("SIGHUP");
    const late = () => new Error(`nats-server does not read its configuration again; it said:\n${this.said()}`);
    await until(() => reloads() > before || undefined, 10_000, late);
  }

  /** Such as SIGSTOP: it is there, and does not answer. */
  signal(name: NodeJS.Signals): void {
    this.#daemon.signal(name);
  }

  /** What it holds is there when it is started again. */
  async end(signal?: NodeJS.Signals): Promise<void> {
    await this.#daemon.end(signal);
  }

  #copy(): void {
    copyFileSync(this.#fleetConf, `${this.#folder}/fleet.conf`);
  }
}

/** As shipped, but for TLS, which a network of a lab's own does not need, and what Debian's 2.9 does not know yet. */
function configuration(folder: string): string {
  const changes: readonly (readonly [from: string | RegExp, to: string])[] = [
    [/^tls \{[^}]*\}\n/mu, ""],
    [/^ *sync_interval: always\n/mu, ""],
    ["/var/lib/nats/jetstream", `${folder}/jetstream`],
  ];
  return changes.reduce(
    (text, [from, to]) => {
      const changed = text.replace(from, to);
      if (changed === text) throw new Error(`${shipped} has no ${String(from)}: the lab's broker would be another one`);
      return changed;
    },
    readFileSync(shipped, "utf8"),
  );
}

/** Brings the program where it is not there. */
export async function provideBroker(
  context: LabContext,
  underlay: ProcessId,
  folder: string,
  fleetConf: string,
): Promise<LabBroker> {
  const program = await provideNatsServer(() => undefined);
  return new LabBroker(context, underlay, program, folder, fleetConf);
}
