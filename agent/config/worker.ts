import { z } from "zod";
import { hostName } from "../../dispatch/job.ts";
import { duration, positiveDuration } from "./duration.ts";

const socket = (path: string) =>
  z
    .string()
    // sun_path of unix(7) holds 107 bytes.
    .regex(/^\/[^\0]{0,106}$/u, { error: "expected an absolute path of at most 107 bytes" })
    .default(path);

/** `worker`. */
export const workerSection = z
  .strictObject({
    mode: z
      .enum(["observe", "approve", "auto"])
      .default("observe")
      .describe(
        "What a page leads to: observe looks and tells what would be done, approve waits for `overlaywatch approve`, auto heals within all limits.",
      ),
    auto_hosts: z
      .array(z.string().toLowerCase().pipe(hostName))
      .default([])
      .describe(
        "Healing in stages: in mode auto, hosts that heal whatever `auto_share` is. All hosts may have the same configuration.",
      ),
    auto_share: z
      .int()
      .min(0)
      .max(100)
      .default(100)
      .describe(
        "Healing in stages: in mode auto, per cent of all hosts that heal, chosen by their names; those that heal at 10 do so at 20 too. The others, but for `auto_hosts`, act as in mode approve.",
      ),
    hostname: z
      .union([z.literal(""), z.string().toLowerCase().pipe(hostName)])
      .default("")
      .describe("This host's name as Datadog has it. Empty: the Datadog agent of this host is asked."),
    datadog_config: z
      .string()
      .startsWith("/", { error: "expected an absolute path" })
      .default("/etc/datadog-agent/datadog.yaml")
      .describe("Where the Datadog agent's configuration is, to ask it for this host's name."),
    jobs_socket: socket("/run/overlaywatch-worker/jobs.sock").describe("Where the gateway hands jobs over."),
    control_socket: socket("/run/overlaywatch-worker/control.sock").describe(
      "Where `approve`, `status` and `webhook test` ask.",
    ),
    helper_socket: socket("/run/overlaywatch-helper/helper.sock").describe(
      "Where the privileged helper is asked: `overlaywatch helperd`, or its systemd socket.",
    ),
    approve_within: positiveDuration
      .default("1h")
      .describe("A job that nobody approved for so long has expired, and that is told."),
    rechecks: z
      .array(duration)
      .max(10)
      .default(["30s", "5m"])
      .describe("How long after a cure it is looked again whether it holds."),
    max_waiting: z.int().min(1).max(10_000).default(100).describe("Jobs that may wait; more are not taken."),
  })
  .prefault({})
  .describe("What is done on this host when Datadog or its own pipeline asks (`overlaywatch worker`).");
