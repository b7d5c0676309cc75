import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { LabHost } from "../../lab/host.ts";
import { cpuByTimes, cpuOfProcess } from "./cpu.ts";
import { type Answer, answerSchema, pauseBetweenCycles } from "./cycles.ts";

/** The agent on a host of the lab, sending to a unix socket. */
export interface OurAgent {
  readonly cpu: (cycles: number) => Promise<Answer>;
  readonly delay: (cycles: number) => Promise<Answer>;
  readonly stop: () => Promise<void>;
}

/** `root` is where it was built. */
export function ourAgent(root: string, host: LabHost, socket: string, nodeOptions: readonly string[]): OurAgent {
  const script = join(root, "dist/test/bench/cycle-agent.js");
  const [command, ...args] = host.argv([process.execPath, ...nodeOptions, script]);
  const env = { ...host.environment(), DD_DOGSTATSD_URL: `unix://${socket}` };
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (question: string): Promise<Answer> => {
    child.stdin.write(`${question}\n`);
    const answer = await answers.next();
    if (answer.done === true) throw new Error("the agent ended");
    return answerSchema.parse(JSON.parse(answer.value));
  };
  return {
    cpu: (cycles) => ask(`cpu ${cycles}`),
    delay: (cycles) => ask(`delay ${cycles}`),
    stop: async () => {
      child.stdin.end();
      const code = await ended;
      if (code !== 0) throw new Error(`the agent ended with code ${code}`);
    },
  };
}

/** The C program: as many samples as ours sends. Milliseconds of CPU of one cycle. */
export async function baseline(
  host: LabHost,
  program: string,
  socket: string,
  { samples, cycles, pids }: { readonly samples: number; readonly cycles: number; readonly pids: readonly number[] },
): Promise<number> {
  const { stdout } = await host.exec(["sh", "-c", "ls -d /run/docker/netns/*-*"]);
  const [overlay = ""] = stdout.split("\n");
  const args = [socket, Math.round(samples), cycles, pauseBetweenCycles, overlay, ...pids].map(String);
  return Number(await said(host, [program, ...args]));
}

/** The seed's way, without what would come after it: nothing parses, nothing is sent. */
export async function shellLoop(host: LabHost, pids: readonly number[]): Promise<number> {
  const each = "ss -Htan; cat /proc/net/dev /proc/net/netstat /proc/net/snmp";
  const script = `for pid in "$@"; do nsenter -t "$pid" -n sh -c '${each}'; done >/dev/null; times`;
  return cpuByTimes(await said(host, ["/bin/bash", "-c", script, "bash", ...pids.map(String)]));
}

/** The engine's part is what it takes beyond what it takes anyway, in a time as long right before. */
export async function dockerStats(host: LabHost): Promise<Readonly<Record<string, number>>> {
  const [dockerd, containerd] = enginePids(host);
  const now = () => ({ at: performance.now(), dockerd: cpuOfProcess(dockerd), containerd: cpuOfProcess(containerd) });
  const script = "docker stats --no-stream >/dev/null; times";
  const idle = now();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const before = now();
  const client = cpuByTimes(await said(host, ["/bin/bash", "-c", script]));
  const after = now();
  const share = (after.at - before.at) / (before.at - idle.at);
  const beyond = (of: "dockerd" | "containerd") => after[of] - before[of] - (before[of] - idle[of]) * share;
  return { client, dockerd: beyond("dockerd"), containerd: beyond("containerd") };
}

/** dockerd and the containerd that it started. */
function enginePids(host: LabHost): readonly [number, number] {
  const dockerd = Number(readFileSync(`/proc/${host.pid}/root/run/docker.pid`, "utf8"));
  const containerd = Number(readFileSync(`/proc/${host.pid}/root/run/docker/containerd/containerd.pid`, "utf8"));
  return [dockerd, containerd];
}

async function said(host: LabHost, command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await host.exec(command, { timeout: 120_000 });
  if (code !== 0) throw new Error(`${command.slice(0, 3).join(" ")}: exit code ${code}: ${stderr}`);
  return stdout;
}
