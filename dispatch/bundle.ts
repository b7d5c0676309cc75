import { z } from "zod";
import { bundleFormat, bundleVersion } from "../overlay/explain/bundle.ts";

const text = z.string().max(4096);
const ip = z.union([z.ipv4(), z.literal("")]);
const address = text.regex(/^[\d.:a-f]+$/i);
const mac = z.union([text.regex(/^(?:[\da-f]{2}:){5}[\da-f]{2}$/), z.literal("")]);
const whole = z.int().nonnegative();

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
  flags: z.array(text),
  master: text.exactOptional(),
  state: text,
  vlan: whole.exactOptional(),
});

const neighbour = z.strictObject({ ip, dev: text, mac: mac.exactOptional(), state: z.array(text) });

const space = z.strictObject({
  netns: text,
  links: z.array(link),
  fdb: z.array(fdbRow),
  neighbours: z.array(neighbour),
  mtus: z.array(z.strictObject({ device: text, mtu: whole })),
  sampled: z.array(z.strictObject({ mac, reads: whole, onVxlan: whole })),
});

const device = z.strictObject({
  ifindex: whole,
  name: text,
  up: z.boolean(),
  mtu: whole,
  mac: mac.exactOptional(),
  addresses: z.array(z.cidrv4()),
});

const member = z.strictObject({
  kind: z.enum(["container", "load-balancer", "ingress"]),
  name: text,
  id: text.exactOptional(),
  pid: whole.exactOptional(),
  ip,
  mac,
  veth: text.exactOptional(),
  inside: z.strictObject({ devices: z.array(device), neighbours: z.array(neighbour) }).exactOptional(),
});

const network = z.strictObject({
  id: text.regex(/^[\da-z]{12,64}$/),
  name: text,
  driver: z.enum(["classic", "swarm"]),
  encrypted: z.boolean(),
  space: space.exactOptional(),
  members: z.array(member),
  told: z.array(z.strictObject({ ip, mac, vtep: ip, name: text })).nullable(),
});

const bundle = z.strictObject({
  format: z.literal(bundleFormat),
  version: z.literal(bundleVersion),
  savedAt: z.iso.datetime(),
  tables: z.strictObject({
    host: text.min(1),
    ownVteps: z.array(address),
    advertised: ip,
    networks: z.array(network),
    routes: z.array(
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
    throw new BadBundle(`a bundle of version ${JSON.stringify(version)}, and this program reads ${bundleVersion}`);
  const read = bundle.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new BadBundle(`${issue?.path.map(String).join(".") ?? "it"}: ${issue?.message ?? "is not as it should be"}`);
}
