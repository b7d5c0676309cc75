/** Counters by the kernel's name, `Tcp.RetransSegs`, and what of the text could not be read. */
export interface Counters {
  readonly values: ReadonlyMap<string, number>;
  /** Pairs of lines whose numbers do not match their names: left out whole, for a shifted column would be a lie. */
  readonly malformed: readonly string[];
}

/** Picks counters out of `/proc/PID/net/snmp` or `netstat`: pairs of lines, `Tcp: names...` and `Tcp: numbers...`. */
type Reader = (text: string) => Counters;

interface Layout {
  readonly columns: number;
  /** Where in the line of numbers each wanted counter stands. */
  readonly wanted: readonly { readonly name: string; readonly column: number }[];
}

/** Kernels differ in their columns, containers of one host do not: a line of names is understood once. */
export function counterReader(names: Iterable<string>): Reader {
  const wanted = new Set(names);
  const layouts = new Map<string, Layout>();
  const layoutOf = (header: string): Layout => {
    const known = layouts.get(header);
    if (known !== undefined) return known;
    if (layouts.size > 100) layouts.clear();
    const layout = readHeader(header, wanted);
    layouts.set(header, layout);
    return layout;
  };
  return (text) => readPairs(text, layoutOf);
}

function readHeader(header: string, wanted: ReadonlySet<string>): Layout {
  const [protocol = "", ...columns] = words(header);
  const named = columns.map((column, i) => ({ name: `${protocol.slice(0, -1)}.${column}`, column: i + 1 }));
  return { columns: columns.length + 1, wanted: named.filter(({ name }) => wanted.has(name)) };
}

function readPairs(text: string, layoutOf: (header: string) => Layout): Counters {
  const values = new Map<string, number>();
  const malformed: string[] = [];
  const lines = text.split("\n").filter((line) => line !== "");
  for (let i = 0; i < lines.length; i += 2) {
    const [header = "", numbers = ""] = [lines[i], lines[i + 1]?.trimEnd()];
    const layout = layoutOf(header);
    if (layout.wanted.length === 0) continue;
    const protocol = protocolOf(header);
    const cells = numbers.startsWith(`${protocol} `) ? wantedCells(numbers, layout) : undefined;
    if (cells === undefined) malformed.push(protocol);
    else for (const [at, { name }] of layout.wanted.entries()) values.set(name, Number(cells[at]));
  }
  return { values, malformed };
}

/**
 * The wanted numbers of a line in their order; undefined where one is none, or where there are more or fewer columns.
 * Of 130 columns some 25 are wanted: the others are passed over, without a string for each.
 */
function wantedCells(line: string, { columns, wanted }: Layout): readonly string[] | undefined {
  const cells: string[] = [];
  let column = 0;
  for (let at = 0, end = 0; end < line.length; at = end + 1, column++) {
    end = line.indexOf(" ", at);
    if (end < 0) end = line.length;
    if (column !== wanted[cells.length]?.column) continue;
    const cell = line.slice(at, end);
    if (!isCount(cell)) return undefined;
    cells.push(cell);
  }
  return column === columns ? cells : undefined;
}

const words = (line: string): readonly string[] => line.trim().split(/\s+/u);

const protocolOf = (line: string): string => line.slice(0, line.indexOf(":") + 1);

const isCount = (cell: string): boolean => /^\d+$/u.test(cell);
