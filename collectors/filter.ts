import { z } from "zod";
import type { Container } from "../host/docker/inventory.ts";

/** `web-*` (`*` any text, `?` one character; the whole must match) or `/regular expression/`, of a name. */
const namePattern = z
  .string()
  .min(1)
  .refine((text) => aspectOf(text) === "" && isPattern(text), {
    error: "expected a glob such as web-* or a regular expression between slashes",
  });

/** The same of a container: of its name (alone or behind `name:`), `image:` or `label:key=value`. */
export const containerPattern = z.string().min(1).refine(isPattern, {
  error: "expected a glob such as web-* or a regular expression between slashes, alone or behind name:, image:, label:",
});

export const includeExclude = (what: string, excluded: string[] = []) =>
  z
    .strictObject({
      include: z.array(namePattern).default([]).describe(`Only these ${what}; empty means all.`),
      exclude: z.array(namePattern).default(excluded).describe(`Never these ${what}; wins over include.`),
    })
    .prefault({});

export interface IncludeExclude {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether a name passes the two lists. */
export function nameFilter(lists: IncludeExclude): (name: string) => boolean {
  const passes = filter(lists);
  return (name) => passes(name, []);
}

/** Whether a container passes the two lists. */
export function containerFilter(lists: IncludeExclude): (container: Container) => boolean {
  const passes = filter(lists);
  return ({ name, image, labels }) =>
    passes(name, [`image:${image}`, ...Object.entries(labels).map(([key, value]) => `label:${key}=${value}`)]);
}

type Passes = (name: string, aspects: readonly string[]) => boolean;

function filter({ include, exclude }: IncludeExclude): Passes {
  const [wanted, unwanted] = [include.map(compile), exclude.map(compile)];
  return (name, aspects) =>
    !unwanted.some((matches) => matches(name, aspects)) &&
    (wanted.length === 0 || wanted.some((matches) => matches(name, aspects)));
}

/** A pattern sees only what it names: `l*` is about names, and must not match every `label:...`. */
function compile(text: string): Passes {
  const aspect = aspectOf(text);
  const matches = matcher(text.slice(text.startsWith("name:") ? "name:".length : aspect.length));
  if (aspect === "") return (name) => matches(name);
  return (_name, aspects) => aspects.some((one) => one.startsWith(aspect) && matches(one.slice(aspect.length)));
}

const aspectOf = (text: string): string => /^(?:image|label):/u.exec(text)?.[0] ?? "";

function matcher(body: string): (text: string) => boolean {
  if (body.length > 1 && body.startsWith("/") && body.endsWith("/")) {
    const expression = new RegExp(body.slice(1, -1), "su");
    return (text) => expression.test(text);
  }
  const glob = Array.from(body);
  return (text) => matchesGlob(glob, Array.from(text));
}

/** Goes back to the last `*` only: the time stays below the product of the lengths, whatever labels hold. */
function matchesGlob(glob: readonly string[], text: readonly string[]): boolean {
  let [at, star, resume] = [0, -1, 0];
  for (let i = 0; i < text.length;) {
    if (glob[at] === "*") {
      star = at++;
      resume = i;
    } else if (glob[at] === "?" || glob[at] === text[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++resume;
    } else return false;
  }
  return glob.slice(at).every((one) => one === "*");
}

function isPattern(text: string): boolean {
  try {
    compile(text);
    return !/^(?:name|image|label):$/u.test(text);
  } catch {
    return false;
  }
}
