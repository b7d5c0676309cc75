import { z } from "zod";
import { containerPattern } from "../../collectors/filter.ts";
import { profiles } from "../../collectors/profile.ts";
import { collectors } from "../../collectors/registry.ts";
import { socketPathOf } from "../../host/docker/socket.ts";
import { strategies } from "../../overlay/remedy/plan.ts";
import { messageOf } from "../../host/thrown.ts";
import { brokerSection } from "./broker.ts";
import { datadogSection } from "./datadog.ts";
import { duration, interval, positiveDuration } from "./duration.ts";
import { followSection } from "./follow.ts";
import { webhookSection } from "./webhook.ts";
import { workerSection } from "./worker.ts";
import { journalSection, recordSection } from "./pipeline.ts";

const tagKey = z
  .string()
  .regex(/^[A-Za-z][\w\-./]{0,198}$/u, { error: "expected a tag key: a letter, then letters, digits, _ - . /" });

const docker = z
  .strictObject({
    socket: z
      .string()
      .superRefine(refuseBadSocket)
      .default("/var/run/docker.sock")
      .describe("Unix socket of the Docker engine, a path or unix:///path. A read-only socket proxy will do."),
    timeout: positiveDuration.default("5s").describe("Deadline of one request to the engine."),
    resync: positiveDuration
      .default("5m")
      .describe("How often to list all containers again, beside following the engine's events."),
    include: z
      .array(containerPattern)
      .default([])
      .describe(
        "Only containers that match one of these: name:web-*, image:nginx*, label:tier=front, or /regular expression/. Empty means all.",
      ),
    exclude: z
      .array(containerPattern)
      .default([])
      .describe("Never containers that match one of these; wins over include."),
  })
  .prefault({})
  .describe("Where the containers are, and which of them to watch.");

function refuseBadSocket(text: string, context: z.core.$RefinementCtx): void {
  try {
    socketPathOf(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: messageOf(error) });
  }
}

const absolute = z.string().startsWith("/", { error: "expected an absolute path" });

const paths = z
  .strictObject({
    netns_dir: absolute.default("/var/run/docker/netns").describe("Docker's handles of the network namespaces."),
    host_root: absolute.default("/").describe("Where the host's root is mounted, when this runs in a container."),
    state_dir: absolute.default("/var/lib/overlaywatch").describe("Where to keep what must outlive a restart."),
  })
  .prefault({})
  .describe("Where things are on this machine.");

const tags = z
  .strictObject({
    global: z.array(z.string().min(1)).default([]).describe("Tags on every metric, as key:value."),
    profile: z
      .enum(profiles)
      .default("container")
      .describe(
        "How fine the series are: each container; summed per service; lean: per host and network. Every distinct series is billed.",
      ),
    container_id: z
      .boolean()
      .default(false)
      .describe("Adds container_id: a new series at every re-creation of a container."),
    labels: z
      .record(z.string(), tagKey)
      .default({})
      .describe("Container labels to send as tags: label name to tag key."),
  })
  .prefault({})
  .describe("What goes on the metrics.");

const dogstatsd = z
  .strictObject({
    url: z
      .string()
      .default("")
      .describe(
        "udp://host:port or unix:///path of the Datadog agent. Empty: DD_DOGSTATSD_URL, DD_AGENT_HOST and DD_DOGSTATSD_PORT, then the agent's socket if it is there, then udp://127.0.0.1:8125.",
      ),
    prefix: z
      .string()
      .regex(/^(?:[A-Za-z][\w.]*\.)?$/u, { error: "expected a metric prefix that ends in a dot" })
      .default("overlaywatch.")
      .describe("Put before every metric name."),
    max_series: z
      .int()
      .min(1)
      .default(10_000)
      .describe("Series budget of this host: what comes above it is summed per network and tagged over_budget:true."),
    idle: duration
      .default("5m")
      .describe(
        "A counter that has not moved for this long is not sent until it moves; one that never moved is not sent at all.",
      ),
  })
  .prefault({})
  .describe("Metrics to the Datadog agent on this host.");

const influx = z
  .strictObject({
    on_stdin: z
      .boolean()
      .default(false)
      .describe(
        'Collects at each newline on stdin, in place of the own schedule, and ends with stdin: for signal = "STDIN".',
      ),
  })
  .prefault({})
  .describe("Line protocol on stdout, for telegraf's inputs.execd. Prefix and series budget are those of dogstatsd.");

const sinks = z
  .strictObject({
    enabled: z
      .array(z.enum(["dogstatsd", "influx", "console", "none"]))
      .refine((names) => !(names.includes("influx") && names.includes("console")), {
        error: "influx and console both write to stdout: expected one of them at most",
      })
      .default(["dogstatsd"])
      .describe("Where samples go; several at once will do, but not influx together with console."),
    dogstatsd,
    influx,
  })
  .prefault({})
  .describe("Where samples go.");

const common = (enabled: boolean) => ({
  enabled: z.boolean().default(enabled).describe("Whether `run` and `check` without names include it."),
  interval: interval
    .default("10s")
    .describe("How often it runs; divides a minute. The Datadog agent flushes every 10s."),
});

const section = ({ summary, config, ...more }: (typeof collectors)[number]) =>
  z
    .strictObject({ ...common(!("startsDisabled" in more)), ...config.shape })
    .prefault({})
    .describe(summary);

const pipeline = z
  .strictObject({ record: recordSection, follow: followSection })
  .prefault({})
  .describe("Netlink events inside the overlay networks, through the journal.");

/** What `run` does about what it finds. */
const healModes = ["off", "observe", "auto", "worker"] as const;

const remedy = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe("false: no cleanup writes anything, whoever asks; `overlaywatch pause` does the same for a while."),
    strategy: z
      .enum(strategies)
      .default("pin")
      .describe(
        "How `cleanup` heals unless told: pin keeps a MAC on its port, clean deletes the wrong rows, learning-off floods; arp does not heal an established outage.",
      ),
    heal: z
      .enum(healModes)
      .default("off")
      .describe(
        "Whether `run` heals by itself what is active, and puts back pins that went with their container: observe says what it would do, worker asks `overlaywatch worker` and needs no right of its own.",
      ),
  })
  .prefault({})
  .describe("Healing of overlay networks.");

export const configSchema = z
  .strictObject({
    docker,
    paths,
    journal: journalSection,
    tags,
    collectors: z
      .strictObject(Object.fromEntries(collectors.map((c) => [c.name, section(c)])))
      .prefault({})
      .describe("What is measured."),
    pipeline,
    remedy,
    webhook: webhookSection,
    worker: workerSection,
    broker: brokerSection,
    sinks,
    datadog: datadogSection,
  })
  .prefault({});

export type Config = z.output<typeof configSchema>;
