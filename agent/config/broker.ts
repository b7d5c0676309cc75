import { z } from "zod";
import { longestPause } from "../../dispatch/helper/protocol.ts";
import { positiveDuration } from "./duration.ts";
import { durationForm, milliseconds } from "./milliseconds.ts";

const file = z.union([z.literal(""), z.string().startsWith("/", { error: "expected an absolute path" })]).default("");

const server = z.string().regex(/^(?:nats|tls):\/\/(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}$/u, {
  error: "expected nats://HOST:PORT or tls://HOST:PORT",
});

/** `broker`. Secrets are in files, never here: `configcheck` shows this. */
export const brokerSection = z
  .strictObject({
    servers: z
      .array(server)
      .refine((all) => new Set(all.map((one) => one.split(":")[0])).size < 2, {
        error: "expected all of them to be tls://, or all nats://",
      })
      .default([])
      .describe(
        "NATS servers between the gateway and the hosts, as nats://HOST:PORT or tls://HOST:PORT. Empty: there is no broker, and gateway and worker are on the same host.",
      ),
    seed_file: file.describe(
      "This machine's own seed, which `overlaywatch fleet` made; others must not be able to read it.",
    ),
    ca_file: file.describe("Whose certificates the servers have, PEM. Empty: those that this system trusts."),
    cert_file: file.describe("A certificate of ours, PEM, where the servers ask for one."),
    key_file: file.describe("Its key, PEM."),
    signing_key_file: file.describe(
      "Of the gateway: the key that jobs are signed with; others must not be able to read it.",
    ),
    gateway_key_file: file.describe(
      "Of a worker: the public key of the gateway, or two while one takes the other's place. Jobs that no such key signed are not done.",
    ),
    timeout: positiveDuration
      .default("3s")
      .describe("Deadline of one question to the broker, or to a host through it."),
    fleet_dir: z
      .string()
      .startsWith("/", { error: "expected an absolute path" })
      .default("/etc/overlaywatch/fleet")
      .describe("Where `overlaywatch fleet` keeps who is enrolled, and what it made for them."),
    jobs_per_host: z
      .int()
      .min(1)
      .max(1000)
      .default(2)
      .describe("Jobs for one host that the broker takes within the window."),
    jobs_per_fleet: z
      .int()
      .min(1)
      .max(100_000)
      .default(20)
      .describe("Jobs for all hosts together that the broker takes within the window."),
    window: positiveDuration.default("15m").describe("How long a job counts for these two, and may wait for its host."),
    breaker_hosts: z
      .int()
      .min(1)
      .max(100_000)
      .default(10)
      .describe(
        "The fleet's breaker: when more different hosts than this, and more than `breaker_share`, page or heal by themselves within `breaker_window`, the gateway pauses the whole fleet for `breaker_for`, and tells people.",
      ),
    breaker_share: z
      .int()
      .min(0)
      .max(100)
      .default(20)
      .describe("Per cent of the hosts that have a place at the broker."),
    breaker_window: positiveDuration.default("5m").describe("How long a host counts for the breaker."),
    breaker_for: positiveDuration
      .default("30m")
      .refine((text) => !durationForm.test(text) || milliseconds(text) <= longestPause, {
        error: "expected 168h at most",
      })
      .describe("How long the fleet then stands still, where nobody lifts it: `overlaywatch pause --fleet --off`."),
    replicas: z
      .int()
      .min(1)
      .max(5)
      .default(1)
      .describe("On how many servers each job is kept: 3 where there are three."),
  })
  .prefault({})
  .describe("A fleet: one gateway for many hosts, by NATS JetStream.");
