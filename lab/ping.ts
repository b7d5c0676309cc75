import { spawn, type ChildProcess } from "node:child_process";
import { tools } from "./engines.ts";
import type { LabContext, LabHost } from "./host.ts";
import { entering, joining } from "./namespaces.ts";
import { pinnedEnv } from "./process.ts";

export interface Pinged {
  readonly sent: number;
  readonly received: number;
}

/** Pings that go on until `stop`, which tells how many there were. `answers` counts those that came so far. */
export interface SteadyPing {
  readonly answers: () => number;
  readonly stop: () => Promise<Pinged>;
}

/** From one container's network to an address, `perSecond` times a second whether answers come or not. */
export async function startPing(
  lab: LabContext,
  host: LabHost,
  from: string,
  to: string,
  perSecond: number,
): Promise<SteadyPing> {
  const { State } = await host.inspect(from);
  if (!State.Running) throw new Error(`container ${from} on ${host.name} does not run`);
  const ping = [tools.busybox, "ping", "-i", String(1 / perSecond), "-W", "1", to];
  // Without a pid namespace there is no process between: the signal that stops it reaches ping itself.
  const argv = joining(
    lab.cgroup.join("traffic"),
    entering(host.pid, ["nsenter", `--net=/proc/${State.Pid}/ns/net`, "--", ...ping]),
  );
  const child = spawn(argv[0], argv.slice(1), { env: pinnedEnv, cwd: "/", stdio: ["ignore", "pipe", "inherit"] });
  return steady(child);
}

function steady(child: ChildProcess): SteadyPing {
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  const answers = () => text.split(" bytes from ").length - 1;
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
    return pinged(text);
  };
  return { answers, stop };
}

function pinged(text: string): Pinged {
  const [, sent, received] = /(\d+) packets transmitted, (\d+) packets received/.exec(text) ?? [];
  if (sent === undefined) throw new Error(`ping did not say how many it sent: ${text.slice(-500)}`);
  return { sent: Number(sent), received: Number(received) };
}
