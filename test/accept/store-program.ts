import { readFileSync } from "node:fs";
import { z } from "zod";
import { storeAddress } from "../../host/kv/address.ts";
import { storedValues } from "../../host/kv/stores.ts";

/**
 * For a host of the lab, from where alone its engine's store is reached: `list STORE FOLDER` prints all values below;
 * `put STORE FILE` and `delete STORE FILE` write and delete those in the file, `[{key, value}]`.
 */
const [action, address = "", what = ""] = process.argv.slice(2);
const [server] = storeAddress(address)?.servers ?? [];
if (server === undefined) throw new Error(`no store: ${address}`);

if (action === "list")
  process.stdout.write(JSON.stringify(await storedValues(address, what, AbortSignal.timeout(10_000))));
else {
  const records = z
    .array(z.object({ key: z.string(), value: z.string() }))
    .parse(JSON.parse(readFileSync(what, "utf8")));
  const left = [...records];
  const worker = async (): Promise<void> => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await write(one.key, one.value);
  };
  await Promise.all(Array.from({ length: 20 }, worker));
}

async function write(key: string, value: string): Promise<void> {
  const url = `http://${server?.host}:${server?.port}/v2/keys${key}`;
  const put = { method: "PUT", body: new URLSearchParams({ value }) };
  const { status } = await fetch(url, action === "put" ? put : { method: "DELETE" });
  if (status >= 300 && status !== 404) throw new Error(`${action} ${key}: ${status}`);
}
