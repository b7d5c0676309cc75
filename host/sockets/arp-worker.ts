import { closeSync, openSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { messageOf } from "../thrown.ts";
import type { ArpQuestion } from "./arp.ts";
import { answeredMac, arpRequest, etherTypeArp } from "./arp-packet.ts";
import { errno, type Libc, loadLibc } from "./libc.ts";

/** CLONE_NEWNET; AF_PACKET, SOCK_RAW with SOCK_NONBLOCK and SOCK_CLOEXEC; the protocol comes with bind. */
const newNetwork = 0x40000000;
const packet = [17, 3 | 0o4000 | 0o2000000, 0] as const;

// A thread of its own, for it changes its namespace.
parentPort?.once("message", (question: ArpQuestion) => {
  void answer(question);
});

async function answer(question: ArpQuestion): Promise<void> {
  const libc = await loadLibc({ isStopped: () => false });
  parentPort?.postMessage(libc instanceof Error ? libc.message : asked(libc, question), []);
  parentPort?.close();
}

function asked(libc: Libc, question: ArpQuestion): readonly string[] | string {
  try {
    const file = openSync(question.netns, "r");
    const entered = libc.setns(file, newNetwork);
    closeSync(file);
    return entered < 0 ? `setns: error ${-entered}` : answers(libc, question);
  } catch (error) {
    return messageOf(error);
  }
}

function answers(libc: Libc, question: ArpQuestion): readonly string[] | string {
  const socket = libc.socket(...packet);
  if (socket < 0) return `socket: error ${-socket}`;
  try {
    const bound = libc.bindDevice(socket, question.ifindex, etherTypeArp);
    const sent = bound < 0 ? bound : libc.send(socket, arpRequest(question));
    return sent < 0 ? `could not be sent: error ${-sent}` : heard(libc, socket, question);
  } finally {
    libc.close(socket);
  }
}

/** All that come in time, for a second one is what is looked for. */
function heard(libc: Libc, socket: number, question: ArpQuestion): readonly string[] {
  const found: string[] = [];
  const buffer = new Uint8Array(2048);
  const until = performance.now() + question.waitMs;
  for (let left = question.waitMs; left > 0; left = until - performance.now()) {
    if (libc.poll(socket, Math.ceil(left)) <= 0) continue;
    const length = libc.receive(socket, buffer);
    if (length < 0 && length !== -errno.EAGAIN && length !== -errno.EINTR) break;
    const mac = length <= 0 ? undefined : answeredMac(buffer.subarray(0, Math.min(length, buffer.length)), question);
    if (mac !== undefined) found.push(mac);
  }
  return found;
}
