import { z } from "zod";

const keyFile = z
  .string()
  .regex(/^(?:\/.*)?$/u, { error: "expected an absolute path" })
  .default("");

/** Keys are never in this file: it is shown by `configcheck`, and copied around. */
export const datadogSection = z
  .strictObject({
    site: z
      .string()
      .min(1)
      .default("datadoghq.com")
      .describe("Datadog's site that `monitors` talks to; DD_SITE as well."),
    api_key_file: keyFile.describe("A file with the API key, where DD_API_KEY is not set."),
    app_key_file: keyFile.describe("A file with the application key, where DD_APP_KEY is not set."),
    org: z
      .string()
      .default("")
      .describe("Public id of the organisation that the keys must be of. Empty: the one that was applied to first."),
  })
  .prefault({})
  .describe("The Datadog organisation that `monitors` keeps in order.");
