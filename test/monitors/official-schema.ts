import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const file = join(process.env["OVERLAYWATCH_SHARED"] ?? "../shared", "datadog/openapi-v1.yaml");

export const hasOfficialSchema = (): boolean => existsSync(file);

const spec = z.looseObject({ components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }) });

let definitions: unknown;

/** A schema of Datadog's own specification by its name, such as `Monitor`; keys that it does not have are refused. */
export function officialSchema(name: string): z.ZodType {
  definitions ??= definitionsOf(readFileSync(file, "utf8"));
  return z.fromJSONSchema(
    { $ref: `#/definitions/${name}`, definitions: z.record(z.string(), z.any()).parse(definitions) },
    { defaultTarget: "openapi-3.0" },
  );
}

function definitionsOf(text: string): unknown {
  const { schemas } = spec.parse(parse(text, { maxAliasCount: -1 })).components;
  const moved: unknown = JSON.parse(JSON.stringify(schemas).replaceAll("#/components/schemas/", "#/definitions/"));
  close(moved);
  return moved;
}

/** What does not say that it takes other keys takes none. */
function close(node: unknown): void {
  if (typeof node !== "object" || node === null) return;
  if ("properties" in node && !("additionalProperties" in node)) Object.assign(node, { additionalProperties: false });
  for (const below of Object.values(node)) close(below);
}
