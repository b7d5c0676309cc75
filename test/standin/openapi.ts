import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { isList, isObject, type Json, type JsonObject, objectAt, textAt, textsAt } from "../../standin/json.ts";

/** The official schema of Datadog's v1 API, where it is there: no part of the project. */
const file = join(process.env["OVERLAYWATCH_SHARED"] ?? resolve("../shared"), "datadog/openapi-v1.yaml");

const specification = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), z.json())),
  components: z.looseObject({
    schemas: z.record(z.string(), z.json()),
    responses: z.record(z.string(), z.json()),
    parameters: z.record(z.string(), z.json()),
  }),
});
type Specification = z.output<typeof specification>;

let loaded: Specification | undefined;

/** Undefined, and said once, where the file is not there. */
export function officialSchema(): OfficialSchema | undefined {
  if (loaded === undefined) {
    if (!existsSync(file)) return absent();
    loaded = specification.parse(parse(readFileSync(file, "utf8")));
  }
  return new OfficialSchema(loaded);
}

let told = false;

function absent(): undefined {
  if (!told) process.stderr.write(`no official schema: ${file} is not there (OVERLAYWATCH_SHARED names its folder)\n`);
  told = true;
}

const patternOf = (path: string) => new RegExp(`^${path.replaceAll(/\{\w+\}/gu, "[^/]+")}$`, "u");

export class OfficialSchema {
  readonly #spec: Specification;

  constructor(spec: Specification) {
    this.#spec = spec;
  }

  /** What is wrong with the body of a request; nothing for one that the schema takes, and for paths that it does not have. */
  request(method: string, path: string, body: Json): readonly string[] {
    return this.#problems(objectAt(this.#operation(method, path), "requestBody"), body);
  }

  /** What is wrong with the address of a request: no such operation, a parameter that it has not or takes otherwise. */
  address(method: string, path: string, query: URLSearchParams): readonly string[] {
    const operation = this.#operation(method, path);
    if (Object.keys(operation).length === 0) return [`${method} ${path}: no such operation`];
    const parameters = (isList(operation["parameters"]) ? operation["parameters"] : []).map((one) =>
      this.#parameter(one),
    );
    const known = new Map(parameters.flatMap((one) => (one["in"] === "query" ? [[textAt(one, "name"), one]] : [])));
    const missing = [...known].filter(([name, one]) => one["required"] === true && !query.has(name));
    const wrong = [...query].flatMap(([name, value]) => {
      const parameter = known.get(name);
      if (parameter === undefined) return [`${method} ${path}: no parameter ${name}`];
      return this.#check(objectAt(parameter, "schema"), valueOf(parameter, value), `?${name}`);
    });
    return [...missing.map(([name]) => `${method} ${path}: ${name} is missing`), ...wrong];
  }

