/**
 * The error and what it was caused by, as one line; a cause that its error quotes already is not said twice, nor one of
 * an error that ends in advice, as a sentence does.
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? errorText(error.cause) : "";
  return cause === "" || error.message.includes(cause) || /[.?]$/u.test(error.message)
    ? error.message
    : `${error.message}: ${cause}`;
}
