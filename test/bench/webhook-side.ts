import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { z } from "zod";

const run = promisify(execFile);

const side = z.object({
  sent: z.number(),
  accepted: z.number(),
  refused: z.number(),
  silent: z.number(),
  /** Milliseconds from the connection's beginning to its end. */
  p50: z.number(),
  p99: z.number(),
  max: z.number(),
});

const loadSchema = z.object({ valid: side, invalid: side, byKind: z.record(z.string(), z.number()) });
export type Load = z.output<typeof loadSchema>;

export interface LoadOptions {
  readonly url: string;
  readonly token: string;
  readonly seconds: number;
  /** Requests a second. */
  readonly valid: number;
  readonly invalid: number;
  readonly hosts: number;
}

/** The load from a process of its own. */
export async function load({ url, token, seconds, valid, invalid, hosts }: LoadOptions): Promise<Load> {
  const args = [url, token, seconds, valid, invalid, hosts].map(String);
  const { stdout } = await run(process.execPath, ["dist/test/bench/webhook-load.js", ...args]);
  return loadSchema.parse(JSON.parse(stdout));
}

/** Resident memory of a process in MiB: now, and at its most so far (proc(5), status). */
export function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "mu").exec(status)?.[1] ?? Number.NaN);
  return { now: Math.round(kib("VmRSS") / 1024), most: Math.round(kib("VmHWM") / 1024) };
}

/** Posts that many bytes; gives the status code, 0 where there was none, and how many bytes went out. */
export async function postLarge(
  url: string,
  bytes: number,
  token: string,
): Promise<{ readonly code: number; readonly sent: number }> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  const got = { text: "" };
  socket.setEncoding("latin1").on("data", (chunk: string) => (got.text += chunk));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  const drained = () => new Promise((resolve) => socket.once("drain", resolve));
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`,
  );
  const chunk = Buffer.alloc(64 * 1024, 0x20);
  let sent = 0;
  while (sent < bytes && socket.writable && got.text === "") {
    sent += chunk.length;
    if (!socket.write(chunk)) await Promise.race([drained(), closed, sleep(3000)]);
  }
  await Promise.race([closed, sleep(5000)]);
  socket.destroy();
  return { code: Number(/^HTTP\/1\.1 (\d{3})/u.exec(got.text)?.[1] ?? 0), sent };
}
