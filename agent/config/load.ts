import { readFileSync } from "node:fs";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { isMissing, messageOf } from "../../host/thrown.ts";
import { ConfigError, UsageError } from "../exit-codes.ts";
import { defaultConfigFile } from "./place.ts";
import { environmentSettings } from "./environment.ts";
import { configOptions } from "./options.ts";
import { nearestOf } from "./nearest.ts";
import { type Config, configSchema } from "./schema.ts";
import { type Setting, settingsTree } from "./settings.ts";

interface ConfigSources {
  /** Settings from the command line, by path. */
  readonly flags: readonly Setting[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A file that must be there; without it, the default one is used if it is there. */
  readonly file?: string;
}

interface LoadedConfig {
  readonly config: Config;
  /** Where each key that is not at its default was set, by path: `docker.socket` from `--docker-socket`. */
  readonly origins: ReadonlyMap<string, string>;
  /** The file that was read, if any. */
  readonly file?: string;
}

/** Flag over environment over file over default. Throws `ConfigError` with one message that names the key and its source. */
export function loadConfig({ flags, env, file }: ConfigSources): LoadedConfig {
  const fromFile = readSettings(file ?? defaultConfigFile, file !== undefined);
  const settings = [...(fromFile?.settings ?? []), ...environmentSettings(env), ...flags];
  const origins = new Map(settings.map(({ path, origin }) => [path.join("."), origin]));
  const parsed = configSchema.safeParse(settingsTree(settings));
  if (!parsed.success) throw refusal(explain(parsed.error, origins));
  return { config: parsed.data, origins, ...(fromFile === undefined ? {} : { file: fromFile.path }) };
}

interface FileSettings {
  readonly path: string;
  readonly settings: readonly Setting[];
}

function readSettings(path: string, required: boolean): FileSettings | undefined {
  const text = readConfigFile(path, required);
  if (text === undefined) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined)
    throw new ConfigError(`${path}:${lines.linePos(error.pos[0]).line}: not YAML: ${error.message}`, { cause: error });
  if (!isEmpty(document.contents) && !isMap(document.contents))
    throw new ConfigError(`${path}: expected sections such as docker: and collectors:`);
  return { path, settings: [...leaves({ path, lines, document }, document.contents, [])] };
}

function readConfigFile(path: string, required: boolean): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (!required && isMissing(cause)) return undefined;
    throw new ConfigError(`cannot read the configuration ${path}: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  if (isMissing(cause)) return "there is no such file. Name another with --config, or none: all keys have defaults.";
  return messageOf(cause);
}

interface ParsedFile {
  readonly path: string;
  readonly lines: LineCounter;
  readonly document: Document;
}

/** One setting for each key below which there is no further map; an empty section sets nothing. */
function* leaves(file: ParsedFile, node: unknown, path: readonly string[]): Generator<Setting> {
  if (!isMap(node)) return;
  for (const { key, value } of node.items) {
    const name = String(key);
    const offset = isRanged(key) ? key.range[0] : 0;
    const origin = `${file.path}:${file.lines.linePos(offset).line}`;
    if (isEmpty(value) && isKnown([...path, name])) continue;
    if (isMap(value) && !isEmpty(value)) yield* leaves(file, value, [...path, name]);
    else yield { path: [...path, name], value: isNode(value) ? value.toJS(file.document) : value, origin };
  }
}

/** A misspelt key is told of even where nothing stands behind it. */
function isKnown(path: readonly string[]): boolean {
  const { sections, options } = configOptions();
  return [...sections, ...options].some((one) => one.path.join(".") === path.join("."));
}

/** `docker:`, or a whole file, with all its keys commented out sets nothing. */
const isEmpty = (node: unknown): boolean =>
  node === null || (isScalar(node) && node.value === null) || (isMap(node) && node.items.length === 0);

const isRanged = (node: unknown): node is { range: [number, number, number] } =>
  typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range);

/** What a flag alone got wrong is bad usage, not a bad configuration. */
function refusal(lines: readonly string[]): Error {
  const message = lines.join("\n");
  return lines.every((line) => line.startsWith("--")) ? new UsageError(message) : new ConfigError(message);
}

function explain(error: z.ZodError, origins: ReadonlyMap<string, string>): readonly string[] {
  return error.issues.map((issue) => describeIssue(issue, origins));
}

function describeIssue(issue: z.core.$ZodIssue, origins: ReadonlyMap<string, string>): string {
  const path = issue.path.map(String);
  if (issue.code === "invalid_value")
    return `${where(path, origins)}${path.join(".")}: expected one of ${issue.values.map(String).join(", ")}`;
  if (issue.code !== "unrecognized_keys") return `${where(path, origins)}${path.join(".")}: ${issue.message}`;
  return issue.keys
    .map((key) => {
      const full = [...path, key];
      return `${where(full, origins)}${full.join(".")}: there is no such key${nearest(key, path)}`;
    })
    .join("\n");
}

/** The origin of the key itself, of a parent, or of what lies below it. */
function where(path: readonly string[], origins: ReadonlyMap<string, string>): string {
  for (let length = path.length; length > 0; length--) {
    const key = path.slice(0, length).join(".");
    const origin = origins.get(key) ?? [...origins].find(([k]) => k.startsWith(`${key}.`))?.[1];
    if (origin !== undefined) return `${origin}: `;
  }
  return "";
}

/** `; did you mean socket?` where a sibling of that name is close, else the siblings. */
function nearest(key: string, parent: readonly string[]): string {
  const { options, sections } = configOptions();
  const siblings = new Set(
    [...options, ...sections].filter(({ path }) => isChild(path, parent)).map(({ path }) => path.at(-1) ?? ""),
  );
  return nearestOf(key, [...siblings]);
}

const isChild = (path: readonly string[], parent: readonly string[]): boolean =>
  path.length === parent.length + 1 && parent.every((name, i) => path[i] === name);
