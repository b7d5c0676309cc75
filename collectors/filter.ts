import { z } from "zod";

/** `web-*` (`*` any text, `?` one character) or `/regular expression/`; a whole name must match a glob. */
export const pattern = z
  .string()
  .min(1)
  .refine(isPattern, { error: "expected a glob such as web-* or a regular expression between slashes" });

export const includeExclude = (what: string, excluded: string[] = []) =>
  z
    .strictObject({
      include: z.array(pattern).default([]).describe(`Only these ${what}; empty means all.`),
      exclude: z.array(pattern).default(excluded).describe(`Never these ${what}; wins over include.`),
    })
    .prefault({});

export interface IncludeExclude {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether one of the names (a thing may have several, such as `name:web-1` and `image:nginx`) passes the two lists. */
export function nameFilter({ include, exclude }: IncludeExclude): (...names: readonly string[]) => boolean {
  const [wanted, unwanted] = [include.map(compile), exclude.map(compile)];
  return (...names) => !matches(unwanted, names) && (wanted.length === 0 || matches(wanted, names));
}

const matches = (list: readonly RegExp[], names: readonly string[]): boolean =>
  list.some((re) => names.some((name) => re.test(name)));

function compile(text: string): RegExp {
  const prefix = /^(?:name|image|label):/.exec(text)?.[0] ?? "";
  const body = text.slice(prefix.length);
  if (body.length > 1 && body.startsWith("/") && body.endsWith("/")) {
    return new RegExp(`^${prefix}.*?(?:${body.slice(1, -1)})`, "su");
  }
  const glob = body
    .replaceAll(/[\\^$.|+()[\]{}]/gu, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${prefix}${glob}$`, "su");
}

function isPattern(text: string): boolean {
  try {
    compile(text);
    return true;
  } catch {
    return false;
  }
}
