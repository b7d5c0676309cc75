import { etcdStore, valuesBelow } from "./etcd.ts";
import { StoreError, type StoredValue } from "./store.ts";

/**
 * Values below a folder of the store that an engine names in `ClusterStore`. Throws `StoreError` where none is named, where it
 * is of a kind that is not read, and where it does not answer.
 */
export async function storedValues(
  clusterStore: string,
  folder: string,
  signal: AbortSignal,
): Promise<readonly StoredValue[]> {
  const store = etcdStore(clusterStore);
  if (clusterStore === "") throw new StoreError("the engine names no cluster store");
  if (store === undefined) throw new StoreError(`no store that is read: ${JSON.stringify(clusterStore)} (etcd is)`);
  return valuesBelow(store, folder, signal);
}
