/** A key-value store that did not answer as asked. The message says what was asked, what came back and what to do. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** One value, with its key. */
export interface StoredValue {
  readonly key: string;
  readonly value: string;
}
