import { stripVTControlCharacters, styleText } from "node:util";
import { widthOf } from "./width.ts";

export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  readonly right?: boolean;
  readonly color?: (row: T) => "red" | "dim" | "bold" | undefined;
}

/** Rows as aligned text. Cells hold names from outside: control characters must not reach a terminal. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], colors: boolean): readonly string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map(({ title }, i) =>
    cells.reduce((most, line) => Math.max(most, widthOf(line[i] ?? "")), title.length),
  );
  const pad = (text: string, i: number) => {
    const blank = " ".repeat((widths[i] ?? 0) - widthOf(text));
    return columns[i]?.right === true ? blank + text : text + blank;
  };
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

/** One line without control, format (also those that turn the direction) and unassigned characters, and line breaks. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}
