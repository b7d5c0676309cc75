import assert from "node:assert/strict";
import type { LabHost } from "../../lab/host.ts";
import { storePorts, underlayAddress } from "../../lab/shape.ts";

/**
 * Copies what the engines have in etcd into a ZooKeeper beside it, as their libkv would have written it there: a folder is a
 * node without data. By programs on a host of the lab.
 */
export async function copyToZookeeper(host: LabHost): Promise<void> {
  const to = [`${underlayAddress}:${storePorts.etcd}`, `${underlayAddress}:${storePorts.zookeeper}`];
  const command = [process.execPath, "--input-type=module", "-e", copying, ...to];
  const { code, stdout, stderr } = await host.exec(command, { cwd: process.cwd() });
  assert.equal(code, 0, stdout + stderr);
}

const copying = `
import ZooKeeper from "zookeeper";
const [etcd, connect] = process.argv.slice(1);
const { node } = await (await fetch("http://" + etcd + "/v2/keys/docker?recursive=true")).json();
const client = new ZooKeeper({ connect, timeout: 5000, debug_level: 0 });
await new Promise((done) => client.once("connect", done).init({}));
const copy = async ({ key, value = "", nodes = [] }) => {
  await client.create(key, value, 0);
  for (const one of nodes) await copy(one);
};
await copy(node);
client.close();
process.exit(0);
`;
