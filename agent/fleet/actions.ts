import { hostName } from "../../dispatch/job.ts";
import {
  emptyRegistry,
  enrolled,
  type Registry,
  RegistryError,
  registrySchema,
  revoked,
  rotated,
  settled,
} from "../../dispatch/nats/registry.ts";
import { serverConfig } from "../../dispatch/nats/server-config.ts";
import { makeSigningKey } from "../../dispatch/nats/signature.ts";
import { hostKeyOf } from "../../dispatch/nats/subjects.ts";
import { takeLock } from "../../host/lock.ts";
import { type SecretFolder, secretFolder } from "../../host/secret-folder.ts";
import { milliseconds } from "../config/milliseconds.ts";
import type { Config } from "../config/schema.ts";
import { errorText } from "../error-text.ts";
import { ConfigError, UnavailableError, UsageError } from "../exit-codes.ts";

export interface FleetRequest {
  readonly config: Config;
  /** As it was typed; empty where the action has none. */
  readonly host: string;
  readonly finish: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** For people, and for machines. Never with a seed in it. */
export interface FleetAnswer {
  readonly text: string;
  readonly json: unknown;
}

interface FleetAction {
  readonly isOfHost: boolean;
  readonly run: (request: FleetRequest, pid: number) => Promise<FleetAnswer>;
}

const files = {
  registry: "registry.json",
  config: "fleet.conf",
  admin: "admin.seed",
  gateway: "gateway.seed",
  signing: "gateway-signing.key",
  signingPublic: "gateway-signing.pub",
  of: (host: string) => `hosts/${host}.seed`,
} as const;

const change = (isOfHost: boolean, work: (home: Home, request: FleetRequest) => Promise<FleetAnswer>): FleetAction => ({
  isOfHost,
  // One at a time: each reads the registry, and writes it anew.
  run: async (request, pid) => {
    const home = homeOf(request.config);
    await refuseEmpty(home, work === init);
    const lock = await takeLock(home.folder.pathOf("lock"), { holder: `fleet, process ${pid}`, waitMs: 10_000 });
    try {
      return await work(home, request);
    } catch (error) {
      if (error instanceof RegistryError) throw new UsageError(error.message, { cause: error });
      throw error;
    } finally {
      lock.release();
    }
  },
});

export const actions: Readonly<Record<string, FleetAction>> = {
  init: change(false, init),
  enroll: change(true, enroll),
  rotate: change(true, async (home, request) => (request.finish ? finish(home, request) : rotate(home, request))),
  revoke: change(true, revoke),
  list: change(false, async (home) => listed(await registryOf(home))),
  config: change(false, async (home) => {
    const registry = await registryOf(home);
    await keep(home, registry);
    return said(home, `${registry.hosts.length} hosts.`, {});
  }),
  provision: change(false, provisioned),
};

interface Home {
  readonly folder: SecretFolder;
  readonly path: string;
}

const homeOf = ({ broker }: Config): Home => ({ folder: secretFolder(broker.fleet_dir), path: broker.fleet_dir });

async function refuseEmpty({ folder, path }: Home, isInit: boolean): Promise<void> {
  if (isInit) folder.open();
  else if ((await folder.read(files.registry)) === undefined)
    throw new UsageError(`${path} holds no fleet: \`overlaywatch fleet init\` makes one`);
}

async function registryOf({ folder }: Home): Promise<Registry> {
  try {
    return registrySchema.parse(JSON.parse((await folder.read(files.registry)) ?? ""));
  } catch (cause) {
    throw new ConfigError(`${folder.pathOf(files.registry)} can not be read: nothing was changed`, { cause });
  }
}

/** The server's configuration follows the registry, also after a death between the two: at the next action. */
async function keep({ folder }: Home, registry: Registry): Promise<void> {
  const whole = registrySchema.parse(registry);
  await folder.write(files.registry, `${JSON.stringify(whole, undefined, 1)}\n`);
  await folder.write(files.config, serverConfig(whole), 0o644);
}

async function init(home: Home): Promise<FleetAnswer> {
  const { folder, path } = home;
  if ((await folder.read(files.registry)) !== undefined)
    throw new UsageError(`${path} holds a fleet already: nothing was changed`);
  const { makeIdentity } = await import("../../dispatch/nats/identity.ts");
  const [admin, gateway, key] = [makeIdentity(), makeIdentity(), makeSigningKey()];
  await folder.write(files.admin, `${admin.seed}\n`);
  await folder.write(files.gateway, `${gateway.seed}\n`);
  await folder.write(files.signing, key.secret);
  await folder.write(files.signingPublic, key.public, 0o644);
  await keep(home, emptyRegistry(admin.public, gateway.public));
  const text = `To the gateway: ${folder.pathOf(files.gateway)} and ${folder.pathOf(files.signing)}.
To each host: ${folder.pathOf(files.signingPublic)}.
To stay here: ${folder.pathOf(files.admin)}.`;
  return said(home, text, { gateway_seed: folder.pathOf(files.gateway), signing_key: folder.pathOf(files.signing) });
}

async function enroll(home: Home, { host: typed, now }: FleetRequest): Promise<FleetAnswer> {
  const host = parsed(typed);
  return withSeed(home, host, (registry, key) => enrolled(registry, host, key, now), `${host} is enrolled.`);
}

async function rotate(home: Home, { host: typed, now }: FleetRequest): Promise<FleetAnswer> {
  const host = parsed(typed);
  const text = `${host} has a new key; the one before is good until \`overlaywatch fleet rotate ${host} --finish\`.`;
  return withSeed(home, host, (registry, key) => rotated(registry, host, key, now), text);
}

async function withSeed(
  home: Home,
  host: string,
  changed: (registry: Registry, key: string) => Registry,
  text: string,
): Promise<FleetAnswer> {
  const { folder } = home;
  const before = await registryOf(home);
  const { makeIdentity } = await import("../../dispatch/nats/identity.ts");
  const { seed, public: key } = makeIdentity();
  const registry = changed(before, key);
  // The seed first: a key in the registry that nobody has would have to be made anew.
  await folder.write(files.of(host), `${seed}\n`);
  await keep(home, registry);
  const place = folder.pathOf(files.of(host));
  return said(
    home,
    `${text}\nIts seed: ${place}. Copy it to ${host} as broker.seed_file, for the worker's user alone, and remove it here.`,
    { host, key: hostKeyOf(host), seed: place },
  );
}

async function finish(home: Home, { host: typed }: FleetRequest): Promise<FleetAnswer> {
  const host = parsed(typed);
  await keep(home, settled(await registryOf(home), host));
  return said(home, `Of ${host}, the key before is good no more.`, { host, key: hostKeyOf(host) });
}

async function revoke(home: Home, { host: typed, now }: FleetRequest): Promise<FleetAnswer> {
  const host = parsed(typed);
  await keep(home, revoked(await registryOf(home), host, now));
  home.folder.remove(files.of(host));
  const text = `${host} is revoked. Its connection ends when the broker reads its configuration again; \`overlaywatch fleet provision\` then has pages for it refused.`;
  return said(home, text, { host, key: hostKeyOf(host) });
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 16).replace("T", " ");

function listed({ hosts, revoked: gone, slots }: Registry): FleetAnswer {
  const lines = [
    ...hosts.map(({ host, at, before }) => {
      return `${host}  ${hostKeyOf(host)}  since ${day(at)}${before === undefined ? "" : ", two keys"}`;
    }),
    ...gone.map(({ host, at }) => `${host}  ${hostKeyOf(host)}  revoked ${day(at)}`),
  ];
  const json = {
    hosts: hosts.map((one) => ({ ...one, key: hostKeyOf(one.host) })),
    revoked: gone.map((one) => ({ ...one, key: hostKeyOf(one.host) })),
    slots,
  };
  return { text: lines.length === 0 ? "Nobody is enrolled.\n" : `${lines.join("\n")}\n`, json };
}

async function provisioned(home: Home, { config }: FleetRequest): Promise<FleetAnswer> {
  const [{ connectOnce }, { hasKnownHoles, provision }, { brokerOptions }] = await Promise.all([
    import("../../dispatch/nats/connection.ts"),
    import("../../dispatch/nats/provision.ts"),
    import("../broker.ts"),
  ]);
  const { hosts } = await registryOf(home);
  const { jobs_per_host, jobs_per_fleet, window, replicas } = config.broker;
  const caps = { jobsPerHost: jobs_per_host, jobsPerFleet: jobs_per_fleet, windowMs: milliseconds(window), replicas };
  const names = hosts.map(({ host }) => host);
  const options = brokerOptions(config, "admin", home.folder.pathOf(files.admin));
  const provisionBy = async (connection: Awaited<ReturnType<typeof connectOnce>>) => {
    try {
      return await provision(connection, names, caps);
    } finally {
      await connection.close();
    }
  };
  try {
    const done = await provisionBy(await connectOnce(options));
    const text = `The stream of jobs is ${done.stream}; hosts with a place in it: ${hosts.length}, of them new: ${done.added.length}, taken away: ${done.removed.length}.\n`;
    const old = hasKnownHoles(done.version)
      ? `The broker is nats-server ${done.version}, whose holes are known: 2.12.7 or newer is what others may reach.\n`
      : "";
    return { text: text + old, json: { ...done, hosts: hosts.length, old: old !== "" } };
  } catch (cause) {
    throw new UnavailableError(`the broker could not be provisioned: ${errorText(cause)}`, { cause });
  }
}

function parsed(typed: string): string {
  const read = hostName.safeParse(typed.toLowerCase());
  if (!read.success) throw new UsageError(`${JSON.stringify(typed)}: expected a host's name, as Datadog has it`);
  return read.data;
}

function said({ folder, path }: Home, text: string, more: object): FleetAnswer {
  const config = folder.pathOf(files.config);
  const reload = "nats-server --signal reload";
  return {
    text: `${text}\nWritten: ${config}. Where the broker runs, include it in the server's configuration and have it read again: \`${reload}\`, or systemctl reload nats-server.\n`,
    json: { dir: path, config, reload, ...more },
  };
}
