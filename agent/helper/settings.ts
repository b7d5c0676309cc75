import { socketPathOf } from "../../host/docker/socket.ts";
import { strategies } from "../../overlay/remedy/plan.ts";
import { messageOf } from "../../host/thrown.ts";
import { durationForm, longestDuration, milliseconds } from "../config/milliseconds.ts";
import { defaultConfigFile } from "../config/place.ts";
import { ConfigError } from "../exit-codes.ts";
import type { RemedySettings } from "../remedy/settings.ts";

/** All from the environment: what reads YAML, and knows every option, is npm packages, and those have no place in here. */
export interface HelperSettings extends RemedySettings {
  readonly origin: Origin;
}

/** The configuration that these settings were made of. */
export interface Origin {
  readonly path: string;
  /** SHA-256 of what was in it, or `absent`. */
  readonly sha256: string;
}

const prefix = "OVERLAYWATCH_";

/** Throws an Error that says what is wrong with the text. */
type Check = (text: string) => unknown;

const absolute: Check = (text) => must(text.startsWith("/"), "an absolute path");
const duration: Check = (text) => {
  const ms = durationForm.test(text) ? milliseconds(text) : 0;
  must(ms > 0 && ms <= longestDuration, "a duration such as 500ms, 10s, 5m or 2h");
};
const strategy: Check = (text) =>
  must(
    strategies.some((one) => one === text),
    `one of ${strategies.join(", ")}`,
  );

/** Without their prefix; names and defaults are those of the configuration. */
const variables = {
  DOCKER_SOCKET: ["/var/run/docker.sock", socketPathOf],
  DOCKER_TIMEOUT: ["5s", duration],
  PATHS_NETNS_DIR: ["/var/run/docker/netns", absolute],
  PATHS_HOST_ROOT: ["/", absolute],
  PATHS_STATE_DIR: ["/var/lib/overlaywatch", absolute],
  REMEDY_ENABLED: ["true", (text) => must(text === "true" || text === "false", "true or false")],
  REMEDY_STRATEGY: ["pin", strategy],
  HELPER_CONFIG: [defaultConfigFile, absolute],
  HELPER_CONFIG_SHA256: [
    "absent",
    (text) => must(/^(?:[0-9a-f]{64}|absent)$/u.test(text), "64 hexadecimal digits, or absent"),
  ],
} satisfies Readonly<Record<string, readonly [fallback: string, check: Check]>>;

function must(isSo: boolean, expected: string): void {
  if (!isSo) throw new Error(`expected ${expected}`);
}

type Name = keyof typeof variables;
type Texts = Readonly<Record<Name, string>>;

const isName = (text: string): text is Name => Object.hasOwn(variables, text);

/** Throws `ConfigError`, which names the variable; one of our prefix that is not known is refused too. */
export function helperSettings(env: Readonly<Record<string, string | undefined>>): HelperSettings {
  for (const name of Object.keys(env))
    if (name.startsWith(prefix) && !isName(name.slice(prefix.length)))
      throw new ConfigError(`${name}: the helper has no such setting`);
  const text = (name: Name): string => checked(name, env[prefix + name] ?? variables[name][0]);
  return {
    docker: { socket: text("DOCKER_SOCKET"), timeout: text("DOCKER_TIMEOUT") },
    paths: {
      netns_dir: text("PATHS_NETNS_DIR"),
      host_root: text("PATHS_HOST_ROOT"),
      state_dir: text("PATHS_STATE_DIR"),
    },
    remedy: {
      enabled: text("REMEDY_ENABLED") === "true",
      strategy: strategies.find((one) => one === text("REMEDY_STRATEGY")) ?? "pin",
    },
    origin: { path: text("HELPER_CONFIG"), sha256: text("HELPER_CONFIG_SHA256") },
  };
}

function checked(name: Name, text: string): string {
  try {
    variables[name][1](text);
  } catch (cause) {
    throw new ConfigError(`${prefix}${name}: ${messageOf(cause)}`, { cause });
  }
  return text;
}

/** The same as variables of an environment. Throws `ConfigError` for what would not be read back. */
export function helperEnvironment({ docker, paths, remedy }: RemedySettings, origin: Origin): Record<string, string> {
  const texts: Texts = {
    DOCKER_SOCKET: docker.socket,
    DOCKER_TIMEOUT: docker.timeout,
    PATHS_NETNS_DIR: paths.netns_dir,
    PATHS_HOST_ROOT: paths.host_root,
    PATHS_STATE_DIR: paths.state_dir,
    REMEDY_ENABLED: String(remedy.enabled),
    REMEDY_STRATEGY: remedy.strategy,
    HELPER_CONFIG: origin.path,
    HELPER_CONFIG_SHA256: origin.sha256,
  };
  const env = Object.fromEntries(Object.entries(texts).map(([name, text]) => [prefix + name, text]));
  helperSettings(env);
  return env;
}

/** As a file of systemd's `EnvironmentFile=`: a quoted text, in which four characters want a backslash. */
export function environmentFile(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, text]) => `${name}="${quoted(name, text)}"\n`)
    .join("");
}

function quoted(name: string, text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/u.test(text)) throw new ConfigError(`${name}: a file can not hold its control characters`);
  return text.replaceAll(/[\\"`$]/gu, String.raw`\$&`);
}
