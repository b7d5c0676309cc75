import type { Writable } from "node:stream";
import type { ChattyOptions } from "./chatty.ts";
import { answers } from "./engine.ts";
import { down, findLab, NotRoot, openLab, setup, up, type Lab, type OutageOptions } from "./lab.ts";
import { attach } from "./process.ts";
import { LabUsageError, type ShapeOptions } from "./shape.ts";
import type { ExpectedRate } from "./traffic.ts";

/** What a sub-command gets from the entry point. */
export interface LabTerminal {
  readonly out: Writable;
  readonly err: Writable;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborted at SIGINT and SIGTERM. */
  readonly signal?: AbortSignal;
}

interface NameOption {
  readonly name?: string | undefined;
}
interface JsonOption {
  readonly json?: boolean | undefined;
}

/** All commands: 0 done, 1 failed (said on `err`), 64 bad usage or 69 not root (nothing done); `exec` passes the program's code on. */
export async function labSetup(options: { readonly engine?: string | undefined }, terminal: LabTerminal) {
  return guarded(terminal, async () => {
    await setup(options, toErr(terminal));
    return 0;
  });
}

export async function labUp(options: ShapeOptions & JsonOption, terminal: LabTerminal): Promise<number> {
  return guarded(terminal, async () => {
    const lab = await up(options, { signal: terminal.signal, log: toErr(terminal) });
    await printStatus(lab, options, terminal);
    return 0;
  });
}

export async function labDown(options: NameOption, terminal: LabTerminal): Promise<number> {
  return guarded(terminal, async () => {
    await down(options.name ?? "lab", toErr(terminal));
    return 0;
  });
}

/** Exit 0 with all engines answering, 1 otherwise; the hosts are listed all the same. */
export async function labStatus(options: NameOption & JsonOption, terminal: LabTerminal): Promise<number> {
  return guarded(terminal, async () => printStatus(findLab(options.name), options, terminal));
}

/** Runs a program on one host, with the caller's terminal, environment and working folder. */
export async function labExec(
  options: NameOption,
  host: string,
  command: readonly string[],
  terminal: LabTerminal,
): Promise<number> {
  return guarded(terminal, async () => {
    if (command.length === 0) throw new LabUsageError("lab exec N -- CMD: the command is missing");
    const on = findLab(options.name).host(host);
    return attach(on.argv(command, terminal.cwd), on.environment(terminal.env), terminal.signal);
  });
}

export async function labBreak(options: NameOption & OutageOptions, terminal: LabTerminal): Promise<number> {
  return guarded(terminal, async () => {
    const lab = await openLab(options.name);
    await lab.break(options);
    terminal.out.write("broken: 10 of 10 pings between the two containers are lost (lab mend undoes it)\n");
    return 0;
  });
}

export async function labMend(options: NameOption & OutageOptions, terminal: LabTerminal): Promise<number> {
  return guarded(terminal, async () => {
    const lab = await openLab(options.name);
    await lab.mend(options);
    terminal.out.write("mended: 10 of 10 pings between the two containers arrive\n");
    return 0;
  });
}

const trafficActions: Readonly<
  Record<string, (lab: Lab, options: ChattyOptions & JsonOption, terminal: LabTerminal) => Promise<void>>
> = {
  start: async (lab, { json }, { out }) => {
    const rates = await lab.startTraffic();
    out.write(json === true ? `${JSON.stringify({ rates })}\n` : rateTable(rates));
  },
  chatty: async (lab, options, { out }) => {
    const containers = await lab.startChatty(options);
    out.write(`${containers.join(" ")}: each forgets its neighbour's address before every ping\n`);
  },
  stop: async (lab, _, { out }) => {
    lab.stopTraffic();
    out.write("traffic stopped\n");
  },
};

export async function labTraffic(
  action: string,
  options: NameOption & Pick<ChattyOptions, "host" | "pingsPerSecond"> & JsonOption,
  terminal: LabTerminal,
): Promise<number> {
  return guarded(terminal, async () => {
    const act = Object.hasOwn(trafficActions, action) ? trafficActions[action] : undefined;
    if (act === undefined) throw new LabUsageError("lab traffic start|chatty|stop");
    await act(await openLab(options.name), options, terminal);
    return 0;
  });
}

async function printStatus(lab: Lab, { json }: JsonOption, { out }: LabTerminal): Promise<number> {
  const hosts = await Promise.all(
    lab.hosts.map(async ({ name, pid, vtep, socket, netnsDir }) => {
      return { name, pid, vtep, socket, netns_dir: netnsDir, engine_up: await answers(socket) };
    }),
  );
  const status = { name: lab.name, ...lab.shape, shared: lab.shared, hosts };
  out.write(json === true ? `${JSON.stringify(status)}\n` : statusTable(lab, hosts));
  return hosts.every((host) => host.engine_up) ? 0 : 1;
}

function statusTable(lab: Lab, hosts: readonly { name: string; pid: number; vtep: string; engine_up: boolean }[]) {
  const head = `lab ${lab.name}: ${lab.shape.driver}, engine ${lab.shape.engine}, ${lab.dir}\n`;
  const rows = hosts.map(
    (host) =>
      `${host.name}  ${host.vtep}  ${host.engine_up ? "up" : "its engine does not answer"}  nsenter -t ${host.pid} -n -u -m\n`,
  );
  return head + rows.join("");
}

function rateTable(rates: readonly ExpectedRate[]): string {
  const rows = rates.map(
    ({ host, container, network, packets, bytes }) =>
      `${host}  ${container}  ${network}: ${packets} packets/s and ${bytes} bytes/s, in and out alike\n`,
  );
  return rows.join("");
}

const toErr =
  ({ err }: LabTerminal) =>
  (line: string) => {
    err.write(`${line}\n`);
  };

async function guarded({ err }: LabTerminal, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    err.write(`${describe(error)}\n`);
    if (error instanceof LabUsageError) return 64;
    return error instanceof NotRoot ? 69 : 1;
  }
}

/** The whole chain: the first says what was attempted, the last what came back. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
