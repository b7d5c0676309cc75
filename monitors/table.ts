import { plainSettings } from "./assets.ts";
import { queryOf } from "./definition.ts";
import { shippedMonitors } from "./shipped.ts";

const missing = { keep: "stays as it is", ok: "is well", notify: "is told" } as const;

/** What ships, for the docs: head and rows. */
export function monitorsTable(): readonly [readonly string[], readonly (readonly string[])[]] {
  const rows = shippedMonitors.map((one) => [
    `\`${one.key}\``,
    `${one.level}, P${one.priority}`,
    one.name,
    `\`${queryOf(one, plainSettings)}\``,
    missing[one.noData],
    one.webhook === true ? "yes" : "",
  ]);
  return [["Key", "Level", "What it tells", "Query, with its threshold", "Without data it", "Webhook"], rows];
}
