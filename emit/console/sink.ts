import type { Writable } from "node:stream";
import type { EventDraft } from "../event.ts";
import type { Sample } from "../sample.ts";
import type { Sink } from "../sink.ts";
import { rates, type Row } from "./rates.ts";
import { type Column, printable, table } from "./table.ts";
import { cut, widthOf } from "./width.ts";

interface ConsoleOptions {
  readonly out: Writable;
  /** Redraw in place, with colours: for a terminal. Otherwise one table below the other. */
  readonly terminal: boolean;
  /** Rows and columns of the terminal now. */
  readonly size: () => { readonly rows: number; readonly columns: number };
  readonly title: string;
}

/** A live table of rates that a person wants to watch: busiest first, drops in red, idle containers dimmed. */
export function consoleSink(
  options: ConsoleOptions,
): Sink & { readonly show: (samples: readonly Sample[], seconds: number, at: number) => void } {
  const cycles = new Map<string, number>();
  let samples = 0;
  let told = "";
  return {
    name: "console",
    write: (batch, at) => {
      samples += batch.length;
      const seconds = elapsed(cycles, batch, at);
      if (seconds === undefined) return;
      draw(options, rates(batch, seconds), at, told);
    },
    show: (batch, seconds, at) => draw(options, rates(batch, seconds), at, told),
    event: (event) => {
      told = eventLine(event);
      if (!options.terminal) options.out.write(`${told}\n`);
    },
    flush: () => Promise.resolve(),
    close: () => {
      // What is printed next, a shell's prompt, starts below the table.
      if (options.terminal) options.out.write("\n");
      return Promise.resolve();
    },
    stats: () => ({ samples, dropped: {} }),
  };
}

/** Seconds since the last batch of the same metric; undefined for the first, and for what is not in the table. */
function elapsed(cycles: Map<string, number>, batch: readonly Sample[], at: number): number | undefined {
  if (!batch.some((s) => s.name === "net.bytes_rcvd")) return undefined;
  const before = cycles.get("net");
  cycles.set("net", at);
  return before === undefined ? undefined : (at - before) / 1000;
}

function draw({ out, terminal, size, title }: ConsoleOptions, rows: readonly Row[], at: number, told: string): void {
  // A reader that does not read gets the next picture, when it reads again; nothing piles up for it.
  if (out.writableNeedDrain) return;
  const { rows: height, columns: width } = size();
  const lines = [...heading(title, rows, at), told, ...table(columnsFor(rows), rows, terminal)];
  const shown = terminal ? fit(lines, height, width) : lines;
  const text = shown.join("\n");
  // Home, draw, clear to the end of each line and below: no flicker, nothing left of the last picture.
  out.write(terminal ? `\u001B[H${text.replaceAll("\n", "\u001B[K\n")}\u001B[K\u001B[J` : `${text}\n\n`);
}

function heading(title: string, rows: readonly Row[], at: number): readonly string[] {
  const sum = (pick: (row: Row) => number) => rows.reduce((all, row) => all + pick(row), 0);
  const containers = new Set(rows.map((r) => `${r.host} ${r.container}`)).size;
  const time = new Date(at).toISOString().slice(11, 19);
  const drops = sum((r) => r.drops);
  const faults = drops > 0 ? `, ${drops.toFixed(1)} drops/s` : "";
  return [
    `${title}  ${time} UTC  ${containers} containers, ${rows.length} interfaces, in ${bytes(sum((r) => r.bytesIn))}/s, out ${bytes(sum((r) => r.bytesOut))}/s${faults}`,
  ];
}

/** The last one stays above the table. */
const eventLine = ({ alertType, title, text }: EventDraft): string => printable(`${alertType}: ${title}: ${text}`);

const idle = (row: Row) => (row.bytesIn + row.bytesOut === 0 ? "dim" : undefined);

function columnsFor(rows: readonly Row[]): readonly Column<Row>[] {
  return [
    ...(rows.some((r) => r.host !== "") ? [name("HOST", (r) => r.host)] : []),
    name("CONTAINER", (r) => r.container),
    name("NETWORK", (r) => r.network),
    name("IF", (r) => r.interface),
    rate("IN/s", bytes, (r) => r.bytesIn),
    rate("OUT/s", bytes, (r) => r.bytesOut),
    rate("PKT IN/s", decimal, (r) => r.packetsIn),
    rate("PKT OUT/s", decimal, (r) => r.packetsOut),
    fault("DROPS/s", (r) => r.drops),
    fault("ERRORS/s", (r) => r.errors),
  ];
}

function name(title: string, text: (row: Row) => string): Column<Row> {
  return { title, text, color: idle };
}

function rate(title: string, form: (value: number) => string, value: (row: Row) => number): Column<Row> {
  return { title, right: true, text: (row) => form(value(row)), color: idle };
}

function fault(title: string, value: (row: Row) => number): Column<Row> {
  return {
    title,
    right: true,
    text: (row) => decimal(value(row)),
    color: (row) => (value(row) > 0 ? "red" : idle(row)),
  };
}

const decimal = (value: number): string => (value === 0 ? "0" : value.toFixed(1));

/** `1.5 kB`: powers of 1000, as network rates are counted. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"] as const;
  if (value < 999.5) return `${value.toFixed(0)} B`;
  let [step, scaled] = [1, value / 1000];
  // What would be written as 1000.0 is 1.0 of the next.
  while (scaled >= 999.95 && step < units.length - 1) [step, scaled] = [step + 1, scaled / 1000];
  return `${scaled.toFixed(1)} ${units[step]}`;
}

function fit(lines: readonly string[], height: number, width: number): readonly string[] {
  const room = Math.max(height - 1, 3);
  const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `... and ${lines.length - room + 1} more`];
  return shown.map((line) => clip(line, width));
}

/** Escape sequences take no room on the screen. */
function clip(line: string, width: number): string {
  // eslint-disable-next-line no-control-regex -- an escape sequence starts with ESC
  const parts = line.split(/(\u001B\[\d+m)/u);
  let left = width;
  return parts
    .map((part) => {
      if (part.startsWith("\u001B[")) return part;
      const kept = cut(part, left);
      left = kept === part ? left - widthOf(part) : 0;
      return kept;
    })
    .join("");
}
