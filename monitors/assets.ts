import { type MonitorDefinition, monitorOf } from "./definition.ts";
import { type Desired, type JsonObject, ownerTags } from "./desired.ts";
import { dashboardOf } from "./dashboard.ts";
import type { MonitorSettings } from "./settings.ts";
import { shippedMonitors } from "./shipped.ts";

/** The defaults: nobody is told, all hosts, no webhook. */
export const plainSettings: MonitorSettings = {
  prefix: "overlaywatch.",
  scope: [],
  notify: { page: [], ticket: [], inform: [] },
  thresholds: {},
  skip: [],
  webhookUrl: undefined,
  otherWebhooks: [],
};

interface Asset {
  /** Below `assets/`. */
  readonly path: string;
  readonly content: JsonObject;
}

/** When the definitions were first made; the form wants it, and a second date that is not before it. */
const made = "2026-11-25";

/**
 * Monitors and dashboard in the form of Datadog's integration packs (`assets/monitors/*.json`, version 2): for who makes
 * them by hand from there. Such a copy is the user's own, so it does not say that this program owns it.
 */
export function monitorAssets(): readonly Asset[] {
  return [
    ...shippedMonitors.map((definition) => ({
      path: `monitors/${definition.key.replaceAll("-", "_")}.json`,
      content: template(monitorOf(definition, plainSettings), definition),
    })),
    { path: "dashboards/overview.json", content: dashboardOf(plainSettings).body },
  ];
}

function template({ key, body }: Desired, { name, about }: MonitorDefinition): JsonObject {
  const owners = ownerTags(key);
  const { tags } = body;
  const own = Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string" && !owners.includes(tag)) : [];
  return {
    version: 2,
    created_at: made,
    last_updated_at: made,
    title: name,
    description: about,
    definition: { ...body, tags: own },
    tags: own,
  };
}
