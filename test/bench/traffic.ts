import { spawn } from "node:child_process";
import { z } from "zod";
import { tools } from "../../lab/engines.ts";
import type { LabHost } from "../../lab/host.ts";
import { must } from "../../lab/process.ts";

const bridge = z.object({ Containers: z.record(z.string(), z.object({ IPv4Address: z.string() })) });

/**
 * Every container sends and receives once on each of its interfaces, by TCP and UDP: what has moved is sent for five
 * minutes from then on. And each gets a datagram 25 times a second, so that no file reads like the last time. Returns
 * what ends that.
 */
export async function startTraffic(host: LabHost, pids: readonly number[]): Promise<() => Promise<void>> {
  for (const pid of pids) {
    const quietly = `(${onceInside}) >/dev/null 2>&1; :`;
    await must(["/usr/bin/nsenter", "-t", String(pid), "-n", "--", "/bin/sh", "-c", quietly]);
  }
  const { Containers } = bridge.parse(await host.demand("GET", "/networks/docker_gwbridge"));
  const addresses = Object.values(Containers).map(({ IPv4Address }) => IPv4Address.split("/", 1)[0] ?? "");
  if (addresses.length < pids.length) throw new Error(`${addresses.length} addresses for ${pids.length} containers`);
  const [command, ...args] = host.argv(["/bin/bash", "-c", always, "bash", ...addresses]);
  const child = spawn(command, args, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return async () => {
    child.kill();
    await ended;
  };
}

const { busybox } = tools;

const onceInside = [
  ...["127.0.0.1", "10.0.0.2", "172.18.0.1"].map((to) => `${busybox} ping -q -c 1 -W 1 ${to}`),
  `${busybox} nc -w 1 127.0.0.1 9 </dev/null`,
  `echo x | ${busybox} nc -u -w 1 127.0.0.1 9`,
].join("; ");

const always = 'while sleep 0.04; do for to; do echo x >"/dev/udp/$to/9"; done; done 2>/dev/null';
