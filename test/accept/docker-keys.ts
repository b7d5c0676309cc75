import assert from "node:assert/strict";
import type { LabHost } from "../../lab/host.ts";
import { storeServer } from "../../lab/store.ts";

/** Copies what the engines have in etcd into a store beside it, as their libkv would have written it there; on a host of the lab. */
export async function copyKeys(host: LabHost, to: "zookeeper" | "consul"): Promise<void> {
  const script = `${reading}\n${to === "zookeeper" ? intoZookeeper : intoConsul}`;
  const command = [process.execPath, "--input-type=module", "-e", script, storeServer("etcd"), storeServer(to)];
  const { code, stdout, stderr } = await host.exec(command, { cwd: process.cwd() });
  assert.equal(code, 0, stdout + stderr);
}

const reading = `
const [etcd, to] = process.argv.slice(1);
const { node } = await (await fetch("http://" + etcd + "/v2/keys/docker?recursive=true")).json();
`;

/** A folder is a node without data. */
const intoZookeeper = `
const { default: ZooKeeper } = await import("zookeeper");
const client = new ZooKeeper({ connect: to, timeout: 5000, debug_level: 0 });
await new Promise((done) => client.once("connect", done).init({}));
const copy = async ({ key, value = "", nodes = [] }) => {
  await client.create(key, value, 0);
  for (const one of nodes) await copy(one);
};
await copy(node);
client.close();
process.exit(0);
`;

/** There are no folders; libnetwork ends its keys with a slash, which libkv keeps in Consul alone. */
const intoConsul = `
const copy = async ({ key, value, nodes = [] }) => {
  const path = key.slice(1) + (key.startsWith("/docker/network/") ? "/" : "");
  if (value) await fetch("http://" + to + "/v1/kv/" + path, { method: "PUT", body: value });
  for (const one of nodes) await copy(one);
};
await copy(node);
`;
