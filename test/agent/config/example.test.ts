import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { parse } from "yaml";
import { exampleConfig } from "../../../agent/config/example.ts";
import { loadConfig } from "../../../agent/config/load.ts";
import { configJsonSchema, configOptions, type Option } from "../../../agent/config/options.ts";
import { configSchema } from "../../../agent/config/schema.ts";
import { isTree, settingsTree } from "../../../agent/config/settings.ts";
import { useFolder } from "../folder.ts";

const defaults = configSchema.parse({});

describe("agent/config/example", () => {
  const { file } = useFolder();
  const load = (text: string) => loadConfig({ flags: [], env: {}, file: file("example.yaml", text) }).config;

  it("is the file in the repository", () => {
    assert.equal(readFileSync("agent/config/overlaywatch.example.yaml", "utf8"), exampleConfig());
  });

  it("is taken as it is, and changes nothing", () => {
    assert.deepEqual(load(exampleConfig()), defaults);
  });

  it("holds every default: with its values no longer commented out it still changes nothing", () => {
    const open = exampleConfig().replaceAll(/^( +)# ([a-z_]+: .*)$/gmu, "$1$2");
    assert.deepEqual(load(open), defaults);
    for (const { path, default: fallback } of configOptions().options) {
      const found = path.reduce((tree: unknown, key) => (isTree(tree) ? tree[key] : undefined), parse(open));
      assert.deepEqual(found, fallback, path.join("."));
    }
  });

  it("has a sentence and a default for every option, and a sentence for every section", () => {
    const { options, sections } = configOptions();
    assert.deepEqual(
      sections.filter(({ description }) => description === ""),
      [],
    );
    assert.deepEqual(
      options.filter((o) => !o.description.endsWith(".") || o.default === undefined).map(({ path }) => path.join(".")),
      [],
    );
  });
});

describe("agent/config/overlaywatch.schema.json", () => {
  it("takes and refuses what the program does: each option, with values of every type", () => {
    const schema: unknown = JSON.parse(readFileSync("agent/config/overlaywatch.schema.json", "utf8"));
    assert.deepEqual(schema, JSON.parse(JSON.stringify(configJsonSchema())));
    const { options } = configOptions();
    fc.assert(
      fc.property(fc.constantFrom(...options), value, (option, given) => {
        const config = settingsTree([{ path: option.path, value: given, origin: "" }]);
        const [bySchema, byProgram] = [accepts(schema, config), configSchema.safeParse(config).success];
        // A JSON schema can not say what a pattern or an even interval is: it may take more texts, and nothing else.
        if (byProgram || !hasTexts(given, option)) assert.equal(bySchema, byProgram, JSON.stringify(config));
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses unknown keys everywhere", () => {
    for (const { path } of [{ path: [] }, ...configOptions().sections]) {
      const config = settingsTree([{ path: [...path, "unknown"], value: 1, origin: "" }]);
      assert.equal(accepts(configJsonSchema(), config), false, path.join("."));
      assert.equal(configSchema.safeParse(config).success, false, path.join("."));
    }
  });
});

const value = fc.oneof(
  fc.constantFrom<unknown>(true, 0, 1, -1, 1.5, "10s", "5m", "/x", "", "lean", "console", "a.", null),
  fc.array(fc.constantFrom<unknown>("a", "console", 1, "dogstatsd", "*"), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("a", "b.c"), fc.constantFrom<unknown>("tag", 1, "1x"), { maxKeys: 2 }),
);

const hasTexts = (given: unknown, { choices }: Option) =>
  choices.length === 0 &&
  (typeof given === "string" || (Array.isArray(given) && given.every((one) => typeof one === "string")));

/** As much of JSON Schema as ours uses. */
function accepts(schema: unknown, given: unknown): boolean {
  if (!isTree(schema)) return true;
  return [ofType, ofEnum, ofPattern, ofRange, ofItems, ofProperties, ofAny].every((rule) => rule(schema, given));
}

type Rule = (schema: Readonly<Record<string, unknown>>, given: unknown) => boolean;

const types: Readonly<Record<string, (given: unknown) => boolean>> = {
  object: isTree,
  array: (given) => Array.isArray(given),
  string: (given) => typeof given === "string",
  boolean: (given) => typeof given === "boolean",
  integer: (given) => Number.isInteger(given),
  number: (given) => typeof given === "number",
};
const ofType: Rule = ({ type }, given) =>
  typeof type !== "string" || (types[type]?.(given) ?? assert.fail(`type ${type}`));
const ofEnum: Rule = (schema, given) => !Array.isArray(schema["enum"]) || schema["enum"].includes(given);
const ofPattern: Rule = ({ pattern, minLength }, given) =>
  typeof given !== "string" ||
  ((typeof pattern !== "string" || new RegExp(pattern, "u").test(given)) &&
    (typeof minLength !== "number" || given.length >= minLength));
const ofRange: Rule = ({ minimum, maximum }, given) =>
  typeof given !== "number" ||
  ((typeof minimum !== "number" || given >= minimum) && (typeof maximum !== "number" || given <= maximum));
const ofItems: Rule = ({ items }, given) => !Array.isArray(given) || given.every((one) => accepts(items, one));
const ofAny: Rule = ({ anyOf }, given) => !Array.isArray(anyOf) || anyOf.some((one) => accepts(one, given));
const ofProperties: Rule = ({ properties = {}, additionalProperties }, given) =>
  !isTree(given) ||
  Object.entries(given).every(([key, below]) => {
    const own = isTree(properties) && Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    return own !== false && accepts(own, below);
  });
