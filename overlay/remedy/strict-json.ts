/** A file of the state folder that is none of ours, of a later version, or damaged. The message names the place in it. */
export class BadFile extends Error {
  override readonly name = "BadFile";
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BadFile("not JSON: cut off, or another file", { cause });
  }
}

/** Exactly these keys, or these and some of the optional ones. */
export function fields(
  value: unknown,
  at: string,
  keys: readonly string[],
  optional: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new BadFile(`${at} is no object`);
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) throw new BadFile(`${at} lacks ${missing}`);
  const extra = Object.keys(value).find((key) => !keys.includes(key) && !optional.includes(key));
  if (extra !== undefined) throw new BadFile(`${at} holds ${JSON.stringify(extra.slice(0, 40))}, which is not known`);
  return value;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new BadFile(`${at} is no list`);
  return value;
}

export function textAt(value: unknown, at: string): string {
  if (typeof value !== "string") throw new BadFile(`${at} is no text`);
  return value;
}

export function whole(value: unknown, at: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new BadFile(`${at} is no whole number`);
  return value;
}
