import type { FleetPause, Heal, KeptPin, Limits } from "./limits.ts";
import { BadFile, fields, list, parsed, textAt, whole } from "./strict-json.ts";

export const encodeLimits = (limits: Limits): string => `${JSON.stringify(limits, undefined, 2)}\n`;

/**
 * Strict. Throws `BadFile`: limits that can not be read are no limits, so nothing may be healed unattended then. A file
 * that is not there is another matter: `noLimitsYet`.
 */
export function decodeLimits(text: string): Limits {
  const it = fields(parsed(text), "the file", ["version", "heals"], ["pins", "paused", "fleet", "killed", "breaker"]);
  if (it["version"] !== 1) throw new BadFile(`version ${JSON.stringify(it["version"])} is not known, only 1`);
  return {
    version: 1,
    heals: list(it["heals"], "heals").map((heal, at) => healOf(heal, `heals[${at}]`)),
    ...optional(it["pins"], (value) => ({ pins: list(value, "pins").map((pin, at) => pinOf(pin, `pins[${at}]`)) })),
    ...optional(it["paused"], (value) => ({ paused: pausedOf(value) })),
    ...optional(it["fleet"], (value) => ({ fleet: fleetOf(value) })),
    ...optional(it["killed"], (value) => ({ killed: sinceOf(value, "killed") })),
    ...optional(it["breaker"], (value) => ({ breaker: sinceOf(value, "breaker") })),
  };
}

function optional<T extends object>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

function healOf(value: unknown, at: string): Heal {
  const it = fields(value, at, ["at", "netns", "mac"]);
  return { at: whole(it["at"], at), netns: textAt(it["netns"], at), mac: textAt(it["mac"], at) };
}

function pinOf(value: unknown, at: string): KeptPin {
  const it = fields(value, at, ["at", "networkId", "mac"], ["left"]);
  const left = optional(it["left"], (count) => ({ left: whole(count, `${at}.left`) }));
  return { at: whole(it["at"], at), networkId: textAt(it["networkId"], at), mac: textAt(it["mac"], at), ...left };
}

function pausedOf(value: unknown) {
  const it = fields(value, "paused", ["until", "reason"]);
  return { until: whole(it["until"], "paused.until"), reason: textAt(it["reason"], "paused.reason") };
}

function fleetOf(value: unknown): FleetPause {
  const it = fields(value, "fleet", ["until", "reason"], ["lifted"]);
  if (it["lifted"] !== undefined && it["lifted"] !== true) throw new BadFile("fleet.lifted is not true");
  const lifted = it["lifted"] === true ? ({ lifted: true } as const) : {};
  return { until: whole(it["until"], "fleet.until"), reason: textAt(it["reason"], "fleet.reason"), ...lifted };
}

function sinceOf(value: unknown, at: string) {
  const it = fields(value, at, ["at", "reason"]);
  return { at: whole(it["at"], `${at}.at`), reason: textAt(it["reason"], `${at}.reason`) };
}
