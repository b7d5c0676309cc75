import { closeSync, openSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { messageOf } from "../thrown.ts";
import type { EchoReply, EchoRequest } from "./echo.ts";
import { answeredSequence, echoRequest } from "./echo-packet.ts";
import { errno, type Libc, loadLibc } from "./libc.ts";

/** CLONE_NEWNET of sched.h; AF_INET, SOCK_RAW or SOCK_DGRAM with SOCK_NONBLOCK and SOCK_CLOEXEC, IPPROTO_ICMP. */
const newNetwork = 0x40000000;
const flags = 0o4000 | 0o2000000;
const [raw, ping] = [[2, 3 | flags, 1] as const, [2, 2 | flags, 1] as const];
const tickMs = 1;

interface Sender {
  readonly socket: number;
  /** Undefined of a ping socket: the kernel sets it, and gives no other answer than those to it. */
  readonly id: number | undefined;
  readonly answered: Set<number>;
  isForbidden: boolean;
}

/** Loaded once, before the first question. Only this thread changes its namespace. */
const loading = loadLibc({ isStopped: () => false });

parentPort?.on("message", (request: EchoRequest | "end") => {
  if (request === "end") parentPort?.close();
  else void loading.then((libc) => parentPort?.postMessage(answer(libc, request), []));
});

function answer(libc: Libc | Error, { targets, count, gapMs, waitMs }: EchoRequest): EchoReply {
  if (libc instanceof Error) return targets.map(() => libc.message);
  const senders = targets.map((target) => open(libc, target));
  const live = senders.filter((sender) => typeof sender !== "string");
  for (let sequence = 0; sequence < count; sequence++) {
    for (const sender of live) {
      const sent = libc.send(sender.socket, echoRequest(sender.id ?? 0, sequence));
      sender.isForbidden ||= sent === -errno.EPERM;
    }
    receive(libc, live, gapMs, count);
  }
  receive(libc, live, waitMs, count);
  for (const { socket } of live) libc.close(socket);
  return senders.map((sender) => (typeof sender === "string" ? sender : toldOf(sender)));
}

function open(libc: Libc, { netns, ip }: EchoRequest["targets"][number]): Sender | string {
  const entered = enter(libc, netns);
  if (entered !== "") return entered;
  const whole = libc.socket(...raw);
  // Without CAP_NET_RAW: Docker lets everybody have ping sockets in a container's namespace (icmp(7), ping_group_range).
  const socket = whole === -errno.EPERM ? libc.socket(...ping) : whole;
  if (socket < 0) return `socket: error ${-socket}`;
  const connected = libc.connect(socket, ip);
  if (connected < 0) {
    libc.close(socket);
    return `connect: error ${-connected}`;
  }
  const id = socket === whole ? Math.floor(Math.random() * 0x10000) : undefined;
  return { socket, id, answered: new Set(), isForbidden: false };
}

/** What a filter (systemd's IPAddressDeny=, a rule of the container's) does not let out says nothing of the way. */
const toldOf = ({ answered, isForbidden }: Sender): number | string =>
  isForbidden && answered.size === 0 ? `send: error ${errno.EPERM}` : answered.size;

/** Empty, or why not. */
function enter(libc: Libc, netns: string): string {
  try {
    const file = openSync(netns, "r");
    try {
      const entered = libc.setns(file, newNetwork);
      return entered < 0 ? `setns: error ${-entered}` : "";
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return messageOf(error);
  }
}

/** Takes what comes within so many milliseconds; less where all is there. */
function receive(libc: Libc, senders: readonly Sender[], ms: number, count: number): void {
  const until = performance.now() + ms;
  do {
    for (const sender of senders) drain(libc, sender);
    if (senders.every(({ answered }) => answered.size === count)) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, tickMs);
  } while (performance.now() < until);
}

const buffer = new Uint8Array(2048);

function drain(libc: Libc, { socket, id, answered }: Sender): void {
  for (;;) {
    const length = libc.receive(socket, buffer);
    if (length === -errno.EINTR) continue;
    // EAGAIN: no more. Others are answers of the network (no such host), which count as loss.
    if (length <= 0) return;
    const sequence = answeredSequence(buffer.subarray(0, Math.min(length, buffer.length)), id);
    if (sequence !== undefined) answered.add(sequence);
  }
}
