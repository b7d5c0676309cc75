import type { StoredValue, StoreServer } from "../store.ts";

/**
 * One question to one server, `consul|zk HOST PORT KEY`, and its end. Says `{node: {nodes: [{key, value}]}}`, as etcd does,
 * `{}` where there is no such key, or `{error}`.
 */
const [kind, host = "", port, key = ""] = process.argv.slice(2);

// Whoever asked ends this process sooner; this is for when that one has died.
setTimeout(() => process.exit(1), 10_000).unref();

process.stdout.write(JSON.stringify(await answer({ host, port: Number(port) })));
process.exit(0);

async function answer(server: StoreServer) {
  try {
    const nodes = await ask(server);
    return nodes === undefined ? {} : { node: { nodes } };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** The other store's client is not even loaded. */
async function ask(server: StoreServer): Promise<readonly StoredValue[] | undefined> {
  if (kind === "zk") return (await import("./zookeeper.ts")).readZookeeper(server, key);
  return (await import("./consul.ts")).readConsul(server, key);
}
