/** A key-value store that did not answer as asked. The message says what was asked, what came back and what to do. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** One value, with its key. */
export interface StoredValue {
  readonly key: string;
  readonly value: string;
}

export interface StoreServer {
  readonly host: string;
  readonly port: number;
}

/**
 * Asks one server for all values below a key, and the key's own, as the store's majority has them; undefined where there is
 * no such key. Rejects where the server answers anything else, and when the signal fires.
 */
export type AskStore = (
  server: StoreServer,
  key: string,
  signal: AbortSignal,
) => Promise<readonly StoredValue[] | undefined>;
