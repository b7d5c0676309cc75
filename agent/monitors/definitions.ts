import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Desired } from "../../monitors/desired.ts";
import { problemText } from "../../monitors/problem.ts";
import type { MonitorSettings, SourceFile } from "../../monitors/settings.ts";
import { validate } from "../../monitors/validate.ts";
import { messageOf } from "../../host/thrown.ts";
import { catalogue } from "../catalogue.ts";
import { defaultMonitorsDir } from "../config/datadog.ts";
import { nearestOf } from "../config/nearest.ts";
import type { Config } from "../config/schema.ts";
import { ConfigError } from "../exit-codes.ts";

/** Everything that is to be in the organisation, and what is wrong with it. Throws `ConfigError` where a folder can not be read. */
export function definitionsOf(config: Config) {
  const settings = monitorSettings(config);
  const files = userFiles(config.datadog.monitors.dir);
  const metrics = new Set(catalogue().map(({ name }) => `${settings.prefix}${name}`));
  return { ...validate(settings, files, { metrics, nearest: nearestOf }), settings, files };
}

/** What is to be in the organisation. Throws an Error that names every definition that is wrong: nothing is done by halves. */
export function definedOrThrow(config: Config): readonly Desired[] {
  const { objects, problems } = definitionsOf(config);
  if (problems.length === 0) return objects;
  throw new Error(`definitions are wrong, and nothing was done:\n${problems.map(problemText).join("\n")}`);
}

function monitorSettings({ datadog, sinks }: Config): MonitorSettings {
  const { scope, notify, thresholds, skip, other_webhooks } = datadog.monitors;
  return {
    prefix: sinks.dogstatsd.prefix,
    scope,
    notify,
    thresholds: Object.fromEntries(
      Object.entries(thresholds).map(([key, one]) => [key, typeof one === "object" ? one : { critical: Number(one) }]),
    ),
    skip,
    webhookUrl: datadog.webhook_url === "" ? undefined : datadog.webhook_url,
    otherWebhooks: other_webhooks,
  };
}

function userFiles(dir: string): readonly SourceFile[] {
  try {
    return readdirSync(dir)
      .filter((name) => /\.ya?ml$/u.test(name))
      .toSorted()
      .map((name) => join(dir, name))
      .map((path) => ({ path, text: readFileSync(path, "utf8") }));
  } catch (cause) {
    const absent = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (absent && dir === defaultMonitorsDir) return [];
    const why = messageOf(cause);
    throw new ConfigError(`datadog.monitors.dir: cannot read monitors from ${dir}: ${why}`, { cause });
  }
}
