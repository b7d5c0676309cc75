import { createHash, timingSafeEqual } from "node:crypto";

/** Of secrets only these are kept and compared: of one length, so that the comparison takes the same time for all. */
export const digestOf = (token: string): Buffer => createHash("sha256").update(token).digest();

/** Whether the one `Authorization` header is `Bearer` with a valid token. Node drops a second such header, so the raw ones count. */
export function isAuthorised(rawHeaders: readonly string[], digests: readonly Buffer[]): boolean {
  const [value, ...more] = valuesOf(rawHeaders, "authorization");
  const [, token] = /^Bearer +([!-~]+)$/iu.exec(value ?? "") ?? [];
  if (token === undefined || more.length > 0) return false;
  const digest = digestOf(token);
  // All of them: which one it was shows in no time either.
  return digests.map((one) => timingSafeEqual(one, digest)).includes(true);
}

/** Values of a header that may have come several times; `name` in lower case. */
export const valuesOf = (rawHeaders: readonly string[], name: string): readonly string[] =>
  rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
