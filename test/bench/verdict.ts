/** Milliseconds of CPU by contender, one figure a round. */
interface Rounds {
  readonly ours: number[];
  /** The build that `--beside` names. */
  readonly beside: number[];
  readonly c: number[];
  readonly shell: number[];
  readonly stats: number[];
}

export interface Measured {
  /** `idle`: containers that sleep. `busy`: with traffic, so that three or more times as many series are sent. */
  readonly state: "idle" | "busy";
  readonly containers: number;
  /** That arrived, of one cycle. */
  readonly samples: { readonly ours: number; readonly c: number };
  readonly spent: Rounds;
  /** What `stats` consists of. */
  readonly engine: Readonly<Record<string, number>>;
  /** How long a cycle held the event loop, in milliseconds. */
  readonly delay: { readonly p99: number; readonly max: number };
}

export interface Summary extends Omit<Measured, "spent"> {
  /** Medians, in milliseconds of CPU. */
  readonly cpu: Readonly<Record<keyof Rounds, number>>;
  readonly ratio: { readonly shell: number; readonly stats: number; readonly c: number };
}

export function summary({ spent, ...measured }: Measured): Summary {
  const { ours, c, shell, stats } = spent;
  const cpu = {
    ours: median(ours),
    beside: median(spent.beside),
    c: median(c),
    shell: median(shell),
    stats: median(stats),
  };
  const ratio = { shell: cpu.ours / cpu.shell, stats: cpu.ours / cpu.stats, c: cpu.ours / cpu.c };
  return { ...measured, cpu, ratio };
}

/** What issue 3 promises for 60 containers. */
const goals = { shell: 1 / 10, stats: 1 / 12, c: 3, p99: 20 };

export function table(all: readonly Summary[]): string {
  const columns = [
    ["containers", (s: Summary) => `${s.containers} ${s.state}`],
    ["samples ours/C", (s: Summary) => `${s.samples.ours}/${s.samples.c}`],
    ["ours ms", (s: Summary) => s.cpu.ours.toFixed(2)],
    ["beside ms", (s: Summary) => (Number.isNaN(s.cpu.beside) ? "-" : s.cpu.beside.toFixed(2))],
    ["C ms", (s: Summary) => s.cpu.c.toFixed(2)],
    ["shell ms", (s: Summary) => s.cpu.shell.toFixed(0)],
    ["docker stats ms", (s: Summary) => `${s.cpu.stats.toFixed(0)} (${partsOf(s)})`],
    ["ours/shell", (s: Summary) => told(s.ratio.shell, goals.shell, s, (v) => `1/${(1 / v).toFixed(1)}`)],
    ["ours/stats", (s: Summary) => told(s.ratio.stats, goals.stats, s, (v) => `1/${(1 / v).toFixed(1)}`)],
    ["ours/C", (s: Summary) => told(s.ratio.c, goals.c, s, (v) => v.toFixed(2))],
    ["loop p99, max ms", (s: Summary) => `${told(s.delay.p99, goals.p99, s, ms)}, ${ms(s.delay.max)}`],
  ] as const;
  const rows = [columns.map(([head]) => head), ...all.map((one) => columns.map(([, cell]) => cell(one)))];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  "));
  return `${lines.map((line) => line.trimEnd()).join("\n")}\nGoals at 60: 1/10 of the shell, 1/12 of docker stats, 3 x C, p99 20 ms. "!" is a miss.\n`;
}

const ms = (value: number): string => value.toFixed(1);

const partsOf = ({ engine }: Summary): string =>
  Object.entries(engine)
    .map(([part, cpu]) => `${part} ${cpu.toFixed(0)}`)
    .join(", ");

function told(value: number, goal: number, { containers }: Summary, text: (value: number) => string): string {
  return `${text(value)}${containers >= 60 && value > goal ? "!" : ""}`;
}

export function median(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  return ordered[Math.floor(ordered.length / 2)] ?? Number.NaN;
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
