/** Whether a series with these tags (`key:value`) is meant. */
export type Scope = (tags: ReadonlySet<string>) => boolean;

const everything: Scope = () => true;

/**
 * The filter in a query's braces: `*`, and terms that all hold, by commas or AND: `env:prod`, `!env:lab`,
 * `NOT env:lab`, `key:a*`, `key IN (a,b)`, `key NOT IN (a,b)`. Undefined for what else there may be (OR, brackets).
 */
export function scopeOf(text: string): Scope | undefined {
  const terms = splitTerms(text).map((term) => termOf(term));
  const known = terms.filter((term) => term !== undefined);
  return known.length === terms.length ? (tags) => known.every((term) => term(tags)) : undefined;
}

/** Commas within the brackets of IN do not part terms. */
const splitTerms = (text: string): readonly string[] =>
  text.split(/\s*,\s*(?![^(]*\))|\s+AND\s+/u).map((term) => term.trim());

function termOf(term: string): Scope | undefined {
  if (term === "*") return everything;
  const [, key, not, list] = /^([\w.-]+)\s+(NOT\s+)?IN\s*\(([^()]*)\)$/u.exec(term) ?? [];
  if (key !== undefined && list !== undefined) {
    const values = list.split(",").map((value) => `${key}:${value.trim()}`);
    return (tags) => values.some((value) => tags.has(value)) === (not === undefined);
  }
  const [, negated, plain] = /^(!|NOT\s+)?([^\s(){}!]+)$/u.exec(term) ?? [];
  if (plain === undefined || ["OR", "NOT", "IN"].includes(plain)) return undefined;
  const matches = matcher(plain);
  return (tags) => matches(tags) === (negated === undefined);
}

function matcher(tag: string): Scope {
  if (!tag.includes("*")) return (tags) => tags.has(tag);
  const pattern = new RegExp(`^${tag.split("*").map(escaped).join(".*")}$`, "su");
  return (tags) => [...tags].some((one) => pattern.test(one));
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/-]/gu, String.raw`\$&`);
