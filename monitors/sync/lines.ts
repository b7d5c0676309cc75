/** Lines around a change that are shown as well. */
const around = 1;

/** A change from one text to another, line by line: `- ` gone, `+ ` new, two spaces for what is the same; `…` for what is left out. */
export function lineDifferences(before: readonly string[], after: readonly string[]): readonly string[] {
  const all = [...changes(before, after, commonLengths(before, after))];
  const near = (i: number) => all.slice(Math.max(0, i - around), i + around + 1).some((line) => !line.startsWith("  "));
  const lines: string[] = [];
  for (const [i, line] of all.entries()) {
    if (near(i)) lines.push(line);
    else if (lines.at(-1) !== "  …") lines.push("  …");
  }
  return lines;
}

/** Lengths of the longest common subsequences of what is left from each pair of places on. */
function commonLengths(a: readonly string[], b: readonly string[]): readonly (readonly number[])[] {
  const table = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0));
  for (let i = a.length - 1; i >= 0; i--) {
    const [row, below] = [table[i] ?? [], table[i + 1] ?? []];
    for (let j = b.length - 1; j >= 0; j--)
      row[j] = a[i] === b[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
  }
  return table;
}

function* changes(
  a: readonly string[],
  b: readonly string[],
  lengths: readonly (readonly number[])[],
): Generator<string> {
  const common = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      yield `  ${a[i++]}`;
      j++;
    } else if (common(i + 1, j) >= common(i, j + 1)) yield `- ${a[i++]}`;
    else yield `+ ${b[j++]}`;
  }
  for (const line of a.slice(i)) yield `- ${line}`;
  for (const line of b.slice(j)) yield `+ ${line}`;
}
