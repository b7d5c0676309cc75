import { styleText } from "node:util";
import { printable } from "../../emit/console/table.ts";
import type { Unjudged } from "../../overlay/diagnose/finding.ts";
import { drawingOf } from "./drawing.ts";
import { aroundLines, findingLines } from "./findings.ts";
import { type Paint, isAround, isByHand, type Placed } from "./placed.ts";
import type { Report } from "./report.ts";
import { wrapped } from "./wrap.ts";

export interface PageOptions {
  readonly colors: boolean;
  readonly columns: number;
}

/** What a person reads: verdict, findings, each overlay as a drawing, what could not be judged, and what to do next. */
export function pageOf(report: Report, { colors, columns }: PageOptions): string {
  const paint: Paint = (color, text) => (colors ? styleText(color, text, { validateStream: false }) : text);
  const findings = allFindings(report);
  const parts = [
    headline(report, columns, paint),
    findingLines(
      findings.filter((one) => !isAround(one)),
      columns,
      colors,
    ),
    aroundLines(findings.filter(isAround), columns, paint),
    ...report.namespaces.map((one) => drawingOf(one, report.ownVteps, columns, paint)),
    unjudgedLines(unjudgedIn(report), columns),
    bugLines(report, columns, paint),
    nextLines(report, columns, paint),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function allFindings({ json }: Report): readonly Placed[] {
  return [
    ...json.networks.flatMap(({ name, findings }) => findings.map((one) => ({ ...one, network: name }))),
    ...json.findings.map((one) => ({ ...one, network: "" })),
  ];
}

const unjudgedIn = ({ json }: Report): readonly Unjudged[] => [
  ...json.unjudged,
  ...json.networks.flatMap(({ unjudged }) => unjudged),
];

export const colorOf = { healthy: "green", faulty: "red", unknown: "yellow" } as const;

function headline(report: Report, columns: number, paint: Paint): readonly string[] {
  const { json, driver } = report;
  const engine = json.engine === null ? "" : `, engine ${printable(json.engine)} (${driver ?? "?"})`;
  const findings = allFindings(report);
  const active = findings.filter(({ state }) => state === "active").length;
  const latent = findings.filter(({ state }) => state === "latent").length;
  const containers = json.networks.reduce((sum, { endpoints }) => sum + endpoints.length, 0);
  const seen = `${counted(json.networks.length, "overlay")}, ${counted(containers, "endpoint")}`;
  const said = {
    healthy: latent === 0 ? `nothing is wrong (${seen})` : `nothing is lost now; ${latent} latent (${seen})`,
    faulty: `${counted(active, "active finding")} (${seen})`,
    unknown: "it could not be judged",
  }[json.verdict];
  const text = `${printable(json.host)}${engine}: ${json.verdict}, ${said}`;
  const painted = `: ${paint(colorOf[json.verdict], json.verdict)},`;
  return wrapped(text, columns, "").map((line) => line.replace(`: ${json.verdict},`, () => painted));
}

export const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;

export function unjudgedLines(all: readonly Pick<Unjudged, "what" | "why">[], columns: number): readonly string[] {
  if (all.length === 0) return [];
  return [
    "Could not be judged:",
    ...all.flatMap(({ what, why }) => wrapped(`${printable(what)}: ${printable(why)}`, columns, "  - ")),
  ];
}

/** Only the names where there is nothing to explain. */
function bugLines({ json, driver }: Report, columns: number, paint: Paint): readonly string[] {
  if (json.known_bugs.length === 0) return [];
  const head = `Known bugs of this engine (${driver ?? "?"} overlay):`;
  if (json.verdict === "healthy")
    return wrapped(`${head} ${json.known_bugs.map(({ issue }) => issue).join(", ")}`, columns, "").map((line) =>
      paint("dim", line),
    );
  return [head, ...json.known_bugs.flatMap(({ issue, title }) => wrapped(`${issue}: ${title}`, columns, "  - "))];
}

function nextLines(report: Report, columns: number, paint: Paint): readonly string[] {
  const active = allFindings(report).filter(({ state }) => state === "active");
  if (active.length === 0) return [];
  const byHand = "Next: what each finding says; `overlaywatch cleanup` has no cure of its own for them.";
  if (active.every(isByHand)) return wrapped(byHand, columns, "");
  return [
    `Next: ${paint("bold", "overlaywatch cleanup")}          shows what it would do, and changes nothing`,
    `      ${paint("bold", "overlaywatch cleanup --apply")}  does it, proves it, and can undo it`,
  ];
}
