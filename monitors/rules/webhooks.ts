import { webhookName } from "../webhook.ts";
import type { Rule } from "./rule.ts";

/** Every `@webhook-NAME` is one that is defined here, or that the user says is there. */
export const webhooks: Rule = {
  tag: "webhooks",
  monitor: ({ message, options }, _query, { webhooks: known, nearest }) =>
    [["message", message] as const, ["options.escalation_message", options.escalation_message ?? ""] as const].flatMap(
      ([field, text]) =>
        [...text.matchAll(/@webhook-([\w-]+)/gu)]
          .map(([, name = ""]) => name)
          .filter((name) => !known.has(name))
          .map((name) => ({ field, message: `@webhook-${name}: ${why(name, nearest(name, [...known]))}` })),
    ),
};

const why = (name: string, nearest: string): string =>
  name === webhookName
    ? "datadog.webhook_url is not set, so there is no such webhook"
    : `there is no such webhook${nearest}; if your organisation has it, name it in datadog.monitors.other_webhooks`;
