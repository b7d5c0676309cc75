import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { queryJournal } from "./reader.ts";
import type { Journal } from "./writer.ts";

export type Proof = { readonly ok: true; readonly milliseconds: number } | { readonly ok: false; readonly why: string };

export interface ProofOptions {
  /** Where the journal is read: what `journalctl --namespace=` takes. */
  readonly namespace?: string | undefined;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const message = "overlaywatch can write to the journal";

/**
 * Writes an entry, and looks for it in the journal: libsystemd reports success where nobody takes the entry, and
 * journald takes many that it never stores. It has a SYSLOG_IDENTIFIER of its own, so that no reader counts it.
 */
export async function proveJournal(journal: Journal, options: ProofOptions = {}): Promise<Proof> {
  const { namespace, timeoutMs = 5000, signal = new AbortController().signal } = options;
  const token = randomBytes(16).toString("hex");
  const began = performance.now();
  const fields = { OVERLAYWATCH_PROOF: token, SYSLOG_IDENTIFIER: "overlaywatch-proof" };
  if (!journal.write({ message, priority: 6, fields })) return no("too much waits to be written to it already");
  const where = namespace === undefined ? [] : [`--namespace=${namespace}`];
  const look = async () =>
    outcome([...where, "-o", "cat", "-n", "1", `OVERLAYWATCH_PROOF=${token}`], timeoutMs, signal);
  let found = await look();
  while (found !== true && performance.now() - began < timeoutMs) {
    await sleep(100, undefined, { signal });
    found = await look();
  }
  if (found === true) return { ok: true, milliseconds: performance.now() - began };
  return no(found === false ? missing(journal, timeoutMs) : found.message);
}

/** Whether journalctl shows the entry, or why it can not be asked. */
async function outcome(args: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<boolean | Error> {
  try {
    return (await queryJournal(args, { timeoutMs, signal })).includes(message);
  } catch (error) {
    if (signal.aborted) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
}

const no = (why: string): Proof => ({ ok: false, why });

function missing(journal: Journal, timeoutMs: number): string {
  const { state, lastError = "" } = journal.stats();
  if (state !== "ok") return `it is ${state}: ${lastError}`;
  return `an entry that it took does not show in journalctl within ${timeoutMs} ms: may this user read the journal (group systemd-journal), is it stored (Storage=), is it in another namespace?`;
}
