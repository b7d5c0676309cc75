import { deadline } from "../deadline.ts";
import { messageOf } from "../thrown.ts";
import { type StoreAddress, storeAddress, storeKinds, type StoreKind } from "./address.ts";
import { askApart } from "./apart.ts";
import { askEtcd } from "./etcd.ts";
import { type AskStore, StoreError, type StoredValue } from "./store.ts";

const asking: Readonly<Record<StoreKind, AskStore>> = {
  etcd: askEtcd,
  consul: askApart("consul"),
  zk: askApart("zk"),
};

/** Where libnetwork keeps the networks of a cluster. */
const networksFolder = "docker/network/v1.0/network";

/**
 * Values below a folder of the store that an engine names in `ClusterStore`; none where there is no such folder. The store is
 * asked for what its majority agrees on: one that is cut off from it does not answer. Throws `StoreError` where no store is
 * named, where it is of a kind that is not read, where none of its servers answers, and where it knows no network of
 * Docker's at all: what is missing there says nothing of this cluster.
 */
export async function storedValues(
  clusterStore: string,
  folder: string,
  signal: AbortSignal,
): Promise<readonly StoredValue[]> {
  if (clusterStore === "") throw new StoreError("the engine names no cluster store");
  const store = storeAddress(clusterStore);
  if (store === undefined) {
    const read = storeKinds.join(", ");
    throw new StoreError(`no store that is read: ${JSON.stringify(clusterStore)} (these are: ${read})`);
  }
  const values = await fromAny(store, folder, signal);
  if (values !== undefined) return values;
  const networks = await fromAny(store, networksFolder, signal);
  if (networks !== undefined && networks.length > 0) return [];
  throw new StoreError(
    `the cluster store knows no network, and so not ${folder}: it is another cluster's, or was emptied`,
  );
}

/** From the first server that answers as it should; undefined where that has no such folder. */
async function fromAny(
  { kind, servers, prefix }: StoreAddress,
  folder: string,
  signal: AbortSignal,
): Promise<readonly StoredValue[] | undefined> {
  const key = prefix === "" ? folder : `${prefix}/${folder}`;
  const complaints: string[] = [];
  for (const server of servers) {
    const late = deadline(signal, 3000);
    try {
      return await asking[kind](server, key, late.signal);
    } catch (cause) {
      signal.throwIfAborted();
      const error: unknown = late.signal.aborted ? late.signal.reason : cause;
      complaints.push(`${server.host}:${server.port}: ${messageOf(error)}`);
    } finally {
      late.clear();
    }
  }
  throw new StoreError(`the cluster store does not tell ${folder}: ${complaints.join("; ")}`);
}
