import { styleText } from "node:util";
import { printable, table } from "../../emit/console/table.ts";
import { wrapped } from "../doctor/wrap.ts";
import type { Counters, DemoFault, Found, Loss, Step } from "./timeline.ts";

export interface WordsOptions {
  readonly colors: boolean;
  readonly columns: number;
}

type Of<S extends Step["step"]> = Extract<Step, { readonly step: S }>;
type Color = "red" | "green" | "yellow" | "dim" | "bold";

/** One step in plain words: a sentence, and lines below it that are no sentence. */
interface Told {
  /** A word. */
  readonly label: string;
  readonly color: Color;
  readonly text: string;
  /** Lines that are too long go on below, further in... */
  readonly commands?: readonly string[];
  /** ... and these are as wide as they are. */
  readonly rows?: readonly string[];
  readonly after?: string;
}

/** For a person at a terminal: the seconds since the break, a word, and what happened. */
export function wordsOf(step: Step, options: WordsOptions): string {
  if (step.step === "summary") return summaryOf(step, options);
  const { label, color, text, commands = [], rows = [], after } = toldOf(step);
  const [clock, name] = [clockOf(step.at_s), label.padEnd(9)];
  const lead = `${clock}  ${name}`;
  const margin = " ".repeat(lead.length);
  const [first = "", ...more] = wrapped(printable(text), options.columns, lead);
  const head = `${paint(clock, "dim", options)}  ${paint(name, color, options)}${first.slice(lead.length)}`;
  const typed = commands.flatMap((line) => wrapped(line, options.columns, `${margin}    `).map(hanging));
  const lines = [...typed, ...rows.map((row) => `${margin}  ${row}`)].map((one) => paint(one, "dim", options));
  const last = after === undefined ? [] : wrapped(printable(after), options.columns, margin);
  return `${[head, ...more, ...lines, ...last].join("\n")}\n`;
}

const hanging = (line: string, index: number): string => (index === 0 ? line.slice(2) : line);

const paint = (text: string, color: Color, { colors }: WordsOptions): string =>
  colors ? styleText(color, text, { validateStream: false }) : text;

const clockOf = (seconds: number | null): string => (seconds === null ? "" : `+${seconds.toFixed(1)} s`).padStart(8);

function toldOf(step: Exclude<Step, { readonly step: "summary" }>): Told {
  switch (step.step) {
    case "setup":
      return setup(step);
    case "baseline":
      return baseline(step);
    case "break":
      return { label: "BROKEN", color: "red", ...broken(step) };
    case "agent":
      return agent(step);
    case "seen":
      return { label: "seen", color: "bold", text: seenText(step) };
    case "finding":
      return finding(step);
    case "page":
      return { label: "PAGED", color: "yellow", text: pageText(step) };
    case "cure":
      return cure(step);
    case "healed":
      return { label: "HEALED", color: "green", text: `${lossText(step.loss)}.` };
    case "not_healed":
      return { label: "STILL", color: "red", text: stillText(step) };
    case "mended":
      return { label: "mended", color: "bold", text: `By this demo, by hand, which takes the wrong rows away: ${lossText(step.loss)}.` };
    case "recovered":
      return { label: "over", color: "green", text: `The monitor has recovered by itself: "${step.monitor}".` };
  }
}

function setup({ hosts, engine, network, gateway, broker, strategy, seconds }: Of<"setup">): Told {
  const where = hosts.map(({ name, containers }) => `${containers.join(" and ")} on ${name}`).join(", ");
  const way = broker ? `, which reaches the other hosts through a NATS broker` : "";
  const text =
    `${hosts.length} real Docker hosts (engine ${engine}) on this machine, joined by the overlay network ${network}: ${where}, which talk to each other. ` +
    `On each runs all of overlaywatch, to heal by itself (strategy ${strategy}). A stand-in for Datadog has the shipped monitors, and calls the gateway on ${gateway}${way}. ${seconds.toFixed(0)} s.`;
  return { label: "set up", color: "bold", text };
}

function baseline({ loss, series, alerts }: Of<"baseline">): Told {
  const quiet = alerts.length === 0 ? "no monitor alerts" : `alerts: ${alerts.join(", ")}`;
  const text = `${lossText(loss)}. Datadog has ${series} series of these hosts, and ${quiet}.`;
  return { label: "healthy", color: "green", text };
}

const faults: Readonly<Record<DemoFault, (step: Of<"break">) => string>> = {
  outage: ({ host, loss }) =>
    `On ${host}, by hand, what Docker does by itself on a bad day (moby#29024): frames for ${loss.to} leave the bridge by the tunnel to other hosts, though ${loss.to} is here. The same for ${loss.from}.`,
  "missing-fdb": ({ host, loss }) =>
    `On ${host}, by hand, what Docker loses by itself on a bad day (moby#52661): the row that says on which host ${loss.to} is.`,
  "wrong-vtep": ({ host, loss }) =>
    `On ${host}, by hand, what Docker leaves behind when a container moves (moby#35401): a row that says ${loss.to} is on a host where it is not.`,
};

