import { cut, widthOf } from "../../emit/console/width.ts";

/** A text in lines of `columns` at most, the first behind `lead`, the others as far in. A word is never cut. */
export function wrapped(text: string, columns: number, lead: string): readonly string[] {
  const lines: string[] = [];
  let line = lead;
  for (const word of text.split(" ").filter((one) => one !== "")) {
    const empty = line.trim() === lead.trim();
    if (!empty && widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(line);
      line = " ".repeat(lead.length) + word;
    } else line += empty ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** A name of at most `width` columns; of a longer one the beginning. */
export function fitted(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return `${cut(text, width - 1)}…`;
}
