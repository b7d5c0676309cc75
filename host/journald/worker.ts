import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { parentPort } from "node:worker_threads";
import { loadSendLimit } from "../sockets/send-limit.ts";
import { messageOf } from "../thrown.ts";
import { entryEnd, itemEnd } from "./entry-text.ts";
import { type Batch, endOrder, type Fault, type Receipt, type Warning } from "./messages.ts";
import { journalSockets } from "./own-socket.ts";

/**
 * The thread that writes to the journal: `sd_journal_sendv()` blocks for as long as journald hangs.
 *
 * Of npm's systemd-journald its native half is called: the other half throws the return code away, and with it the
 * only sign of a journald that has died (ECONNREFUSED).
 */
const require = createRequire(import.meta.url);
const send = sendIn(require("systemd-journald/build/Release/journal_send.node"));

type Send = (priority: number, ...items: readonly string[]) => number;

function sendIn(binding: unknown): Send {
  if (typeof binding !== "object" || binding === null || !("send" in binding) || typeof binding.send !== "function")
    throw new TypeError("npm package systemd-journald has no native send()");
  const native = binding.send;
  return (...args) => {
    const code: unknown = Reflect.apply(native, undefined, args);
    if (typeof code !== "number") throw new TypeError(`systemd-journald's send() answered ${String(code)}`);
    return code;
  };
}

/** Where libsystemd sends to; there is no other. Under a unit's `LogNamespace=` systemd mounts that journal's here. */
const socket = "/run/systemd/journal/socket";

/**
 * Milliseconds that journald may leave its socket full. libsystemd then tries once more, so a send takes at most twice
 * that. Without a limit the process could not even end: Node waits for its threads, and this one waits for journald.
 */
const patience = 500;
const limit = await loadSendLimit();
let limited = false;

const tell = (message: Receipt | Warning): void => parentPort?.postMessage(message, []);

parentPort?.on("message", (batch: Batch | typeof endOrder) => {
  if (batch === endOrder) parentPort?.close();
  else tell(deliver(batch));
});

/** libsystemd makes its socket when it first sends: only that first send may wait for ever, where journald hangs already. */
function limitOnce(): void {
  if (limited) return;
  limited = true;
  try {
    if (limit instanceof Error) throw limit;
    for (const fd of journalSockets()) limit(fd, patience);
  } catch (error) {
    const why = messageOf(error);
    tell({ warning: `while journald hangs, this program can not end: writes to it have no deadline (${why})` });
  }
}

function deliver({ id, text }: Batch): Receipt {
  const before = socketInode();
  if (typeof before === "string") return { id, done: 0, bad: 0, fault: "absent", why: before };
  const receipt = { id, ...sendAll(text.split(entryEnd)) };
  // libsystemd answers 0 where the socket is missing. What went out while it came or went is sent once more.
  if (socketInode() === before) return receipt;
  return { id, done: 0, bad: 0, fault: "absent", why: `${socket} was replaced while it was written to` };
}

/** Or why it can not be told. */
function socketInode(): number | string {
  try {
    return statSync(socket).ino;
  } catch (error) {
    return messageOf(error);
  }
}

function sendAll(entries: readonly string[]): Omit<Receipt, "id"> {
  let [bad, why] = [0, ""];
  for (const [done, entry] of entries.entries()) {
    const [priority = "", ...items] = entry.split(itemEnd);
    const code = -send(Number(priority), ...items);
    limitOnce();
    if (code === 0) continue;
    why = `sd_journal_sendv() answered ${nameOf(code)}`;
    if (!isBadEntry(code)) return { done, bad, fault: faultOf(code), why };
    bad++;
  }
  return bad === 0 ? { done: entries.length, bad } : { done: entries.length, bad, why };
}

const [EAGAIN, E2BIG, EINVAL, EMSGSIZE, ECONNREFUSED] = [11, 7, 22, 90, 111];
const names = new Map([
  [EAGAIN, "EAGAIN: journald does not read its socket"],
  [E2BIG, "E2BIG"],
  [EINVAL, "EINVAL"],
  [EMSGSIZE, "EMSGSIZE"],
  [ECONNREFUSED, "ECONNREFUSED: journald is dead"],
]);

const nameOf = (code: number): string => names.get(code) ?? `errno ${code}`;
const isBadEntry = (code: number): boolean => code === E2BIG || code === EINVAL || code === EMSGSIZE;
const faultOf = (code: number): Fault => (code === EAGAIN ? "hung" : "refusing");