function broken(step: Of<"break">): Pick<Told, "text" | "commands" | "after"> {
  const { commands, loss } = step;
  return { text: faults[step.fault](step), commands: typedLines(commands), after: `${lossText([loss])}.` };
}

function agent({ host, containers }: Of<"agent">): Told {
  const rows = containers.flatMap(({ name, before, now }) => [
    { what: `${name} before`, ...before },
    { what: `${name} now`, ...now },
  ]);
  const isQuiet = containers.every(({ now }) => now.errors === 0 && now.drops === 0);
  return {
    label: "agent",
    color: "bold",
    text: `What the Datadog agent alone sees of the containers on ${host} (/proc/PID/net/dev, read as it does):`,
    rows: table<Counters & { readonly what: string }>(
      [
        { title: "", text: ({ what }) => what },
        { title: "received/s", text: ({ received }) => received.toFixed(1), right: true },
        { title: "sent/s", text: ({ sent }) => sent.toFixed(1), right: true },
        { title: "errors", text: ({ errors }) => String(errors), right: true },
        { title: "drops", text: ({ drops }) => String(drops), right: true },
      ],
      rows,
      false,
    ),
    after: isQuiet
      ? "Packets flow, no error, no drop: nothing that could page."
      : "Errors or drops grew: this time there was something to see.",
  };
}

function seenText({ host, metric, value, containers }: Of<"seen">): string {
  const means = metric.endsWith("fdb.misplaced")
    ? `the MAC address of ${containers.join(" and ")} is on the wrong port of the bridge`
    : "so many rows of its tables do harm now";
  return `overlaywatch sends ${metric} = ${value} for ${host}: ${means}.`;
}

/** One of each class, those first that say most. */
function finding({ host, findings }: Of<"finding">): Told {
  const classes = new Set(findings.map((one) => one.class));
  const first = [...classes].flatMap((of) => findings.find((one) => one.class === of) ?? []);
  const line = ({ class: of, container, evidence }: Found) => `${of}${container === null ? "" : ` (${container})`}: ${evidence}`;
  const text = `\`overlaywatch doctor\` on ${host} names ${findings.length === 1 ? "the wrong row" : `${findings.length} wrong rows`}:`;
  return { label: "why", color: "bold", text, commands: first.map((one) => printable(line(one))) };
}

const pageText = ({ monitor, host, code, trace }: Of<"page">): string =>
  `Datadog's monitor "${monitor}" calls the webhook for ${host}: answered ${code}, trace ${trace}.`;

function cure({ host, state, message, commands, strategy }: Of<"cure">): Told {
  const isHealed = state === "healed";
  const text = `On ${host}, and nowhere else, overlaywatch's helper ran (strategy ${strategy}):`;
  const after = isHealed ? `It pinged before and after, and says: ${message}` : `It pinged before and after, and says: ${state}: ${message}`;
  return { label: isHealed ? "cure" : "tried", color: isHealed ? "green" : "yellow", text, commands: typedLines(commands), after };
}

function stillText({ loss }: { readonly loss: readonly Loss[] }): string {
  return `${lossText(loss)}. The one-liner that circulates, deleting ARP rows, does not heal this outage. overlaywatch has measured that, says so and asks for a person; its own strategies, pin (the default) and clean, do heal it.`;
}

const lossText = (all: readonly Loss[]): string =>
  all.map(({ from, to, percent }) => `${from} to ${to}: ${percent} % of pings lost`).join("; ");

/** The way into the namespace, which is the same for all, is said once. */
function typedLines(commands: readonly string[]): readonly string[] {
  const [, way] = /^(nsenter --net=\S+) /u.exec(commands[0] ?? "") ?? [];
  const isCommon = way !== undefined && commands.every((one) => one.startsWith(`${way} `));
  const lines = isCommon ? [`${way}`, ...commands.map((one) => `  ${one.slice(way.length + 1)}`)] : commands;
  return lines.map(printable);
}

function summaryOf({ outcome, seconds }: Of<"summary">, options: WordsOptions): string {
  const { seen, paged, ended, healed, recovered } = seconds;
  const rows: readonly (readonly [string, number | null])[] = [
    ["break to seen by overlaywatch", seen],
    ["break to the page at the gateway", paged],
    [outcome === "healed" ? "page to cured" : "page to given up", ended === null || paged === null ? null : ended - paged],
    ["break to healed, as measured", healed],
    ["break to the monitor's recovery", recovered],
  ];
  const lines = rows.flatMap(([what, value]) =>
    value === null ? [] : [`  ${what.padEnd(34)}${value.toFixed(1).padStart(6)} s`],
  );
  return `\n${lines.map((line) => paint(line, "bold", options)).join("\n")}\n`;
}
