/** `OVERLAYWATCH_ACCEPT=full` (`npm run accept`): the issue's own figures; otherwise a short form of the same test. */
const full = process.env["OVERLAYWATCH_ACCEPT"] === "full";

export const isFull = (): boolean => full;

export const sized = <T>(whole: T, short: T): T => (full ? whole : short);

/** A measured figure, beside mocha's own lines. */
export function figure(text: string): void {
  process.stdout.write(`      = ${text}\n`);
}
