import { z } from "zod";
import { bundleFormat, bundleVersion } from "../overlay/explain/bundle.ts";
import { issueIn } from "./issue.ts";

/** Read one by one, the number first: zod would keep an issue for each of some millions of bad ones. */
const list = <T extends z.ZodType>(element: T, most: number) =>
  z
    .array(z.unknown())
    .max(most)
    .transform((values, context): readonly z.output<T>[] => {
      const all: z.output<T>[] = [];
      for (const [at, value] of values.entries()) {
        const read = element.safeParse(value);
        if (read.success) all.push(read.data);
        else {
          const [issue] = read.error.issues;
          const path = [at, ...(issue?.path ?? [])];
          context.issues.push({ code: "custom", path, message: issue?.message ?? "", input: undefined });
          return z.NEVER;
        }
      }
      return all;
    });

/** More than any host has. */
const most = {
  words: 32,
  addresses: 1024,
  devices: 4096,
  members: 5000,
  links: 6000,
  networks: 1000,
  rows: 300_000,
  keys: 64,
  depth: 16,
} as const;

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
  flags: list(text, most.words),
  master: text.exactOptional(),
  state: text,
  vlan: whole.exactOptional(),
});

const neighbour = z.strictObject({ ip, dev: text, mac: mac.exactOptional(), state: list(text, most.words) });

const space = z.strictObject({
  netns: text,
  links: list(link, most.links),
  fdb: list(fdbRow, most.rows),
  neighbours: list(neighbour, most.rows),
  unreadable: whole.exactOptional(),
  mtus: list(z.strictObject({ device: text, mtu: whole }), most.links),
  sampled: list(z.strictObject({ mac, reads: whole, onVxlan: whole }), most.members),
});

const device = z.strictObject({
  ifindex: whole,
  name: text,
  up: z.boolean(),
  mtu: whole,
  mac: mac.exactOptional(),
  addresses: list(z.cidrv4(), most.addresses),
});

const member = z.strictObject({
  kind: z.enum(["container", "load-balancer", "ingress"]),
  name: text,
  id: text.exactOptional(),
  pid: whole.exactOptional(),
  ip,
  mac,
  veth: text.exactOptional(),
  inside: z
    .strictObject({ devices: list(device, most.devices), neighbours: list(neighbour, most.rows) })
    .exactOptional(),
});

const network = z.strictObject({
  id: text.regex(/^[\da-z]{12,64}$/),
  name: text,
  driver: z.enum(["classic", "swarm"]),
  encrypted: z.boolean(),
  unlisted: z.literal(true).exactOptional(),
  space: space.exactOptional(),
  members: list(member, most.members),
  told: list(z.strictObject({ ip, mac, vtep: ip, name: text }), most.rows).nullable(),
});

const route = z.strictObject({
  to: ip,
  device: text.exactOptional(),
  source: address.exactOptional(),
  mtu: whole.exactOptional(),
  problem: text.exactOptional(),
});

const bundle = z.strictObject({
  format: z.literal(bundleFormat),
  version: z.literal(bundleVersion),
  savedAt: z.iso.datetime(),
  tables: z.strictObject({
    host: text.min(1),
    ownVteps: list(address, most.addresses),
    advertised: ip,
    networks: list(network, most.networks),
    routes: list(route, most.members),
  }),
});

type Bundle = z.output<typeof bundle>;

/** It is no bundle that this program reads. The message says why. */
export class BadBundle extends Error {
  override readonly name = "BadBundle";
}

/** Objects with a million keys, and lists in lists without end, cost as much to refuse one by one. */
function isSwollen(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  const all: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  const limit = Array.isArray(value) ? most.rows : most.keys;
  return depth > most.depth || all.length > limit || all.some((one) => isSwollen(one, depth + 1));
}

const labelled = z.looseObject({ format: z.literal(bundleFormat), version: z.unknown() });

/** Of what another host, or another version, wrote. Throws `BadBundle`. */
export function bundleIn(value: unknown): Bundle {
  if (isSwollen(value, 0)) throw new BadBundle("it holds more of one thing than any host has");
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
