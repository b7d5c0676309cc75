import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { NamespaceProcess, SocketView, TcpReading } from "../../../host/host.ts";
import { procfs } from "../../../host/procfs.ts";
import type { TcpState } from "../../../host/sockets/states.ts";
import { until } from "../until.ts";

/** For `needs`. */
export const tools = "root, iptables, ip6tables, iproute2 and IPv6";
export const hasTools = (): boolean =>
  process.getuid?.() === 0 &&
  ["/usr/sbin/iptables", "/usr/sbin/ip6tables", "/sbin/ip", "/proc/net/tcp6"].every((path) => existsSync(path));

/** A process that holds sockets in a network namespace of its own. */
export interface Holder extends NamespaceProcess {
  readonly pid: number;
  /** Has it do one more thing (holder.ts), and waits until that is done. */
  readonly tell: (act: string) => Promise<void>;
  /** At once: SIGKILL. */
  readonly end: () => Promise<void>;
}

const holders = new Set<Holder>();
let made = 0;

export async function hold(kind: string, count = 0): Promise<Holder> {
  return holdBy(["/usr/bin/unshare", "--net"], kind, count);
}

/** The same in the network namespace of a process, such as a container's. */
export async function holdIn(pid: number, kind: string): Promise<Holder> {
  return holdBy(["/usr/bin/nsenter", `--net=/proc/${pid}/ns/net`], kind);
}

async function holdBy([command, ...way]: readonly [string, ...string[]], kind: string, count = 0): Promise<Holder> {
  const program = fileURLToPath(new URL("./holder.js", import.meta.url));
  const child = spawn(command, [...way, process.execPath, program, kind, String(count)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return holderOf(child, async (act) => {
    child.stdin.write(`${act}\n`);
    await lines.next();
  });
}

/** A namespace with nothing in it, cheaply. */
export async function holdEmpty(): Promise<Holder> {
  const child = spawn("/usr/bin/unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
  await once(child, "spawn");
  const own = readlinkSync("/proc/self/ns/net");
  await until("a namespace of its own", () => namespaceOf(child.pid) !== own);
  return holderOf(child, async () => undefined);
}

const namespaceOf = (pid: number | undefined): string => readlinkSync(`/proc/${pid}/ns/net`);

function holderOf(child: ChildProcess, tell: (act: string) => Promise<void>): Holder {
  const pid = child.pid ?? 0;
  const handle = procfs().open(pid);
  const holder: Holder = {
    key: `holder ${++made}`,
    pid,
    process: handle,
    tell,
    end: async () => {
      holders.delete(holder);
      handle.close();
      const ended = once(child, "exit");
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await ended;
      }
    },
  };
  holders.add(holder);
  return holder;
}

/** For afterEach: whatever a test left. */
export async function endHolders(): Promise<void> {
  await Promise.all([...holders].map((holder) => holder.end()));
}

/** What `ss` counts in there, under our names. */
export function ssStates({ pid }: Pick<Holder, "pid">): Readonly<Record<TcpState, number>> {
  const { stdout, status } = spawnSync("/usr/bin/nsenter", [`--net=/proc/${pid}/ns/net`, "ss", "-Htan"], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`ss ended with ${status}`);
  const seen = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" ")[0] ?? "");
  const count = (name: string) => seen.filter((state) => state === name).length;
  return {
    established: count("ESTAB"),
    syn_sent: count("SYN-SENT"),
    syn_recv: count("SYN-RECV"),
    fin_wait1: count("FIN-WAIT-1"),
    fin_wait2: count("FIN-WAIT-2"),
    time_wait: count("TIME-WAIT"),
    close: count("UNCONN"),
    close_wait: count("CLOSE-WAIT"),
    last_ack: count("LAST-ACK"),
    listen: count("LISTEN"),
    closing: count("CLOSING"),
  };
}

const never = new AbortController().signal;

/** One reading of one namespace; throws its error. */
export async function ask(sockets: SocketView, one: NamespaceProcess): Promise<TcpReading> {
  const reading = (await sockets.tcpStates([one], never)).get(one.key);
  if (reading === undefined) throw new Error(`no answer for ${one.key}`);
  if (reading instanceof Error) throw reading;
  return reading;
}

/** Open files of this process by what they are; names that hold a number stand for their kind. */
export function openFiles(): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // The folder that is being read.
    }
  });
}

export const openSockets = (): number => openFiles().filter((name) => name.startsWith("socket:")).length;

/** The network namespace of every thread of this process. */
export function threadNamespaces(): ReadonlySet<string> {
  return new Set(readdirSync("/proc/self/task").map((task) => readlinkSync(`/proc/self/task/${task}/ns/net`)));
}
