import { stripVTControlCharacters, styleText } from "node:util";

export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  readonly right?: boolean;
  readonly color?: (row: T) => "red" | "dim" | "bold" | undefined;
}

/** Rows as aligned text. Cells hold names from outside: control characters must not reach a terminal. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], colors: boolean): readonly string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const pad = (text: string, i: number) =>
    columns[i]?.right === true ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0);
  const paint = (text: string, color: "red" | "dim" | "bold" | undefined) =>
    color === undefined || !colors ? text : styleText(color, text, { validateStream: false });
  return [
    paint(
      columns
        .map(({ title }, i) => pad(title, i))
        .join("  ")
        .trimEnd(),
      "bold",
    ),
    ...rows.map((row, r) =>
      columns
        .map((column, i) => paint(pad(cells[r]?.[i] ?? "", i), column.color?.(row)))
        .join("  ")
        .trimEnd(),
    ),
  ];
}

export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\p{C}/gu, "?");
}
