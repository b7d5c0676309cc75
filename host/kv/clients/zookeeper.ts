import { connect } from "node:net";
import ZooKeeper from "zookeeper";
import { StoreError, type StoredValue, type StoreServer } from "../store.ts";

/**
 * In a session of its own, which only a majority can open, and after a `sync`: a server that lags behind its leader catches
 * up first. A node that is empty, or has the one byte of Docker's libkv, is a folder or is about to be written.
 */
export async function readZookeeper(server: StoreServer, key: string): Promise<readonly StoredValue[] | undefined> {
  const client = await session(server);
  const root = `/${key}`;
  try {
    await called("sync", (done) => client.a_sync(root, done));
    for (;;) {
      const read = await below(client, root);
      if (read !== "changed") return read;
    }
  } finally {
    client.close();
  }
}

async function session({ host, port }: StoreServer): Promise<ZooKeeper> {
  const client = new ZooKeeper({ connect: `${host}:${port}`, timeout: 10_000, debug_level: 0, data_as_buffer: true });
  return new Promise((resolve, reject) => {
    client.on("connect", () => resolve(client));
    client.on("close", () => reject(new StoreError("it closed the session")));
    client.init({});
    // It tries again and again, without a word: why is asked only then, as each try is a line in the server's log.
    setTimeout(() => {
      const reached = connect({ host, port }, () => reached.destroy());
      reached.once("error", reject);
    }, 500).unref();
    setTimeout(() => reject(new StoreError("it opens no session: has it lost its majority?")), 2500).unref();
  });
}

/** Undefined where there is no such node; "changed" where one went away meanwhile: Docker's own reader starts again, too. */
async function below(client: ZooKeeper, path: string): Promise<readonly StoredValue[] | "changed" | undefined> {
  const children = await called<string[]>("children", (done) => client.a_get_children(path, false, done));
  const data = await called<string | Buffer | null>("get", (done) =>
    client.a_get(path, false, (rc, error, _stat, read) => done(rc, error, read)),
  );
  if (children === undefined || data === undefined) return children === data ? undefined : "changed";
  const value = String(data ?? "");
  const all: StoredValue[] = value === "" || value === "\u0001" ? [] : [{ key: path, value }];
  for (const found of await Promise.all(children.map(async (name) => below(client, `${path}/${name}`)))) {
    if (found === undefined || found === "changed") return "changed";
    all.push(...found);
  }
  return all;
}

/** As the C client calls back; undefined for -101, ZNONODE. */
async function called<T>(
  what: string,
  call: (done: (rc: number, error: unknown, value?: T) => void) => unknown,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    call((rc, error, value) => {
      if (rc === 0 || rc === -101) resolve(rc === 0 ? value : undefined);
      else reject(new StoreError(`${what}: ${String(error)} (${rc})`));
    });
  });
}
