import { createHash } from "node:crypto";
import type { LogFile } from "../../host/log-file.ts";
import { type JobRecord, recordSchema } from "./record.ts";

/** Lines that cannot be believed: nothing is guessed, a person has to look. */
export class BadJournal extends Error {
  override readonly name = "BadJournal";
}

export interface JobJournal {
  /** Resolves when it is on the disk. Many at once share one write and one sync. Rejects for good once that failed. */
  readonly keep: (record: JobRecord) => Promise<void>;
  /** After what was to be kept before. */
  readonly close: () => Promise<void>;
}

/** The line of a record: its sum tells a changed byte, which JSON would not. */
export function encodeLine(record: JobRecord): string {
  const put = JSON.stringify(record);
  return `{"v":1,"sum":"${sumOf(put)}","put":${put}}`;
}

const sumOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** The last record of each job. Throws `BadJournal`, which names the line. */
export function decodeLines(lines: readonly string[], path: string): Map<string, JobRecord> {
  const records = new Map<string, JobRecord>();
  for (const [index, line] of lines.entries()) {
    const record = decodeLine(line, `${path}, line ${index + 1}`);
    records.set(record.job.id, record);
  }
  return records;
}

const head = /^\{"v":1,"sum":"([0-9a-f]{16})","put":(.*)\}$/su;

function decodeLine(line: string, place: string): JobRecord {
  const [, sum, put = ""] = head.exec(line) ?? [];
  if (sum === undefined || sum !== sumOf(put))
    throw new BadJournal(
      `${place}: it is damaged, or not of this version: look at it, and move the file away to start without it`,
    );
  const read = recordSchema.safeParse(JSON.parse(put));
  if (read.success) return read.data;
  throw new BadJournal(`${place}: it is of another version: ${read.error.issues[0]?.message ?? "not understood"}`);
}

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Beyond so many lines, and so many times what is still of use, it is written anew; beyond so many bytes at any rate. */
const [tooManyLines, tooManyTimes, tooManyBytes] = [2000, 4, 16 * 1024 * 1024];

/** `live`: all records that are still of use, as they are now. `lines`: how many the file has. */
export function jobJournal(file: LogFile, live: () => readonly JobRecord[], lines: number): JobJournal {
  let waiting: Waiting[] = [];
  let [count, broken, draining]: [number, unknown, Promise<void> | undefined] = [lines, undefined, undefined];
  let bytes = 0;
  const compact = async (): Promise<void> => {
    const records = live();
    const isLong = count > tooManyLines && count > tooManyTimes * records.length;
    if (!isLong && bytes < tooManyBytes) return;
    await file.replace(records.map((record) => `${encodeLine(record)}\n`).join(""));
    [count, bytes] = [records.length, 0];
  };
  const commit = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const text = batch.map(({ line }) => `${line}\n`).join("");
      await file.write(text);
      bytes += Buffer.byteLength(text);
      await file.sync();
      count += batch.length;
      for (const { resolve } of batch) resolve();
      await compact();
    } catch (error) {
      // What of it reached the disk is not known: the next one that starts will see.
      broken = error;
      for (const { reject } of [...batch, ...waiting]) reject(error);
      waiting = [];
    }
  };
  const drain = async (): Promise<void> => {
    for (let batch = waiting; batch.length > 0; batch = waiting) {
      waiting = [];
      await commit(batch);
    }
    draining = undefined;
  };
  return {
    keep: async (record) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(broken);
        waiting.push({ line: encodeLine(record), resolve, reject });
        draining ??= drain();
      }),
    close: async () => {
      await draining;
      await file.close();
    },
  };
}
