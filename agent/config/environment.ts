import { ConfigError } from "../exit-codes.ts";
import { configOptions, type Option } from "./options.ts";
import { nearestOf } from "./nearest.ts";
import type { Setting } from "./settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const prefix = "OVERLAYWATCH_";

/**
 * `OVERLAYWATCH_DOCKER_SOCKET` sets `docker.socket`; lists are separated by commas. A variable that starts like one of a
 * section but names no option is refused, others of that prefix (`OVERLAYWATCH_REQUIRE_ALL`) are not ours to judge.
 */
export function environmentSettings(env: Environment): readonly Setting[] {
  const dockerHost = env["DOCKER_HOST"] ?? "";
  const fallback = dockerHost === "" ? [] : [{ path: ["docker", "socket"], value: dockerHost, origin: "DOCKER_HOST" }];
  const names = Object.keys(env).filter((name) => name.startsWith(prefix));
  if (names.length === 0) return fallback;
  const { options, sections } = configOptions();
  const byName = new Map(options.map((option) => [variableOf(option.path), option]));
  const heads = sections.map(({ path }) => `${variableOf(path)}_`);
  return [...fallback, ...names.flatMap((name) => setting(name, env[name] ?? "", byName, heads))];
}

function setting(
  name: string,
  value: string,
  byName: ReadonlyMap<string, Option>,
  heads: readonly string[],
): readonly Setting[] {
  const option = byName.get(name);
  if (option !== undefined) return [{ path: option.path, value: read(name, value, option), origin: name }];
  if (heads.some((head) => name.startsWith(head))) {
    throw new ConfigError(`${name}: there is no such setting${nearestOf(name, [...byName.keys()])}`);
  }
  return [];
}

export const variableOf = (path: readonly string[]): string => prefix + path.join("_").toUpperCase();

function read(name: string, value: string, { kind }: Option): unknown {
  if (kind === "list")
    return value
      .split(",")
      .map((v) => v.trim())
      .filter((v) => v !== "");
  if (kind === "boolean" && /^(?:true|false)$/u.test(value)) return value === "true";
  if (kind === "integer" && /^\d+$/u.test(value)) return Number(value);
  if (kind === "map") return readMap(name, value);
  return value;
}

/** `label=tag,label=tag` */
function readMap(name: string, value: string): Record<string, string> {
  const pairs = value
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair): [string, string] => {
      const [key = "", tag, ...more] = pair.split("=");
      if (key === "" || tag === undefined || more.length > 0)
        throw new ConfigError(`${name}: expected key=value,key=value, found ${JSON.stringify(value)}`);
      return [key, tag];
    });
  return Object.fromEntries(pairs);
}
