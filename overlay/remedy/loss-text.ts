/** A share of pings from 0 to 1; null where it could not be measured. */
interface Loss {
  readonly before: number | null;
  readonly after: number | null;
}

/** `loss 100 % before, 0 % after`, of all pairs that were measured; nothing where none was. */
export function lossText(all: readonly Loss[]): string {
  const measured = all.filter(({ after }) => after !== null);
  if (measured.length === 0) return "";
  return `loss ${mean(measured.map(({ before }) => before))} before, ${mean(measured.map(({ after }) => after))} after`;
}

function mean(all: readonly (number | null)[]): string {
  const known = all.filter((one) => one !== null);
  if (known.length === 0) return "not measured";
  return `${Math.round((known.reduce((sum, one) => sum + one, 0) / known.length) * 100)} %`;
}
