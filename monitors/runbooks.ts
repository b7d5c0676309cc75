import { plainSettings } from "./assets.ts";
import { type MonitorDefinition, queryOf } from "./definition.ts";
import { shippedMonitors } from "./shipped.ts";

/** What the person on call reads, for the docs: a section for each monitor, under its key. */
export const runbooks = (): string => shippedMonitors.map((one) => runbook(one)).join("\n");

function runbook(one: MonitorDefinition): string {
  const { key, level, priority, name, about, message } = one;
  const list = [
    `- **It means**: ${readable(message.means)}`,
    `- **Look at**: ${readable(message.look)}`,
    "- **Run** on the host, as root:",
    ...message.run.map(([command, does]) => `  - \`${command}\`: ${does}`),
    `- **Query**: \`${queryOf(one, plainSettings)}\``,
  ];
  return [`## ${key}`, `**${name}** (${level}, P${priority})`, about, `${list.join("\n")}\n`].join("\n\n");
}

/** Datadog's variables, which it fills in when it tells; what it says only where no data came is marked. */
function readable(text: string): string {
  return text
    .replaceAll(/\{\{\^is_no_data\}\}([^]*?)\{\{\/is_no_data\}\}/gu, "$1")
    .replaceAll(/\{\{#is_no_data\}\}([^]*?)\{\{\/is_no_data\}\}/gu, " _(no data)_ $1")
    .replaceAll("{{value}}", "_N_")
    .replaceAll(/\{\{(\w+)(?:\.name)?\}\}/gu, (_, tag: string) => `_${tag}_`);
}
