import { z } from "zod";
import { hostName } from "../../dispatch/job.ts";
import { positiveDuration } from "./duration.ts";

const file = z.union([z.literal(""), z.string().startsWith("/", { error: "expected an absolute path" })]).default("");

const tls = z
  .strictObject({
    cert_file: file.describe("Certificate with its chain, PEM. Empty: plain HTTP, on a loopback address only."),
    key_file: file.describe("Its key, PEM; others must not be able to read the file."),
    client_ca_file: file.describe("Who calls has to show a certificate of this CA. Empty: none is asked for."),
  })
  .prefault({})
  .describe("HTTPS. Files are read again when they change; bad ones change nothing.");

const ids = z.array(z.union([z.literal("any"), z.string().regex(/^\d{1,32}$/u, { error: "expected an id, or any" })]));

const range = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: "expected an address, or a range such as 10.0.0.0/8",
});

const limit = z.int().min(1).max(1_000_000_000);

/** `webhook`. */
export const webhookSection = z
  .strictObject({
    listen: z
      .string()
      .regex(/^(?:\d+\.\d+\.\d+\.\d+|\[[\da-fA-F:.]+\]):\d{1,5}$/u, {
        error: "expected an address and a port, such as 127.0.0.1:8480 or [::]:8443",
      })
      .default("127.0.0.1:8480")
      .describe("Address and port."),
    path: z
      .string()
      .regex(/^\/[\w./~-]*$/u, { error: "expected a path such as /webhook" })
      .default("/webhook")
      .describe("The one path that is answered, beside /healthz."),
    tls,
    token_files: z
      .array(z.string().startsWith("/", { error: "expected an absolute path" }))
      .max(2)
      .default([])
      .describe(
        "One or two files with a token each (at least 32 characters), which others can not read; two while one takes the other's place. Read again when they change.",
      ),
    sources: z
      .array(range)
      .default([])
      .describe("Addresses and ranges that may call: those of `webhooks` in Datadog's IP ranges. Empty: all."),
    proxies: z
      .array(range)
      .default([])
      .describe("Your own reverse proxies: what they put at the end of X-Forwarded-For is believed."),
    monitors: ids.default([]).describe("Ids of the monitors that may ask, or any."),
    orgs: ids.default([]).describe("Ids of the Datadog organisations that may ask, or any."),
    hosts: z
      .array(z.string().toLowerCase().pipe(hostName))
      .default([])
      .describe(
        "Hosts that may be asked for, as Datadog names them. Empty: this one; with a broker, all that are enrolled.",
      ),
    max_age: positiveDuration.default("15m").describe("How old a notification may be; Datadog tries for some minutes."),
    valid_for: positiveDuration.default("15m").describe("How long a job that was accepted may wait to be begun."),
    max_per_minute: limit
      .default(6000)
      .describe("Most notifications a minute that are acted on; more are answered, not done, and told."),
    max_failures_per_minute: limit.default(60).describe("From one address, before 401 becomes 429."),
    max_connections: z.int().min(1).max(100_000).default(2000).describe("Open at once; more are closed."),
  })
  .prefault({})
  .describe("The gateway that Datadog's webhook calls (`overlaywatch webhook`).");
