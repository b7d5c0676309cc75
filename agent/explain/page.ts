import { styleText } from "node:util";
import { printable } from "../../emit/console/table.ts";
import type { Explained } from "../../overlay/explain/explain.ts";
import type { Hop } from "../../overlay/explain/hop.ts";
import { type Paint } from "../doctor/placed.ts";
import type { PageOptions } from "../doctor/page.ts";
import { wrapped } from "../doctor/wrap.ts";

/** What a person reads: the way from top to bottom, and what to run where it ends. */
export function explainedPage(explained: Explained, { colors, columns }: PageOptions): string {
  const paint: Paint = (color, text) => (colors ? styleText(color, text, { validateStream: false }) : text);
  const parts = [
    headline(explained, columns, paint),
    drawing(explained.hops, columns, paint),
    explained.hops.filter(({ ok }) => ok !== true).flatMap((hop) => proof(hop)),
    explained.notes.flatMap((note) => wrapped(printable(note), columns, "- ")),
  ];
  const filled = parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${filled.join("\n\n")}\n`;
}

const colorOf = { healthy: "green", faulty: "red", unknown: "yellow" } as const;

function headline({ from, to, network, hops, verdict }: Explained, columns: number, paint: Paint): readonly string[] {
  const last = hops.at(-1);
  const said = {
    healthy: "nothing wrong",
    faulty: `wrong at ${last?.hop ?? "?"} on ${last?.host ?? "?"}`,
    unknown: "it could not all be judged",
  }[verdict];
  const text = printable(`${end(from)} to ${end(to)} by ${network.name}: ${said}`);
  return wrapped(text, columns, "").map((line) => line.replace(said, () => paint(colorOf[verdict], said)));
}

const end = ({ name, ip, host }: Explained["from"]): string =>
  `${name}${ip === "" ? "" : ` (${ip}${host === null ? "" : `, ${host}`})`}`;

const markOf = (ok: Hop["ok"]): string => (ok === true ? " " : ok === false ? "✗" : "?");

/** One rail for each host that the packet comes through. */
function drawing(hops: readonly Hop[], columns: number, paint: Paint): readonly string[] {
  const widest = Math.max(0, ...hops.map(({ hop }) => hop.length));
  return hops.flatMap((hop, index) => {
    const head = hops[index - 1]?.host === hop.host ? [] : [paint("bold", printable(hop.host))];
    const lead = `${index === hops.length - 1 ? "└" : "├"}${markOf(hop.ok)} ${hop.hop.padEnd(widest)}  `;
    const lines = wrapped(`${printable(hop.what)}: ${printable(hop.why)}`, columns, lead);
    const rail = index === hops.length - 1 ? " " : "│";
    const joined = lines.map((line, at) => (at === 0 ? line : `${rail}${line.slice(1)}`));
    return [...head, ...(hop.ok === false ? joined.map((line) => paint("red", line)) : joined)];
  });
}

/** Never wrapped: it is to be pasted. */
const proof = ({ hop, host, command }: Hop): readonly string[] => [
  `${hop} on ${printable(host)}, shown by:`,
  `  ${command}`,
];
