const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?p([+-]?\d+)$/i;
const INFINITY = /^([+-]?)inf(?:inity)?$/i;
const NOT_A_NUMBER = /^nan$/i;

const MAX_INT64 = 2n ** 63n - 1n;

/**
 * A number as Go's `strconv.ParseFloat(text, 64)` reads it, for the agent does: `.5`, `1_000`, `0x1p-2`, `NaN` and
 * `-Inf` are numbers, `""`, `" "`, `0x10` and what overflows (`1e400`) are not. `undefined` is what Go refuses.
 */
export function parseGoFloat(text: string): number | undefined {
  if (DECIMAL.test(text)) return inRange(Number(text));
  if (NOT_A_NUMBER.test(text)) return NaN;
  const infinity = INFINITY.exec(text);
  if (infinity !== null) return infinity[1] === "-" ? -Infinity : Infinity;
  const plain = withoutUnderscores(text);
  return DECIMAL.test(plain) ? inRange(Number(plain)) : hexadecimal(plain);
}

/** An integer as Go's `strconv.ParseInt(text, 10, 64)` reads it. Beyond 2^53 the last digits are lost. */
export function parseGoInt(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const digits = text.replace(/^[+-]/, "").replace(/^0+(?=\d)/, "");
  // 19 digits hold the largest value; more are never turned into a number, for that costs the square of their count.
  if (digits.length > 19) return undefined;
  const magnitude = BigInt(digits);
  if (text.startsWith("-")) return magnitude > MAX_INT64 + 1n ? undefined : 0 - Number(magnitude);
  return magnitude > MAX_INT64 ? undefined : Number(magnitude);
}

function inRange(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** Go lets one underscore stand between two digits, or between `0x` and a digit. */
function withoutUnderscores(text: string): string {
  const misplaced = /^[+-]?0x/i.test(text) ? /(?<![0-9a-fx])_|_(?![0-9a-f])/i : /(?<!\d)_|_(?!\d)/;
  return misplaced.test(text) ? "" : text.replaceAll("_", "");
}

function hexadecimal(text: string): number | undefined {
  const [, sign, whole = "", fraction = "", exponent] = HEXADECIMAL.exec(text) ?? [];
  if (exponent === undefined || whole + fraction === "") return undefined;
  const magnitude = Number(BigInt(`0x${whole}${fraction}`));
  const power = Number(exponent) - 4 * fraction.length;
  if (magnitude === 0) return 0;
  // In two steps: 2 ** -1080 alone is 0 already, when magnitude * 2 ** -1080 is not.
  const half = Math.trunc(power / 2);
  return inRange((sign === "-" ? -1 : 1) * magnitude * 2 ** half * 2 ** (power - half));
}
