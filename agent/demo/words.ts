import { styleText } from "node:util";
import { printable, table } from "../../emit/console/table.ts";
import { wrapped } from "../doctor/wrap.ts";
import type { Counters, DemoFault, Found, Loss, Step, StepName } from "./timeline.ts";

export interface WordsOptions {
  readonly colors: boolean;
  readonly columns: number;
}

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

type Tellers = { readonly [S in Exclude<StepName, "summary">]: (step: Step<S>) => Told };

function toldOf<S extends Exclude<StepName, "summary">>(step: Step<S>): Told {
  return tellers[step.step](step);
}

function setup({ hosts, engine, driver, network, gateway, broker, strategy, seconds }: Step<"setup">): Told {
  const where = hosts.map(({ name, containers }) => `${containers.join(" and ")} on ${name}`).join(", ");
  const way = broker ? `, which reaches the other hosts through a NATS broker` : "";
  const text =
    `${hosts.length} real Docker hosts (engine ${engine}${driver === "swarm" ? ", swarm mode" : ""}) on this machine, joined by the overlay network ${network}: ${where}, which talk to each other. ` +
    `On each runs all of overlaywatch, to heal by itself (strategy ${strategy}). A stand-in for Datadog has the shipped monitors, and calls the gateway on ${gateway}${way}. ${seconds.toFixed(0)} s.`;
  return { label: "set up", color: "bold", text };
}

function baseline({ loss, series, alerts }: Step<"baseline">): Told {
  const quiet = alerts.length === 0 ? "no monitor alerts" : `alerts: ${alerts.join(", ")}`;
  const text = `${lossText(loss)}. Datadog has ${series} series of these hosts, and ${quiet}.`;
  return { label: "healthy", color: "green", text };
}

const tellers: Tellers = {
  setup,
  baseline,
  break: (step) => ({ label: "BROKEN", color: "red", ...broken(step) }),
  agent,
  seen: (step) => ({ label: "seen", color: "bold", text: seenText(step) }),
  finding,
  page: (step) => ({ label: "PAGED", color: "yellow", text: pageText(step) }),
  cure,
  by_itself: ({ loss }) => ({ label: "ended", color: "yellow", text: `${byItself} ${lossText([loss])}. Once more:` }),
  by_hand: byHand,
  healed: ({ loss }) => ({ label: "HEALED", color: "green", text: `${lossText(loss)}.` }),
  not_healed: (step) => ({ label: "STILL", color: "red", text: stillText(step) }),
  mended: ({ loss }) => ({ label: "mended", color: "bold", text: `By the demo, by hand: ${lossText(loss)}.` }),
  recovered: (step) => ({ label: "over", color: "green", text: overText(step) }),
};

const faults: Readonly<Record<DemoFault, (step: Step<"break">) => string>> = {
  outage: ({ host, loss }) =>
    `On ${host}, by hand, what Docker does by itself on a bad day (moby#29024): frames for ${loss.to} leave the bridge by the tunnel to other hosts, though ${loss.to} is here. The same for ${loss.from}.`,
  "missing-fdb": ({ host, loss }) =>
    `On ${host}, by hand, what Docker loses by itself on a bad day (moby#52661): the row that says on which host ${loss.to} is.`,
  "wrong-vtep": ({ host, loss }) =>
    `On ${host}, by hand, what Docker leaves behind when a container moves (moby#35401): a row that says ${loss.to} is on a host where it is not.`,
};

function broken(step: Step<"break">): Pick<Told, "text" | "commands" | "after"> {
  const { commands, loss } = step;
  return { text: faults[step.fault](step), commands: typedLines(commands), after: `${lossText([loss])}.` };
}

function agent({ host, containers }: Step<"agent">): Told {
  const rows = containers.flatMap(({ name, before, now }) => [
    { what: `${name} before`, ...before },
    { what: `${name} now`, ...now },
  ]);
  const isQuiet = containers.every(({ now }) => now.errors === 0 && now.drops === 0);
  const isLess = containers.some(({ before, now }) => now.received < before.received / 2);
  const flow = isLess ? "Fewer packets, as on a quiet day" : "Packets flow";
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
      ? `${flow}: nothing to page on (errors and drops, which the agent does not send, were 0).`
      : "Errors or drops grew, which the agent does not send.",
  };
}

function seenText({ host, metric, value, containers }: Step<"seen">): string {
  const means = metric.endsWith("fdb.misplaced")
    ? `the MAC address of ${containers.join(" and ")} is on the wrong port of the bridge`
    : `${value === 1 ? "1 row of its tables does" : `${value} rows of its tables do`} harm now`;
  return `overlaywatch sends ${metric} = ${value} for ${host}: ${means}.`;
}