  #parameter(one: Json): JsonObject {
    const own = isObject(one) ? one : {};
    const [, shared] = /^#\/components\/parameters\/(\w+)$/u.exec(textAt(own, "$ref")) ?? [];
    const target = shared === undefined ? own : this.#spec.components.parameters[shared];
    return isObject(target) ? target : {};
  }

  /** What is wrong with an answer; of a status that the schema does not have, nothing. */
  response(method: string, path: string, status: number, body: Json): readonly string[] {
    const response = objectAt(objectAt(this.#operation(method, path), "responses"), String(status));
    const [, shared] = /^#\/components\/responses\/(\w+)$/u.exec(textAt(response, "$ref")) ?? [];
    const target = shared === undefined ? response : this.#spec.components.responses[shared];
    return this.#problems(isObject(target) ? target : {}, body);
  }

  #operation(method: string, path: string): JsonObject {
    const fixed = this.#spec.paths[path];
    const found = fixed ?? Object.entries(this.#spec.paths).find(([one]) => patternOf(one).test(path))?.[1] ?? {};
    return objectAt(found, method.toLowerCase());
  }

  #problems(holder: JsonObject, body: Json): readonly string[] {
    const schema = objectAt(objectAt(holder, "content"), "application/json")["schema"];
    return isObject(schema) ? this.#check(schema, body, "") : [];
  }

  #check(schema: JsonObject, value: Json, at: string): readonly string[] {
    const [, name] = /^#\/components\/schemas\/(\w+)$/u.exec(textAt(schema, "$ref")) ?? [];
    if (name !== undefined) return this.#referred(schema, name, value, at);
    if (value === null) return schema["nullable"] === true || schema["type"] === undefined ? [] : [`${at}: null`];
    return [
      ...typeProblems(schema, value, at),
      ...this.#choice(schema, value, at),
      ...(isObject(value) ? this.#fields(schema, value, at) : []),
      ...(isList(value) ? this.#items(schema, value, at) : []),
    ];
  }

  #referred(schema: JsonObject, name: string, value: Json, at: string): readonly string[] {
    // Beside a reference only `nullable` matters (Dashboard.default_timeframe).
    if (value === null && schema["nullable"] === true) return [];
    const target = this.#spec.components.schemas[name];
    return isObject(target) ? this.#check(target, value, at) : [`${at}: no schema ${name}`];
  }

  #choice(schema: JsonObject, value: Json, at: string): readonly string[] {
    const { oneOf } = schema;
    if (!isList(oneOf)) return [];
    const each = oneOf.filter(isObject).map((one) => this.#check(one, value, at));
    return each.some((problems) => problems.length === 0) ? [] : [`${at}: none of the ${each.length} forms`];
  }

  #fields(schema: JsonObject, value: JsonObject, at: string): readonly string[] {
    const properties = objectAt(schema, "properties");
    const { additionalProperties: others } = schema;
    const missing = textsAt(schema, "required").filter((name) => value[name] === undefined);
    const inner = Object.entries(value).flatMap(([name, one]) => {
      const property = properties[name] ?? others;
      if (isObject(property)) return this.#check(property, one, `${at}.${name}`);
      return property === false ? [`${at}.${name}: no such field`] : [];
    });
    return [...missing.map((name) => `${at}.${name}: missing`), ...inner];
  }

  #items(schema: JsonObject, value: readonly Json[], at: string): readonly string[] {
    const items = objectAt(schema, "items");
    const { minItems = 0, maxItems = Infinity } = schema;
    const size =
      value.length < Number(minItems) || value.length > Number(maxItems) ? [`${at}: ${value.length} items`] : [];
    return [...size, ...value.flatMap((one, i) => this.#check(items, one, `${at}[${i}]`))];
  }
}

/** A query is text: its value as the parameter's type has it, where it can be read as one. */
function valueOf(parameter: JsonObject, text: string): Json {
  const type = textAt(objectAt(parameter, "schema"), "type");
  if (type === "integer" || type === "number") return /^-?\d+$/u.test(text) ? Number(text) : text;
  return type === "boolean" && (text === "true" || text === "false") ? text === "true" : text;
}

const types: Readonly<Record<string, (value: Json) => boolean>> = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isSafeInteger(value),
  object: isObject,
  array: isList,
};

function typeProblems(schema: JsonObject, value: Json, at: string): readonly string[] {
  const type = textAt(schema, "type");
  if (types[type]?.(value) === false) return [`${at}: ${JSON.stringify(value)} is no ${type}`];
  const { enum: choices } = schema;
  if (isList(choices) && !choices.includes(value))
    return [`${at}: ${JSON.stringify(value)} is none of the enumeration`];
  return outside(schema, value) ? [`${at}: ${JSON.stringify(value)} is outside of the limits`] : [];
}

function outside(schema: JsonObject, value: Json): boolean {
  const limit = (name: string, otherwise: number) => Number(schema[name] ?? otherwise);
  if (typeof value === "number") return value < limit("minimum", -Infinity) || value > limit("maximum", Infinity);
  if (typeof value !== "string") return false;
  if (value.length < limit("minLength", 0) || value.length > limit("maxLength", Infinity)) return true;
  if (schema["format"] === "date-time") return Number.isNaN(Date.parse(value));
  return typeof schema["pattern"] === "string" && !new RegExp(schema["pattern"], "u").test(value);
}
