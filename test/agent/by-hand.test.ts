import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { confirm, requireTerminal } from "../../agent/by-hand/confirm.ts";
import { endpointsText, noEndpoints } from "../../agent/by-hand/endpoints-told.ts";
import { noState, stateText } from "../../agent/by-hand/state-told.ts";
import { takeLock } from "../../host/lock.ts";
import { isRoot, needs } from "../needs.ts";
import { cli, memoryIo } from "./cli.ts";
import { useFolder } from "./folder.ts";

describe("agent: what a person runs by hand", () => {
  const { path } = useFolder();
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  const at = async (...args: readonly string[]) =>
    cli([...args, "--json", "--state-dir", join(path(), "state"), "--docker-socket", join(path(), "docker.sock")]);
  const listen = async (listener: RequestListener, where: string | number): Promise<number> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>(
      (resolve) =>
        void (typeof where === "string" ? server.listen(where, resolve) : server.listen(where, "127.0.0.1", resolve)),
    );
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  };

  it("refuses bad usage, and does nothing", async () => {
    const refused: readonly [args: readonly string[], says: RegExp][] = [
      [["disconnect-stale-endpoints", "--apply"], /--apply: say which node is dead/],
      [["disconnect-stale-endpoints", "--node", "192.0.2.9", "--yes"], /--yes: only together with --apply/],
      [["disconnect-stale-endpoints", "--node", "no.such.invalid"], /no\.such\.invalid: no IPv4 address/],
      [["disconnect-stale-endpoints", "192.0.2.9"], /takes only options/],
      [["docker-state-cleanup", "--yes", "me"], /--yes: only together with --apply/],
      [["docker-state-cleanup", "--data-rot", "/x"], /did you mean --data-root/],
    ];
    for (const [args, says] of refused) {
      const { code, err } = await at(...args);
      assert.equal(code, 64, err);
      assert.match(err, says);
    }
    assert.ok(!existsSync(join(path(), "state")));
  });

  it("takes a folder from where it was typed", async function () {
    needs(this, "root", isRoot());
    const { code, err } = await cli([
      "pause",
      "--forever",
      "--reason",
      "x",
      "--state-dir",
      relative("", join(path(), "here")),
    ]);
    assert.equal(code, 0, err);
    assert.ok(existsSync(join(path(), "here")));
  });

  it("a pause stops both, before anything is looked at", async function () {
    needs(this, "root", isRoot());
    await cli(["pause", "--forever", "--reason", "audit", "--state-dir", join(path(), "state")]);
    for (const args of [["disconnect-stale-endpoints", "--node", "192.0.2.9"], ["docker-state-cleanup"]]) {
      const { code, out } = await at(...args, "--apply");
      assert.equal(code, 20);
      assert.match(out, /"kill-switch"/);
    }
  });

  it("two at once: the second says who is at work", async function () {
    needs(this, "root", isRoot());
    const lock = await takeLock(join(path(), "state", "remedy.lock"), { holder: "the first one" });
    for (const args of [["disconnect-stale-endpoints", "--node", "192.0.2.9"], ["docker-state-cleanup"]]) {
      const { code, out } = await at(...args, "--apply");
      assert.equal(code, 75);
      assert.match(out, /held by the first one/);
    }
    lock.release();
  });

  /** An engine of a cluster whose store is the one at that address; it has no container and one overlay network. */
  const network = { Id: "ae664ceb9e12".repeat(5), Name: "testnet", Driver: "overlay", Scope: "global" };
  const engine = async (store: string): Promise<void> => {
    const answers: Readonly<Record<string, unknown>> = {
      "/info": { ClusterStore: store, ClusterAdvertise: "127.0.0.1:2376" },
      "/networks": [network],
      "/containers/json": [],
    };
    await listen(
      ({ url = "" }, response) => void response.end(JSON.stringify(answers[url] ?? {})),
      join(path(), "docker.sock"),
    );
  };
  const judged = async () => {
    const { code, out } = await at("disconnect-stale-endpoints", "--node", "192.0.2.9", "--apply", "--yes");
    return [code, out] as const;
  };

  it("an engine without a cluster store has nothing to free", async function () {
    needs(this, "root", isRoot());
    await engine("");
    const [code, out] = await judged();
    assert.equal(code, 20);
    assert.match(out, /"rule": "classic"/);
  });

  it("a store that is down, slow, without its majority, or garbled is not believed", async function () {
    needs(this, "root", isRoot());
    this.timeout(20_000);
    const stores: readonly RequestListener[] = [
      () => undefined,
      (_, response) => void response.writeHead(500).end('{"errorCode":300,"message":"Raft Internal Error"}'),
      (_, response) => void response.end('{"action":"get","node":'),
      (_, response) => void response.writeHead(404).end("not found"),
    ];
    const ports = await Promise.all(stores.map(async (store) => listen(store, 0)));
    for (const port of [1, ...ports]) {
      await engine(`etcd://127.0.0.1:${port}`);
      const [code, out] = await judged();
      assert.equal(code, 20);
      assert.match(out, /"rule": "store",\s+"sentence": "the cluster store does not tell docker\/nodes/);
      servers.pop()?.close();
    }
  });

  it("a store of another cluster, which does not know this host, is not believed", async function () {
    needs(this, "root", isRoot());
    this.timeout(20_000);
    const endpoint = {
      id: "e".repeat(64),
      name: "web",
      locator: "192.0.2.9",
      ep_iface: { addr: "10.0.0.9/24", mac: "02:42:0a:00:00:09" },
    };
    const port = await listen(
      ({ url = "" }, response) =>
        void response.end(
          JSON.stringify(url.includes("/nodes?") ? nodes("10.9.9.9:2376") : nodes(JSON.stringify(endpoint))),
        ),
      0,
    );
    await engine(`etcd://127.0.0.1:${port}`);
    const [code, out] = await judged();
    assert.equal(code, 20, out);
    assert.match(out, /"verdict": "unsure"/);
    assert.match(
      out,
      /the store has no fresh key of this host \(127\.0\.0\.1:2376\): it is cut off, or the store is another cluster's/,
    );
    assert.match(out, /"name": "web",[^}]*"result": "left"/);
  });

  it("asks only on a terminal, and takes nothing but the very word", async () => {
    assert.throws(() => requireTerminal(memoryIo().io, "with --yes nobody is asked"), /no terminal.*--yes/);
    assert.throws(() => requireTerminal(memoryIo({ isTTY: true }).io, "x"), /no terminal/, "its input is none");
    for (const wrong of ["", "\n", "y\n", "yes\n", "host\n", "HOST1\n", "host1 host1\n"])
      await assert.rejects(confirm("host1", "", typing(wrong).io), /what was typed is not host1/);
    const right = typing("host1\n");
    await confirm("host1", "All goes.", right.io);
    assert.match(right.said().err, /All goes\.\nType host1 to go on: /);
    assert.equal(right.said().out, "");
  });

  it("names from outside neither end a line nor steer a terminal", () => {
    const refused = [{ rule: "x", sentence: "a\u001b[2Jb\nc" }];
    for (const text of [
      endpointsText({ ...noEndpoints, outcome: "refused", refused }),
      stateText({ ...noState, outcome: "refused", refused, notes: ["\u0007bell"] }),
    ]) {
      assert.doesNotMatch(text.replaceAll("\n", ""), /\p{Cc}/u);
      assert.match(text, /^# refused \(x\): a \[2Jb c$/m);
    }
  });
});

/** As etcd tells the values of a folder. */
const nodes = (...values: readonly string[]) => ({
  node: { key: "/k", dir: true, nodes: values.map((value) => ({ key: "/k/n", value })) },
});

function typing(text: string) {
  const { io, text: said } = memoryIo({ isTTY: true });
  return { io: { ...io, stdin: Object.assign(Readable.from([text]), { isTTY: true }) }, said };
}
