import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { catalogue } from "../agent/catalogue.ts";
import { serviceChecks } from "../agent/service-checks.ts";
import { exampleConfig } from "../agent/config/example.ts";
import { configJsonSchema, configOptions } from "../agent/config/options.ts";
import { endingsTable } from "../dispatch/gateway/endings.ts";
import { collectors } from "../collectors/registry.ts";
import { monitorAssets } from "../monitors/assets.ts";
import { runbooks } from "../monitors/runbooks.ts";
import { monitorsTable } from "../monitors/table.ts";
import { terminalPicture } from "./terminal-picture.ts";

/**
 * Writes what is derived from the code: metadata.csv, the example configuration, its schema, and the tables in the
 * collectors' READMEs. With --check it writes nothing and fails where a file is stale.
 */
const check = process.argv.includes("--check");
const stale = files().filter(({ path, text }) => !isFresh(path, text));
if (!check) for (const { path, text } of stale) write(path, text);
for (const { path } of stale)
  process.stdout.write(check ? `${path} is stale: run npm run generate\n` : `wrote ${path}\n`);
process.exitCode = check && stale.length > 0 ? 1 : 0;

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

interface Generated {
  readonly path: string;
  readonly text: string;
}

function files(): readonly Generated[] {
  return [
    { path: "metadata.csv", text: metadataCsv() },
    { path: "assets/service_checks.json", text: serviceChecksJson() },
    { path: "agent/config/overlaywatch.example.yaml", text: exampleConfig() },
    { path: "agent/config/overlaywatch.schema.json", text: `${JSON.stringify(configJsonSchema(), undefined, 2)}\n` },
    ...monitorFiles(),
    answersFile(),
    runbooksFile(),
    configurationFile(),
    pictureFile(),
    ...collectors.map(({ name }) => readme(name)),
  ];
}

function isFresh(path: string, text: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8") === text;
}

/** The eleven columns of Datadog's integration packs, in their order. */
function metadataCsv(): string {
  const head =
    "metric_name,metric_type,interval,unit_name,per_unit_name,description,orientation,integration,short_name,curated_metric";
  const rows = catalogue().map(({ name, type, unit, help, orientation }) =>
    [
      `overlaywatch.${name}`,
      type,
      "",
      unit,
      "",
      quoted(help),
      orientation,
      "overlaywatch",
      name.replaceAll(/[._]/gu, " "),
      "",
    ].join(","),
  );
  return `${[head, ...rows].join("\n")}\n`;
}

function quoted(text: string): string {
  return /[",\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The form of Datadog's integration packs. */
function serviceChecksJson(): string {
  const checks = Object.entries(serviceChecks).map(([id, { name, description, statuses }]) => ({
    agent_version: "7.0.0",
    integration: "overlaywatch",
    check: `overlaywatch.${id}`,
    statuses,
    groups: ["host"],
    name,
    description,
  }));
  return `${JSON.stringify(checks, undefined, 2)}\n`;
}

/** What ships for Datadog, and the table of it. */
function monitorFiles(): readonly Generated[] {
  const page = "docs/monitors.md";
  const [head, rows] = monitorsTable();
  return [
    ...monitorAssets().map(({ path, content }) => ({
      path: join("assets", path),
      text: `${JSON.stringify(content, undefined, 2)}\n`,
    })),
    { path: page, text: fill(readFileSync(page, "utf8"), "monitors", table(head, rows)) },
  ];
}

/** A terminal's picture, of what was recorded on a host of the lab (docs/pictures/outage.sh). */
function pictureFile(): Generated {
  const recorded = readFileSync("docs/pictures/outage.txt", "utf8");
  const title = "An outage on a host of the lab: doctor names the wrong rows, cleanup --apply heals it and proves that";
  return { path: "docs/pictures/outage.svg", text: terminalPicture(recorded, title) };
}

function runbooksFile(): Generated {
  const path = "docs/runbooks.md";
  return { path, text: fill(readFileSync(path, "utf8"), "runbooks", runbooks()) };
}

/** Every option, a table for each section; those of collectors are in the collectors' READMEs. */
function configurationFile(): Generated {
  const path = "docs/configuration.md";
  const { options, sections } = configOptions();
  const named = sections.filter(({ path: at }) => at.length === 1 && at[0] !== "collectors");
  const blocks = named.map(({ path: [name = ""], description }) => {
    const own = options.filter(({ path: at }) => at[0] === name);
    return `### ${name}\n\n${description}\n\n${table(["Option", "Default", ""], own.map(optionRow))}`;
  });
  return { path, text: fill(readFileSync(path, "utf8"), "options", blocks.join("\n")) };
}

/** What the gateway answers. */
function answersFile(): Generated {
  const [path, head] = ["docs/webhook.md", ["Code", "`reason`", "", "Told"]];
  return { path, text: fill(readFileSync(path, "utf8"), "answers", table(head, endingsTable())) };
}

/** A collector's README, with the text between its markers made anew; one without a README gets a first one. */
function readme(name: string): Generated {
  const path = join("collectors", name, "README.md");
  const collector = collectors.find((c) => c.name === name);
  const text = existsSync(path)
    ? readFileSync(path, "utf8")
    : `# ${name}\n\n${collector?.summary ?? ""}\n\n<!-- metrics -->\n<!-- /metrics -->\n\n<!-- options -->\n<!-- /options -->\n`;
  return { path, text: fill(fill(text, "metrics", metricsTable(name)), "options", optionsTable(name)) };
}

function fill(text: string, block: string, content: string): string {
  const [open, close] = [`<!-- ${block} -->`, `<!-- /${block} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start === -1 || end < start) throw new Error(`the markers ${open} and ${close} are missing`);
  return `${text.slice(0, start + open.length)}\n\n${content}\n${text.slice(end)}`;
}

function metricsTable(room: string): string {
  const rows = catalogue().filter((m) => m.room === room);
  return table(
    ["Metric", "Type", "Unit", "Tags beside the container's", ""],
    rows.map(({ name, type, unit, tags, help, join: joined }) => [
      `\`overlaywatch.${name}\``,
      joined === undefined ? type : `${type}, joined by ${joined}`,
      unit,
      tags.map((t) => `\`${t}\``).join(" "),
      help,
    ]),
  );
}

function optionsTable(name: string): string {
  const own = configOptions().options.filter(({ path }) => path[0] === "collectors" && path[1] === name);
  return table(
    ["Option", "Default", ""],
    own.map((option) => optionRow({ ...option, path: option.path.slice(1) })),
  );
}

type Option = ReturnType<typeof configOptions>["options"][number];

function optionRow({ path, default: fallback, description, choices }: Option): readonly string[] {
  const oneOf = choices.length === 0 ? "" : ` One of ${choices.map((one) => `\`${one}\``).join(", ")}.`;
  return [`\`${path.slice(1).join(".")}\``, `\`${JSON.stringify(fallback)}\``, `${description}${oneOf}`];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return `${lines.join("\n")}\n`;
}
