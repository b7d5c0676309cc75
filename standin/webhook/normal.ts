import { type JsonObject, omit, pick } from "../json.ts";
import type { Normalisation } from "../rule.ts";

/** What the API puts where a webhook has no payload of its own; recorded with these very spaces. */
const defaultPayload =
  '{"body": "$EVENT_MSG", "last_updated": "$LAST_UPDATED", "event_type": "$EVENT_TYPE", "title": "$EVENT_TITLE", ' +
  '"date": "$DATE", "org": {"id": "$ORG_ID", "name": "$ORG_NAME"}, "id": "$ID"}';

const known = new Set(["name", "url", "payload", "custom_headers", "encode_as", "auth_method_id"]);

export const webhookNormalisations: readonly Normalisation<JsonObject>[] = [
  {
    id: "webhook-unknown-dropped",
    why: "Only the fields of a webhook are kept.",
    source: "4.5 [S]",
    apply: (body) => pick(body, known),
  },
  {
    id: "webhook-defaults",
    why: "Answers always have these; the payload is echoed byte for byte.",
    source: "4.5 [C]; auth_method_id since 2025, undocumented",
    apply: (body) => ({
      custom_headers: null,
      encode_as: "json",
      auth_method_id: null,
      ...body,
      payload: body["payload"] ?? defaultPayload,
    }),
  },
];

/** What is answered about a custom variable: of a secret one never the value (4.5, recorded: Create-a-custom-variable). */
export const shownVariable = (variable: JsonObject): JsonObject =>
  variable["is_secret"] === true ? omit(variable, "value") : variable;
