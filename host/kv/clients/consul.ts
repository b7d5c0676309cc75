import { EventEmitter } from "node:events";
import { IncomingMessage } from "node:http";
import Consul from "consul";
import { member } from "../etcd.ts";
import { StoreError, type StoredValue, type StoreServer } from "../store.ts";

/** `GET /v1/kv/KEY?recurse&consistent`: the leader asks the majority whether it still is the leader before it answers. */
export async function readConsul(
  { host, port }: StoreServer,
  key: string,
): Promise<readonly StoredValue[] | undefined> {
  const client = new Consul({ host, port, defaults: { consistent: true } });
  // With the response: of its own the client gives undefined for a key that is not there, any other 404 and an odd body.
  const asked = { key, recurse: true, ctx: Object.assign(new EventEmitter(), { includeResponse: true }) };
  const answered: unknown = await client.kv.get(asked);
  const [response, items] = [member(answered, "0"), member(answered, "1")];
  if (!(response instanceof IncomingMessage)) throw new StoreError("its client gave no response");
  // Consul tells its index with each answer, a 404 too; a 404 without it comes from something else.
  if (response.statusCode === 404 && response.headers["x-consul-index"] !== undefined) return undefined;
  if (!Array.isArray(items)) throw new StoreError(`it answered ${response.statusCode}, and no list`);
  return items.flatMap((one: unknown) => valueIn(one, key));
}

/** Consul finds all keys that begin so, `docker/nodesX` too. One without a value is a folder that a person made. */
function valueIn(item: unknown, below: string): readonly StoredValue[] {
  const [key, value] = [member(item, "Key"), member(item, "Value")];
  if (typeof key !== "string" || (typeof value !== "string" && value !== null))
    throw new StoreError(`an item without key and value: ${JSON.stringify(item)?.slice(0, 80)}`);
  return value !== null && `${key}/`.startsWith(`${below}/`) ? [{ key, value }] : [];
}
