import { exportParser } from "../../host/journald/export.ts";
import { queryJournal } from "../../host/journald/reader.ts";
import { type Entry, fieldPrefix, identifier, readEntry, recorderKinds } from "../entry.ts";

/**
 * A recorder that was killed took with it what it had not written: what was in pipes and queues, and the dropped
 * messages that it looks for every second.
 */
const unwritten = 1_500_000;

/** Others may write under our name; of so many of the last entries one is ours. */
const searched = 50;

export interface LastEntryOptions {
  readonly host: string;
  /** What `journalctl --namespace=` takes; none is the system's journal. */
  readonly namespace?: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Up to when an earlier recorder of this host has surely written all that happened, in microseconds since the epoch;
 * undefined where there was none. To be asked before the first own entry is written. Rejects as `queryJournal` does.
 */
export async function recordedUntil({ host, namespace, signal }: LastEntryOptions): Promise<number | undefined> {
  const args = [
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
    "-q",
    "-r",
    `--lines=${searched}`,
    "--output=export",
    `SYSLOG_IDENTIFIER=${identifier}`,
    `${fieldPrefix}HOST=${host}`,
    ...recorderKinds.map((kind) => `${fieldPrefix}KIND=${kind}`),
  ];
  const times: number[] = [];
  const parser = exportParser((fields) => {
    const time = timeOf((name) => fields.get(name));
    if (time !== undefined) times.push(time);
  });
  parser.push(await queryJournal(args, { signal, timeoutMs: 3000 }));
  parser.end();
  return times[0] === undefined ? undefined : times[0] - unwritten;
}

function timeOf(field: (name: string) => string | undefined): number | undefined {
  const stored = Number(field("__REALTIME_TIMESTAMP"));
  try {
    const entry: Entry = readEntry(field);
    return Math.min(entry.since ?? stored, stored);
  } catch {
    return undefined;
  }
}
