import { codeOf, messageOf } from "../../thrown.ts";
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
    return { error: messageOf(error) };
  }
}

/** The other store's client is not even loaded. */
async function ask(server: StoreServer): Promise<readonly StoredValue[] | undefined> {
  const read =
    kind === "zk" ? (await import("./zookeeper.ts")).readZookeeper : (await import("./consul.ts")).readConsul;
  becomeNobody();
  return read(server, key);
}

/** All its files are read. Where a unit leaves root no right to change its user, there is little to give away. */
function becomeNobody(): void {
  if (process.getuid?.() !== 0) return;
  try {
    process.setgroups?.([]);
    process.setgid?.(65534);
    process.setuid?.(65534);
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
  }
}
