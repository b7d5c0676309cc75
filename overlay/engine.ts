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

/** Engines whose faults and cures the tests have seen for real: only on these may anything be healed unattended. */
export const testedEngines: readonly string[] = ["20.10", "26.1", "28.5"];

export function isTested(version: EngineVersion): boolean {
  return testedEngines.includes(`${version.major}.${version.minor}`);
}
