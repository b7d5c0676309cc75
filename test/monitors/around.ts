import { catalogue } from "../../agent/catalogue.ts";
import { nearestOf } from "../../agent/config/nearest.ts";
import { plainSettings } from "../../monitors/assets.ts";
import type { Desired, JsonObject } from "../../monitors/desired.ts";
import type { MonitorSettings, SourceFile } from "../../monitors/settings.ts";
import { validate } from "../../monitors/validate.ts";

/** As somebody has it who uses all that there is to set. */
export const fullSettings: MonitorSettings = {
  ...plainSettings,
  prefix: "docker.overlay.",
  scope: ["env:prod", "!team:lab"],
  notify: { page: ["@pagerduty-network"], ticket: ["@jira-net", "@slack-net"], inform: ["@slack-net"] },
  webhookUrl: "https://gateway.example.org/datadog",
};

const names = catalogue().map(({ name }) => name);

export const known = (prefix = plainSettings.prefix) => ({
  metrics: new Set(names.map((name) => `${prefix}${name}`)),
  nearest: nearestOf,
});

export const validated = (settings: MonitorSettings, files: readonly SourceFile[] = []) =>
  validate(settings, files, known(settings.prefix));

/** A body without what it has under a key, or with something else there. */
export const withBody = (object: Desired, change: JsonObject): Desired => ({
  ...object,
  body: { ...object.body, ...change },
});
