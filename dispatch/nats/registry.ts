import { z } from "zod";
import { hostName } from "../job.ts";

/** An nkey of a user, public. */
const publicKey = z.string().regex(/^U[A-Z2-7]{55}$/u);
/** When; milliseconds since the epoch. */
const at = z.int().nonnegative();

const member = z.strictObject({
  host: hostName,
  /** Its place among the broker's accounts. */
  slot: z.int().nonnegative(),
  public: publicKey,
  /** While it takes its new key: the one before is good too. */
  before: publicKey.optional(),
  at,
});

/** Who may speak with the broker. Nothing in it is secret. */
export const registrySchema = z.strictObject({
  v: z.literal(1),
  admin: publicKey,
  gateway: publicKey,
  /** Accounts that the broker has for hosts, taken or not. */
  slots: z.int().nonnegative(),
  hosts: z.array(member),
  revoked: z.array(z.strictObject({ host: hostName, public: publicKey, at })),
});

export type Registry = z.output<typeof registrySchema>;
export type Member = z.output<typeof member>;

/** What was asked for does not fit what is there; nothing was changed. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
}

/**
 * An account that is new to a running server has no way to another account's JetStream (nats-server 2.9 to 2.15): hosts
 * come into accounts that were there, empty, before. So many more than there are hosts, at least, and by the step.
 */
const [spareSlots, slotStep] = [32, 64];

export const emptyRegistry = (admin: string, gateway: string): Registry => ({
  v: 1,
  admin,
  gateway,
  slots: slotStep,
  hosts: [],
  revoked: [],
});

/** Throws `RegistryError`. */
export function enrolled(registry: Registry, host: string, key: string, now: number): Registry {
  if (memberOf(registry, host) !== undefined)
    throw new RegistryError(`${host} is enrolled already: \`overlaywatch fleet rotate ${host}\` gives it a new key`);
  const taken = new Set(registry.hosts.map(({ slot }) => slot));
  let slot = 0;
  while (taken.has(slot)) slot++;
  const hosts = [...registry.hosts, { host, slot, public: key, at: now }];
  const needed = hosts.length + spareSlots;
  const slots = registry.slots >= needed ? registry.slots : Math.ceil(needed / slotStep) * slotStep;
  return { ...registry, hosts, slots };
}

/** Both keys are good until `settled`. Throws `RegistryError`. */
export function rotated(registry: Registry, host: string, key: string, now: number): Registry {
  const { public: before } = known(registry, host);
  return changed(registry, host, (one) => ({ ...one, public: key, before, at: now }));
}

/** The new key alone is good. Throws `RegistryError`. */
export function settled(registry: Registry, host: string): Registry {
  if (known(registry, host).before === undefined)
    throw new RegistryError(`${host} has one key only: there is nothing to end`);
  return changed(registry, host, ({ host: name, slot, public: key, at: since }) => {
    return { host: name, slot, public: key, at: since };
  });
}

/** Throws `RegistryError`. */
export function revoked(registry: Registry, host: string, now: number): Registry {
  const gone = known(registry, host);
  const keys = [gone.public, ...(gone.before === undefined ? [] : [gone.before])];
  return {
    ...registry,
    hosts: registry.hosts.filter((one) => one !== gone),
    revoked: [...registry.revoked, ...keys.map((key) => ({ host, public: key, at: now }))],
  };
}

const memberOf = ({ hosts }: Registry, host: string): Member | undefined => hosts.find((one) => one.host === host);

function known(registry: Registry, host: string): Member {
  const found = memberOf(registry, host);
  if (found === undefined) throw new RegistryError(`${host} is not enrolled`);
  return found;
}

const changed = (registry: Registry, host: string, change: (one: Member) => Member): Registry => ({
  ...registry,
  hosts: registry.hosts.map((one) => (one.host === host ? change(one) : one)),
});
