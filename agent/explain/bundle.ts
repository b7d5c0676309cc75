import { resolve } from "node:path";
import { z } from "zod";
import { FileTrouble, readBounded, writePrivate } from "../../host/bundle-file.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import { ConfigError } from "../exit-codes.ts";

const format = "overlaywatch-bundle";
const version = 1;

/** Some 100 000 rows have 20 MB. */
const mostBytes = 64 * 2 ** 20;

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
  format: z.literal(format),
  version: z.literal(version),
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

export interface Bundle {
  readonly tables: HostTables;
  readonly savedAt: string;
  readonly path: string;
}

/** Names, ids, addresses and rows of what belongs to the network: no label, no environment, no image, no command. Throws `ConfigError`. */
export async function saveBundle(path: string, cwd: string, tables: HostTables, savedAt: string): Promise<void> {
  const value = bundle.parse({ format, version, savedAt, tables });
  try {
    await writePrivate(resolve(cwd, path), `${JSON.stringify(value)}\n`);
  } catch (error) {
    throw troubleOf(error);
  }
}

/** Throws `ConfigError`, which says what is wrong with it. */
export async function readBundle(path: string, cwd: string): Promise<Bundle> {
  const { tables, savedAt } = parsed(path, await textOf(resolve(cwd, path)));
  return { tables, savedAt, path };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readBounded(path, mostBytes);
  } catch (error) {
    throw troubleOf(error);
  }
}

const troubleOf = (error: unknown): unknown =>
  error instanceof FileTrouble ? new ConfigError(error.message, { cause: error }) : error;

const labelled = z.looseObject({ format: z.literal(format), version: z.unknown() });

function parsed(path: string, content: string) {
  const value = jsonOf(path, content);
  const label = labelled.safeParse(value);
  if (!label.success) throw new ConfigError(`${path}: it is no bundle of \`overlaywatch doctor --save\``);
  if (label.data.version !== version)
    throw new ConfigError(
      `${path}: a bundle of version ${JSON.stringify(label.data.version)}, and this program reads ${version}`,
    );
  const read = bundle.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new ConfigError(
    `${path}: ${issue?.path.map(String).join(".") ?? "it"}: ${issue?.message ?? "is not as it should be"}`,
  );
}

function jsonOf(path: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new ConfigError(`${path}: it is not whole, or no JSON`, { cause });
  }
}
