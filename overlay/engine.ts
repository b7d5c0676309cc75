/** An engine's version as far as it decides anything. */
export interface EngineVersion {
  readonly major: number;
  readonly minor: number;
}

/** `classic`: overlay over a key-value store, up to engine 20.10; `swarm`: swarm mode. */
export type OverlayDriver = "classic" | "swarm";

/** Of `20.10.24+dfsg1`, `28.5.2`, `1.12.6-cs13`; undefined for what is none. */
export function engineVersion(text: string): EngineVersion | undefined {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})(?:[.+~-]|$)/.exec(text) ?? [];
  return major === undefined || minor === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}

/** Negative, 0 or positive, as a sort wants it. */
export function compareVersions(a: EngineVersion, b: EngineVersion): number {
  return a.major - b.major || a.minor - b.minor;
}

/** What was seen to heal: the strategies for local containers, and `replace` for rows of those on other hosts. */
export type Remedy = "pin" | "clean" | "arp" | "learning-off" | "replace";

export interface TestedEngine {
  readonly version: string;
  readonly driver: OverlayDriver;
  /** By these alone anything is healed unattended. */
  readonly heals: readonly Remedy[];
}

/** Measured on real engines, and again by every run of test/accept/engines.test.ts and remote.test.ts. */
export const testedEngines: readonly TestedEngine[] = [
  { version: "20.10", driver: "classic", heals: ["pin", "clean", "learning-off", "replace"] },
  { version: "28.5", driver: "swarm", heals: ["pin", "clean", "learning-off", "replace"] },
  { version: "26.1", driver: "swarm", heals: ["pin", "clean", "learning-off", "replace"] },
  { version: "20.10", driver: "swarm", heals: ["pin", "clean", "learning-off", "replace"] },
];

/** Undefined for one that the tests did not run. */
export function testedAs({ major, minor }: EngineVersion, driver: OverlayDriver): TestedEngine | undefined {
  return testedEngines.find((one) => one.driver === driver && one.version === `${major}.${minor}`);
}
