import { stripVTControlCharacters } from "node:util";

/**
 * What a terminal showed, as an SVG that needs no font of its own and follows the reader's light or dark theme. The text is
 * what `script` recorded: plain, bold and red are told apart (SGR 1, 31, and their ends), other escapes are refused.
 */
export function terminalPicture(recorded: string, title: string): string {
  const lines = recorded.replaceAll("\r", "").trimEnd().split("\n");
  const columns = Math.max(...lines.map((line) => stripVTControlCharacters(line).length));
  const [width, height] = [Math.ceil(columns * advance) + 2 * margin, lines.length * leading + 2 * margin + bar];
  const rows = lines.flatMap((line, i) => row(line, bar + margin + (i + 0.75) * leading));
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    style,
    `<rect class="back" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...[0, 1, 2].map((i) => `<circle class="dot" cx="${margin + 4 + i * 18}" cy="${bar / 2 + 3}" r="5"/>`),
    ...rows,
    "</svg>",
  ].join("\n")}\n`;
}

/** Pixels: of one character, of a line, around the text, and of the window's upper edge. */
const [advance, leading, margin, bar] = [7.8, 18, 16, 22];

const style = `<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #24292f; white-space: pre; }
.bold { font-weight: 700; }
.red { fill: #b3141d; }
.back { fill: #f6f8fa; stroke: #d0d7de; }
.dot { fill: #d0d7de; }
@media (prefers-color-scheme: dark) {
text { fill: #d7dde4; }
.red { fill: #ff7b72; }
.back { fill: #14181f; stroke: #3a424d; }
.dot { fill: #3a424d; }
}
</style>`;

/** SGR codes: nothing more, bold, not bold, red, the usual colour. Bold and red never stand together in what is recorded. */
const classes: Readonly<Record<string, string>> = { "": "", "0": "", "1": "bold", "22": "", "31": "red", "39": "" };

/** Its pieces of one colour, each where its first character stands: so columns hold whatever font is there. */
function row(line: string, y: number): readonly string[] {
  let column = 0;
  // Before the first escape there is none: as if it began with one that ends all.
  const pieces = `\u001B[0m${line}`.split("\u001B").slice(1).map(pieceOf);
  return pieces.flatMap(({ code, text }) => {
    const at = column;
    column += text.length;
    return text.trim() === "" ? [] : [span(text, at, y, classOf(code))];
  });
}

function pieceOf(part: string): { readonly code: string; readonly text: string } {
  const [, code, text = ""] = /^\[(\d*)m(.*)$/u.exec(part) ?? [];
  if (code === undefined) throw new Error(`the recorded text has an escape that is no colour: ${part.slice(0, 8)}`);
  return { code, text };
}

function classOf(code: string): string {
  const known = classes[code];
  if (known === undefined) throw new Error(`the recorded text has the colour ${code}, which no class stands for`);
  return known;
}

function span(piece: string, column: number, y: number, name: string): string {
  const text = piece.trim();
  const x = margin + (column + piece.indexOf(text)) * advance;
  const marks = name === "" ? "" : ` class="${name}"`;
  const length = (text.length * advance).toFixed(1);
  return `<text${marks} x="${x.toFixed(1)}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs">${escaped(text)}</text>`;
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