const foundLine = ({ class: of, container, evidence }: Found): string =>
  printable(`${of}${container === null ? "" : ` (${container})`}: ${evidence}`);

/** One of each class. */
function finding({ host, findings }: Step<"finding">): Told {
  const classes = new Set(findings.map((one) => one.class));
  const first = [...classes].flatMap((of) => findings.find((one) => one.class === of) ?? []);
  const count = findings.length === 1 ? "the wrong row" : `${findings.length} wrong rows`;
  const of = first.length < findings.length ? ", one of each kind" : "";
  const text =
    findings.length === 0
      ? `\`overlaywatch doctor\` on ${host} finds nothing any more: the cure was faster.`
      : `\`overlaywatch doctor\` on ${host} names ${count}${of}:`;
  return { label: "why", color: "bold", text, commands: first.map(foundLine) };
}

const pageText = ({ monitor, host, code, trace }: Step<"page">): string =>
  `Datadog's monitor "${monitor}" calls the webhook for ${host}: answered ${code}, trace ${trace}.`;

function cure({ host, state, message, commands, strategy, elsewhere }: Step<"cure">): Told {
  const isHealed = state === "healed";
  if (commands.length === 0)
    return {
      label: "refused",
      color: "yellow",
      text: `On ${host} nothing was changed: ${message.replace(`${state}: `, "")}.`,
    };
  const others = elsewhere.length === 0 ? "and nowhere else" : `and on ${elsewhere.join(", ")}`;
  const text = `On ${host}, ${others}, overlaywatch's helper ran (strategy ${strategy}):`;
  // The path of a file that is gone with the demo is no news.
  const [said = message] = message.split("; to undo it:");
  const after = `It pings before and after each cure, and says: ${isHealed ? "" : `${state}: `}${said}.`;
  return {
    label: isHealed ? "cure" : "tried",
    color: isHealed ? "green" : "yellow",
    text,
    commands: typedLines(commands),
    after,
  };
}

function byHand({ host, command, outcome, exit, commands, lost }: Step<"by_hand">): Told {
  const figures = lost.map(([before, after]) => `${before} % lost before, ${after} % after`);
  return {
    label: "tried",
    color: "yellow",
    text: `A person insists, on ${host}: ${command}. It ran:`,
    commands: typedLines(commands),
    after: `It pings before and after: ${[...new Set(figures)].join("; ")}. It ends with ${exit}: ${outcome}.`,
  };
}

function overText({ monitor, looked_again: again }: Step<"recovered">): string {
  const looked = again === null ? "" : ` overlaywatch has looked again: ${again}.`;
  return `Datadog's monitor "${monitor}" has recovered.${looked}`;
}

function stillText({ loss }: Step<"not_healed">): string {
  return `${lossText(loss)}. The one-liner that circulates, deleting ARP rows, does not end this outage, and overlaywatch does not say that it did. What does: pin (the default), clean or learning-off.`;
}

const byItself =
  "The outage has ended before anything was done about it, as it may: the bridge has learned the right ports again by itself.";

const lossText = (all: readonly Loss[]): string =>
  all.map(({ from, to, percent }) => `${from} to ${to}: ${percent} % of pings lost`).join("; ");

/** The way into the namespace, which is the same for all, is said once. */
function typedLines(commands: readonly string[]): readonly string[] {
  const [, way] = /^(nsenter --net=\S+) /u.exec(commands[0] ?? "") ?? [];
  const isCommon = way !== undefined && commands.every((one) => one.startsWith(`${way} `));
  const lines = isCommon ? [way, ...commands.map((one) => `  ${one.slice(way.length + 1)}`)] : commands;
  return lines.map(printable);
}

function summaryOf({ outcome, seconds }: Step<"summary">, options: WordsOptions): string {
  const { seen, paged, ended, healed, recovered } = seconds;
  const rows: readonly (readonly [string, number | null])[] = [
    ["break to seen by overlaywatch", seen],
    ["break to the page at the gateway", paged],
    [
      outcome === "healed" ? "page to cured" : "page to given up",
      ended === null || paged === null ? null : ended - paged,
    ],
    ["break to healed, as measured", healed],
    ["break to the monitor's recovery", recovered],
  ];
  const lines = rows.flatMap(([what, value]) =>
    value === null ? [] : [`  ${what.padEnd(34)}${value.toFixed(1).padStart(6)} s`],
  );
  return `\n${lines.map((line) => paint(line, "bold", options)).join("\n")}\n`;
}
