import type { Refusal, Who } from "./gates.ts";
import {
  breaker,
  type Caps,
  coolingDown,
  defaultCaps,
  healedTooOften,
  type Limits,
  type LimitsEvent,
  roomIn,
  tooManyBad,
} from "./limits.ts";
import type { Patient } from "./plan.ts";

interface Wanted {
  readonly who: Who;
  readonly limits: Limits;
  readonly caps?: Caps;
  readonly facts: { readonly now: number };
}

interface Within {
  readonly healed: readonly Patient[];
  readonly refused: readonly Refusal[];
  readonly trips: LimitsEvent | undefined;
}

interface HostWide {
  readonly active: number;
  readonly endpoints: number;
}

/**
 * What the limits leave. They bind the program, which could heal the same wrong thing all night; a person who asks
 * again has seen the outcome. The kill switch and the pause, which bind everybody, were asked before.
 */
export function withinLimits(patients: readonly Patient[], wanted: Wanted, host: HostWide): Within {
  if (wanted.who === "operator") return { healed: patients, refused: [], trips: undefined };
  const { limits, caps = defaultCaps, facts } = wanted;
  const open = breaker(limits, facts.now, caps);
  if (open !== undefined) return stopped("breaker", open);
  const trip = tripping(patients, limits, facts.now, caps, host);
  if (trip === undefined) return { ...eachWithin(patients, limits, facts.now, caps), trips: undefined };
  return { ...stopped("breaker", trip), trips: { kind: "tripped", at: facts.now, reason: trip } };
}

const stopped = (rule: string, sentence: string): Within => {
  return { healed: [], refused: [{ rule, sentence }], trips: undefined };
};

function tripping(patients: readonly Patient[], limits: Limits, now: number, caps: Caps, host: HostWide) {
  const many = tooManyBad(host.active, host.endpoints, caps);
  if (many !== undefined) return many;
  return patients
    .filter(({ again }) => !again)
    .map((patient) => healedTooOften(limits, keyOf(patient), now, caps))
    .find((found) => found !== undefined);
}

function eachWithin(patients: readonly Patient[], limits: Limits, now: number, caps: Caps) {
  const healed: Patient[] = [];
  const refused: Refusal[] = [];
  const room = new Map<string, number>();
  for (const patient of patients) {
    if (patient.again) {
      // A container that starts often is no fault of its rows.
      healed.push(patient);
      continue;
    }
    const key = keyOf(patient);
    const left = room.get(key.netns) ?? roomIn(limits, key.netns, now, caps);
    const cooling = coolingDown(limits, key, now, caps);
    const full = `${caps.perMinute} MACs of ${key.netns} were healed within a minute, which is the limit`;
    const who = { container: patient.endpoint.owner.name, mac: key.mac };
    if (cooling !== undefined) refused.push({ rule: "cooldown", sentence: cooling, ...who });
    else if (left === 0) refused.push({ rule: "per-minute", sentence: full, ...who });
    else healed.push(patient);
    room.set(key.netns, cooling === undefined && left > 0 ? left - 1 : left);
  }
  return { healed, refused };
}

const keyOf = ({ view, endpoint }: Patient) => {
  return { netns: view.input.file, mac: endpoint.mac };
};
