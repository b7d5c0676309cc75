/** Engines that the lab can install. Only 20.10 still has `--cluster-store`, so only it makes classic overlays. */
export const engines = ["20.10", "26.1", "28.5"] as const;
export type EngineVersion = (typeof engines)[number];

const drivers = ["classic", "swarm"] as const;
type Driver = (typeof drivers)[number];

/** What a caller may ask for, as a person types it. */
export interface ShapeOptions {
  readonly name?: string | undefined;
  readonly hosts?: string | number | undefined;
  readonly driver?: string | undefined;
  readonly engine?: string | undefined;
  readonly containers?: string | number | undefined;
}

/** A lab's shape, every part of it checked. */
export interface Shape {
  readonly hosts: number;
  readonly driver: Driver;
  readonly engine: EngineVersion;
  /** On each host: A1 B1 ... on the first, A2 B2 ... on the second. */
  readonly containers: number;
}

/** The caller asked for something that makes no sense: nothing was done. */
export class LabUsageError extends Error {
  override readonly name = "LabUsageError";
}

/** Checks all options; `driver` follows the engine where it is not given. Throws `LabUsageError`. */
export function parseShape(options: ShapeOptions): Shape {
  const engine = parseEngine(options.engine ?? "20.10");
  const driver = oneOf("driver", drivers, options.driver ?? (engine === "20.10" ? "classic" : "swarm"));
  if (driver === "classic" && engine !== "20.10") {
    throw new LabUsageError(
      `--driver classic needs --engine 20.10: engine ${engine} has no --cluster-store any more (use --driver swarm)`,
    );
  }
  const hosts = inRange("hosts", options.hosts ?? 2, 1, 9);
  return { hosts, driver, engine, containers: inRange("containers", options.containers ?? 2, 0, 26) };
}

export function parseEngine(text: string): EngineVersion {
  return oneOf("engine", engines, text);
}

/** The name of a lab: it becomes part of folder and cgroup names. */
export function parseName(text: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,30}$/.test(text)) return text;
  throw new LabUsageError(`--name ${JSON.stringify(text)}: use 1 to 31 of a-z, 0-9 and "-", not "-" first`);
}

/** A container's name in the cluster, such as `B2`. */
export function parseContainerName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(text)) return text;
  throw new LabUsageError(`${JSON.stringify(text)} is no container name: the lab's are A1, B1, A2 ...`);
}

/** 1-based number of a host, given as `2` or `dockerhost2`. */
export function parseHost(text: string | number, hosts: number): number {
  return inRange("host", String(text).replace(/^dockerhost/, ""), 1, hosts);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return describeShape(a) === describeShape(b);
}

export function describeShape(shape: Shape): string {
  const { hosts, driver, engine, containers } = shape;
  return `${hosts} hosts, ${driver}, engine ${engine}, ${containers} containers each`;
}

export const hostName = (number: number): string => `dockerhost${number}`;
/** Every lab has an underlay of its own, so all may use the same addresses. */
export const vtepOf = (number: number): string => `172.31.240.${number}`;
export const underlayAddress = "172.31.240.254";
export const containerName = (index: number, host: number): string => `${String.fromCharCode(65 + index)}${host}`;

function oneOf<const T extends string>(option: string, allowed: readonly T[], text: string): T {
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return found;
  throw new LabUsageError(`--${option} ${JSON.stringify(text)}: use one of ${allowed.join(", ")}`);
}

/** A whole number as a person types it. Throws `LabUsageError`. */
export function inRange(option: string, given: string | number, low: number, high: number): number {
  const text = String(given);
  const value = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new LabUsageError(`--${option} ${JSON.stringify(given)}: use a whole number from ${low} to ${high}`);
}
