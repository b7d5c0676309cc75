import { execFile } from "node:child_process";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { member, mostBytes, parsed, readValues } from "./etcd.ts";
import { type AskStore, StoreError } from "./store.ts";

const program = fileURLToPath(new URL("./clients/main.js", import.meta.url));

/**
 * By npm's client, in a process of its own that ends with its answer. What is no answer of a store's ends such a client where
 * nobody can catch it: consul 2.0.1 by an exception in a callback, zookeeper 7.3.0 in V8 itself. So it ends no process of
 * ours; the privileged ones load neither, and this one gives root's rights away before it asks.
 */
export function askApart(kind: "consul" | "zk"): AskStore {
  return async ({ host, port }, key, signal) => {
    const answer = parsed(await saidBy([kind, host, String(port), key], signal));
    const complaint = member(answer, "error");
    if (typeof complaint === "string") throw new StoreError(complaint);
    return member(answer, "node") === undefined ? undefined : readValues(answer);
  };
}

async function saidBy(args: readonly string[], signal: AbortSignal): Promise<string> {
  const options = { env: {}, cwd: "/", maxBuffer: mostBytes, killSignal: "SIGKILL", signal } as const;
  return new Promise((resolve, reject) => {
    execFile(execPath, [program, ...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const why =
        stderr.split("\n").find((line) => /Error:|Fatal JavaScript/u.test(line)) ?? error.message.slice(0, 120);
      reject(
        new StoreError(`no answer, and its client ended (${error.signal ?? error.code}): ${why}`, { cause: error }),
      );
    });
  });
}
