import { z } from "zod";
import { configSchema } from "./schema.ts";
import { isTree } from "./settings.ts";

/** One option of the configuration as its schema describes it: for the environment, the example file and near-miss hints. */
export interface Option {
  readonly path: readonly string[];
  readonly description: string;
  readonly kind: "string" | "boolean" | "integer" | "list" | "map";
  readonly default: unknown;
  readonly choices: readonly string[];
}

export interface Section {
  readonly path: readonly string[];
  readonly description: string;
}

export interface Options {
  readonly sections: readonly Section[];
  readonly options: readonly Option[];
}

export const configJsonSchema = (): unknown => z.toJSONSchema(configSchema, { io: "input" });

/** Walks the JSON schema, so that nothing about an option is written twice. */
export function configOptions(): Options {
  const found: { sections: Section[]; options: Option[] } = { sections: [], options: [] };
  walk(configJsonSchema(), [], found);
  return found;
}

function walk(node: unknown, path: readonly string[], found: { sections: Section[]; options: Option[] }): void {
  if (!isTree(node)) return;
  const description = text(node["description"]);
  if (isTree(node["properties"])) {
    if (path.length > 0) found.sections.push({ path, description });
    for (const [name, below] of Object.entries(node["properties"])) walk(below, [...path, name], found);
    return;
  }
  const choices = choicesOf(node);
  found.options.push({ path, description, kind: kindOf(node), default: node["default"], choices });
}

function kindOf({ type }: Readonly<Record<string, unknown>>): Option["kind"] {
  if (type === "boolean" || type === "integer") return type;
  if (type === "array") return "list";
  return type === "object" ? "map" : "string";
}

function choicesOf(node: Readonly<Record<string, unknown>>): readonly string[] {
  const holder = isTree(node["items"]) ? node["items"] : node;
  return Array.isArray(holder["enum"]) ? holder["enum"].map(String) : [];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
