import type { Writable } from "node:stream";
import type { Tags } from "../sample.ts";
import type { Sink } from "../sink.ts";
import { linesOf } from "./lines.ts";

export interface InfluxSinkOptions {
  /** Gets whole lines and nothing else; stays open. */
  readonly out: Writable;
  /** Before each metric name; ends in a dot, or is empty. Default `overlaywatch.`. */
  readonly prefix?: string;
  /** On every line; a sample's own tag of the same key replaces one. Default none. */
  readonly globalTags?: Tags;
  /** Bytes that may wait for a reader that does not read. Default 4 MiB, minutes of a large host. */
  readonly maxPending?: number;
  /** Called once, when nobody will read any more. */
  readonly onGone?: (error: Error) => void;
}

const MAX_PENDING = 4 * 1024 * 1024;

/**
 * Samples as lines of the InfluxDB line protocol, for telegraf's `inputs.execd`. `stats().samples` counts what the reader's
 * pipe took. `dropped` has the reasons `invalid_value`, `queue_full` (the reader does not read), `transport` (it went away
 * with these on their way) and `closed`.
 */
export function influxSink(options: InfluxSinkOptions): Sink {
  const { out, prefix = "overlaywatch.", globalTags: tags = {}, maxPending = MAX_PENDING, onGone } = options;
  const dropped: Record<string, number> = {};
  const drop = (reason: string, count: number) =>
    void (count > 0 && (dropped[reason] = (dropped[reason] ?? 0) + count));
  let samples = 0;
  let closed = false;
  let lastError: string | undefined;
  out.on("error", (error: Error) => {
    lastError = `could not write to stdout, its reader is gone: ${error.message}`;
    if (!closed) onGone?.(error);
    closed = true;
  });
  const send = ({ text, samples: count }: Fitting) =>
    void out.write(text, (error) => {
      if (error) drop("transport", count);
      else samples += count;
    });
  const write: Sink["write"] = (batch, at) => {
    const { lines, invalid } = linesOf(batch, at, { prefix, tags });
    const fitting = fit(lines, maxPending - out.writableLength);
    drop("invalid_value", invalid);
    drop("queue_full", fitting.left);
    // A batch without a line tells nothing of the reader.
    if (lines.length > 0)
      lastError =
        fitting.left === 0 ? undefined : `stdout is not read: ${maxPending} bytes wait there, what is new is dropped`;
    if (fitting.samples > 0) send(fitting);
  };
  return {
    name: "influx",
    write: (batch, at) => {
      if (closed) drop("closed", batch.length);
      else write(batch, at);
    },
    flush: () => written(out),
    close: () => {
      closed = true;
      return written(out);
    },
    stats: () => ({ samples, dropped: { ...dropped }, ...(lastError !== undefined && { lastError }) }),
  };
}

interface Fitting {
  readonly text: string;
  /** Samples in the text, and samples that there was no room for. */
  readonly samples: number;
  readonly left: number;
}

/** Whole lines, as many as `room` bytes take. */
function fit(lines: ReturnType<typeof linesOf>["lines"], room: number): Fitting {
  const texts: string[] = [];
  let [free, taken, left] = [room, 0, 0];
  for (const { text, samples } of lines) {
    free -= Buffer.byteLength(text);
    if (free < 0) {
      left += samples;
      continue;
    }
    texts.push(text);
    taken += samples;
  }
  return { text: texts.join(""), samples: taken, left };
}

/** When all that was written before has been taken, or never will be. */
function written(out: Writable): Promise<void> {
  return new Promise((resolve) => {
    out.write("", () => resolve());
  });
}
