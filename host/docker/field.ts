/** One place in an answer, with the name that an error calls it by. */
export interface Field {
  readonly at: string;
  readonly value: unknown;
}

/** An answer of Docker that lacks something, or holds it in a shape that the API never had. */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
  readonly at: string;

  constructor(field: Field, wanted: string) {
    super(`Docker's answer holds ${excerpt(field.value)} in ${field.at || "its root"} where ${wanted} is expected`);
    this.at = field.at;
  }
}

/** What lies below; where the whole is missing or null, so is the part. */
export function part(of: Field, ...keys: readonly string[]): Field {
  return keys.reduce(member, of);
}

/** Go marshals an empty map or slice that was never made as null: both are none. */
export function members(of: Field): readonly (readonly [string, Field])[] {
  return Object.keys(record(of)).map((key) => [key, member(of, key)]);
}

export function items(of: Field): readonly Field[] {
  return isMissing(of) ? [] : list(of);
}

/** A list that must be there: taking null for it would read as "none". */
export function list(of: Field): readonly Field[] {
  if (!Array.isArray(of.value)) throw new UnexpectedAnswer(of, "a list");
  const values: readonly unknown[] = of.value;
  return values.map((value, index) => ({ at: `${of.at}[${index}]`, value }));
}

/** Empty where it is missing or null. */
export function text(of: Field): string {
  if (isMissing(of)) return "";
  if (typeof of.value !== "string") throw new UnexpectedAnswer(of, "a text");
  return of.value;
}

/** An object's id: 64 hexadecimal digits for containers, 25 letters and digits for networks of a swarm. */
export function id(of: Field): string {
  const found = text(of);
  if (!/^[a-z0-9]{12,64}$/.test(found)) throw new UnexpectedAnswer(of, "an id");
  return found;
}

/** Must be there: an answer without it says nothing, which is not "no". */
export function flag(of: Field): boolean {
  if (typeof of.value !== "boolean") throw new UnexpectedAnswer(of, "true or false");
  return of.value;
}

/** 0 where it is missing or null. */
export function wholeNumber(of: Field): number {
  if (isMissing(of)) return 0;
  if (typeof of.value !== "number" || !Number.isSafeInteger(of.value)) throw new UnexpectedAnswer(of, "a whole number");
  return of.value;
}

function member(of: Field, key: string): Field {
  return { at: of.at === "" ? key : `${of.at}.${key}`, value: record(of)[key] };
}

function record(of: Field): Readonly<Record<string, unknown>> {
  if (isMissing(of)) return {};
  if (!isRecord(of.value)) throw new UnexpectedAnswer(of, "an object");
  return of.value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMissing(of: Field): boolean {
  return of.value === undefined || of.value === null;
}

function excerpt(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 60);
}
