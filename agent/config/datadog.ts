import { z } from "zod";
import { levels } from "../../monitors/settings.ts";

/** Where the user's monitors are looked for; it need not be there. */
export const defaultMonitorsDir = "/etc/overlaywatch/monitors.d";

const handle = z.string().regex(/^@\S+$/u, { error: "expected a handle such as @pagerduty-network or @slack-ops" });
const handles = (who: string) =>
  z.array(handle).default([]).describe(`Handles that are told of monitors of the level ${who}.`);

const level = {
  page: handles("page, which wake somebody"),
  ticket: handles("ticket, which somebody looks at next day"),
  inform: handles("inform, which are there to be seen beside an outage"),
} satisfies Record<(typeof levels)[number], unknown>;

const numbers = z.strictObject({
  critical: z.number().optional(),
  critical_recovery: z.number().optional(),
  warning: z.number().optional(),
  warning_recovery: z.number().optional(),
});

const expected = {
  error: "expected a number, or critical, critical_recovery, warning and warning_recovery with a number each",
};

/** A number alone is the critical one; the environment has it as text. */
const threshold = z.union([z.number(), z.string().regex(/^-?\d+(?:\.\d+)?$/u, expected), numbers], expected);

const term = z.string().regex(/^(?!\s)(?:[^,{}()]|\([^{}()]*\))+(?<!\s)$/u, {
  error: "expected a term of a Datadog filter such as env:prod or !team:lab",
});

const monitors = z
  .strictObject({
    dir: z
      .string()
      .startsWith("/", { error: "expected an absolute path" })
      .default(defaultMonitorsDir)
      .describe("Folder of monitors of your own: every *.yaml in it is read."),
    scope: z
      .array(term)
      .default([])
      .describe("What every shipped query is limited to: terms of a Datadog filter, such as env:prod or !team:lab."),
    notify: z.strictObject(level).prefault({}).describe("Who is told."),
    thresholds: z
      .record(z.string(), threshold)
      .default({})
      .describe(
        "In place of a monitor's own: its key to a number (critical), or to critical, critical_recovery, warning, warning_recovery.",
      ),
    skip: z.array(z.string()).default([]).describe("Keys of shipped monitors that are not wanted."),
    other_webhooks: z
      .array(z.string().regex(/^[\w-]+$/u, { error: "expected a webhook's name, without @webhook-" }))
      .default([])
      .describe("Names of webhooks that your organisation has already, for messages of your own monitors."),
  })
  .prefault({})
  .describe("The monitors that this program defines in your Datadog organisation.");

const keyFile = z
  .union([z.literal(""), z.string().startsWith("/", { error: "expected an absolute path" })])
  .default("");

/** Keys themselves are never in this file: `configcheck` shows it, and it is copied around. */
export const datadogSection = z
  .strictObject({
    site: z.string().min(1).default("datadoghq.com").describe("Datadog's site that `monitors` talks to; DD_SITE wins."),
    api_key_file: keyFile.describe("A file that has the API key, where DD_API_KEY is not set."),
    app_key_file: keyFile.describe("A file that has the application key, where DD_APP_KEY is not set."),
    org: z
      .string()
      .default("")
      .describe("Id of the organisation that the keys must be of. Empty: the one that was first applied to."),
    webhook_url: z
      .string()
      .regex(/^(?:https?:\/\/[^\s/]\S*)?$/u, { error: "expected an http or https address" })
      .default("")
      .describe(
        "Where Datadog reaches the gateway (`overlaywatch webhook`). Empty: there is no webhook, and no monitor mentions one.",
      ),
    monitors,
  })
  .prefault({})
  .describe("What is defined in your Datadog organisation.");
