import { z } from "zod";
import { bundleFormat, bundleVersion } from "../overlay/explain/bundle.ts";
import { issueIn } from "./issue.ts";

const text = z.string().max(4096);
const ip = z.union([z.ipv4(), z.literal("")]);
const address = text.regex(/^[\d.:a-f]+$/i);
const mac = z.union([text.regex(/^(?:[\da-f]{2}:){5}[\da-f]{2}$/), z.literal("")]);
const whole = z.int().nonnegative();

/** Read until the first that is not well: `z.array` tells of each, which would be gigabytes for a million that are not. */
const list = <T extends z.ZodType>(one: T) =>
  z.array(z.unknown()).transform((all, context) => {
    const read: z.output<T>[] = [];
    for (const [at, value] of all.entries()) {
      const next = one.safeParse(value);
      if (!next.success) {
        const [issue] = next.error.issues;
        context.addIssue({ code: "custom", message: issue?.message ?? "", path: [at, ...(issue?.path ?? [])] });
        return z.NEVER;
      }
      read.push(next.data);
    }
    return read;
  });

const vxlan = z.strictObject({
  vni: whole,
  port: whole.exactOptional(),
  local: address.exactOptional(),
  learning: z.boolean(),
  proxy: z.boolean(),
  l2miss: z.boolean(),
  l3miss: z.boolean(),
});

const link = z.strictObject({
  ifindex: whole,
  name: text,
  kind: z.enum(["bridge", "vxlan", "veth", "other"]),
  mac: mac.exactOptional(),
  master: z.strictObject({ name: text, ifindex: whole.exactOptional() }).exactOptional(),
  linkIndex: whole.exactOptional(),
  linkNetnsid: whole.exactOptional(),
  up: z.boolean(),
  vxlan: vxlan.exactOptional(),
  portLearning: z.boolean().exactOptional(),
});

const fdbRow = z.strictObject({
  mac,
  ifname: text,
  dst: address.exactOptional(),
  linkNetnsid: whole.exactOptional(),
  flags: list(text),
  master: text.exactOptional(),
  state: text,
  vlan: whole.exactOptional(),
});

const neighbour = z.strictObject({ ip, dev: text, mac: mac.exactOptional(), state: list(text) });

const space = z.strictObject({
  netns: text,
  links: list(link),
  fdb: list(fdbRow),
  neighbours: list(neighbour),
  mtus: list(z.strictObject({ device: text, mtu: whole })),
  sampled: list(z.strictObject({ mac, reads: whole, onVxlan: whole })),
});

const device = z.strictObject({
  ifindex: whole,
  name: text,
  up: z.boolean(),
  mtu: whole,
  mac: mac.exactOptional(),
  addresses: list(z.cidrv4()),
});

const member = z.strictObject({
  kind: z.enum(["container", "load-balancer", "ingress"]),
  name: text,
  id: text.exactOptional(),
  pid: whole.exactOptional(),
  ip,
  mac,
  veth: text.exactOptional(),
  inside: z.strictObject({ devices: list(device), neighbours: list(neighbour) }).exactOptional(),
});

const network = z.strictObject({
  id: text.regex(/^[\da-z]{12,64}$/),
  name: text,
  driver: z.enum(["classic", "swarm"]),
  encrypted: z.boolean(),
  space: space.exactOptional(),
  members: list(member),
  told: list(z.strictObject({ ip, mac, vtep: ip, name: text })).nullable(),
});

const bundle = z.strictObject({
  format: z.literal(bundleFormat),
  version: z.literal(bundleVersion),
  savedAt: z.iso.datetime(),
  tables: z.strictObject({
    host: text.min(1),
    ownVteps: list(address),
    advertised: ip,
    networks: list(network),
    routes: list(
      z.strictObject({
        to: ip,
        device: text.exactOptional(),
        source: address.exactOptional(),
        mtu: whole.exactOptional(),
        problem: text.exactOptional(),
      }),
    ),
  }),
});

type Bundle = z.output<typeof bundle>;

/** It is no bundle that this program reads. The message says why. */
export class BadBundle extends Error {
  override readonly name = "BadBundle";
}

const labelled = z.looseObject({ format: z.literal(bundleFormat), version: z.unknown() });

/** Of what another host, or another version, wrote. Throws `BadBundle`. */
export function bundleIn(value: unknown): Bundle {
  const label = labelled.safeParse(value);
  if (!label.success) throw new BadBundle("it is no bundle of `overlaywatch doctor --save`");
  const { version } = label.data;
  if (version !== bundleVersion)
    throw new BadBundle(
      `a bundle of version ${typeof version === "number" ? version : "unknown"}, and this program reads ${bundleVersion}`,
    );
  const read = bundle.safeParse(value);
  if (read.success) return read.data;
  throw new BadBundle(issueIn(read.error));
}
