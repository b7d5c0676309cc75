import { z } from "zod";
import { reportClasses } from "../../../overlay/diagnose/finding.ts";

const finding = z.strictObject({
  class: z.enum([
    "stale-local",
    "self-loop",
    "local-mac-on-vxlan-port",
    "missing-fdb",
    "wrong-vtep",
    "wrong-neighbour",
    "orphan-row",
    "duplicate-ip",
    "orphan-vxlan-link",
    "neighbour-table-full",
    "conntrack-full",
    ...reportClasses,
  ]),
  state: z.enum(["latent", "active", "mitigated"]),
  ip: z.string().nullable(),
  mac: z.string().nullable(),
  container: z.string().nullable(),
  device: z.string().nullable(),
  evidence: z.string(),
  remedy: z.string(),
  automatic: z.boolean(),
  why: z.string().optional(),
});

const unjudged = z.strictObject({
  what: z.string(),
  why: z.string(),
  blind: z.boolean(),
  about: z.literal("elsewhere").optional(),
});

const endpoint = z.strictObject({
  name: z.string(),
  kind: z.enum(["container", "load-balancer", "ingress"]),
  container_id: z.string().nullable(),
  ip: z.string().nullable(),
  mac: z.string().nullable(),
  veth: z.string().nullable(),
  pinned: z.boolean(),
});

/** What `doctor --json` prints. */
export const doctorJson = z.strictObject({
  host: z.string().min(1),
  engine: z.string().nullable(),
  networks: z.array(
    z.strictObject({
      name: z.string(),
      id: z.string(),
      vni: z.number().nullable(),
      netns: z.string(),
      vxlan: z.string().nullable(),
      bridge: z.string().nullable(),
      driver: z.enum(["classic", "swarm"]),
      subnets: z.array(
        z.strictObject({ vni: z.number().nullable(), vxlan: z.string(), bridge: z.string().nullable() }),
      ),
      endpoints: z.array(endpoint),
      findings: z.array(finding),
      unjudged: z.array(unjudged),
    }),
  ),
  findings: z.array(finding),
  unjudged: z.array(unjudged),
  known_bugs: z.array(z.strictObject({ issue: z.string(), title: z.string(), lookFor: z.string() })),
  verdict: z.enum(["healthy", "faulty", "unknown"]),
});
