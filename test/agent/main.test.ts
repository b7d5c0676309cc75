import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "../host/until.ts";
import { useFolder } from "./folder.ts";
import { replayedHost, type ReplayedHost } from "./replayed-host.ts";

const program = "dist/agent/main.js";

describe("agent/main, as a process", () => {
  const { path } = useFolder();
  const children: ChildProcess[] = [];
  let host: ReplayedHost;
  const start = (...args: readonly string[]) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    children.push(child);
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => void (out += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => void (out += chunk.toString("utf8")));
    return { child, text: () => out, code: once(child, "exit").then(([code]: unknown[]) => code) };
  };

  beforeEach(async () => {
    host = await replayedHost("two-networks", path());
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await host.remove();
  });

  it("ends with the command's exit code, all of its output written", async () => {
    const one = start("help");
    assert.equal(await one.code, 0);
    assert.match(one.text(), /overlaywatch help COMMAND says more\.\n$/u);
    assert.equal(await start("nonsense").code, 64);
  });

  it("ends on SIGTERM and SIGINT with 0, within a second", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      host.docker.asked.length = 0;
      const { child, code } = start("run", "--sink", "none", ...host.args);
      await until("it watches Docker", () => host.docker.subscribers.size > 0, 8000);
      const began = performance.now();
      child.kill(signal);
      assert.equal(await code, 0);
      assert.ok(performance.now() - began < 2000);
      await until("Docker sees it go", () => host.docker.subscribers.size === 0);
    }
  });

  it("ends the stand-in on SIGTERM with 0, within two seconds, connections open", async () => {
    const { child, text, code } = start("standin", "--json", "--faults", "slow=1");
    await until("it says where it is", () => text().endsWith("\n"), 8000);
    const [, url = ""] = /"url":"([^"]+)"/u.exec(text()) ?? [];
    // The fetch of Node 20 may never settle where its connection is reset while it is made.
    const cut = assert.rejects(fetch(`${url}/api/v1/validate`, { signal: AbortSignal.timeout(3000) }));
    const began = performance.now();
    child.kill("SIGTERM");
    assert.equal(await code, 0);
    assert.ok(performance.now() - began < 2000);
    await cut;
  });

  it("takes a reader that went away for a normal end", async () => {
    const { child, code } = start("check", "--raw", "--json", ...host.args);
    child.stdout?.destroy();
    assert.equal(await code, 0);
  });
});
