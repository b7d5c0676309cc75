import type { JsonObject } from "../desired.ts";
import { without } from "./monitor-form.ts";

/** What the API answers for what was not sent. Payload and headers are texts, and come back byte for byte. */
const defaults: JsonObject = { payload: null, custom_headers: null, encode_as: "json" };

export function canonicalWebhook(body: JsonObject): JsonObject {
  const { name, url, payload, custom_headers: headers, encode_as: encoding } = body;
  return without(
    { name, url, payload, custom_headers: headers === "" ? null : headers, encode_as: encoding },
    defaults,
  );
}
