import type { Desired } from "./desired.ts";

/** Mentioned as `@webhook-overlaywatch`. */
export const webhookName = "overlaywatch";

/** What the gateway takes, field by field; Datadog puts its variables in, all as text. It carries no address, device, path or command. */
const payload = {
  version: "1",
  monitor_id: "$ALERT_ID",
  cycle: "$ALERT_CYCLE_KEY",
  transition: "$ALERT_TRANSITION",
  event: "$ID",
  host: "$HOSTNAME",
  scope: "$ALERT_SCOPE",
  tags: "$TAGS",
  title: "$ALERT_TITLE",
  date: "$DATE",
  org: "$ORG_ID",
  link: "$LINK",
} as const;

/**
 * The webhook that calls the gateway at `url`. Its token is a secret custom variable of the organisation, which a person
 * sets there once: Datadog never tells such a value again, so it can be neither read nor compared, and it is in no file.
 */
export function webhookOf(url: string): Desired {
  return {
    kind: "webhook",
    key: webhookName,
    origin: "monitors/webhook.ts",
    body: {
      name: webhookName,
      url,
      payload: JSON.stringify(payload),
      custom_headers: JSON.stringify({ Authorization: "Bearer $OVERLAYWATCH_WEBHOOK_TOKEN" }),
      encode_as: "json",
    },
  };
}
