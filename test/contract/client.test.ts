import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { liveClock } from "../../host/clock.ts";
import { startStandin } from "../../standin/standin.ts";
import { until } from "../host/until.ts";
import { useFolder } from "../agent/folder.ts";
import { contentOf, ownFiles } from "./repository.ts";
import { replayedHost } from "../agent/replayed-host.ts";

const client = "@datadog/datadog-api-client";

/** The npm packages that the program has loaded (CommonJS ones, as the client is) when it ends. */
async function loadedBy(args: readonly string[], env: NodeJS.ProcessEnv, ready?: () => Promise<void>) {
  const child = spawn(process.execPath, ["--require", "./test/agent/loaded.cjs", "dist/agent/main.js", ...args], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const pipe = child.stdio[3];
  assert.ok(pipe !== null && pipe !== undefined && "read" in pipe);
  const [packages] = await Promise.all([
    text(pipe),
    once(child, "exit"),
    ready?.().finally(() => void child.kill("SIGTERM")),
  ]);
  return packages.split("\n");
}

describe("contract: Datadog's client", () => {
  const { path } = useFolder();

  it("is imported in one place, by path, never by its root", () => {
    const importing = ownFiles()
      .filter((file) => /^(?!test\/).*\.ts$/u.test(file))
      .flatMap((file) =>
        [...contentOf(file).matchAll(/from "(@datadog\/[^"]+)"/gu)].map(([, name = ""]) => `${file}: ${name}`),
      );
    assert.deepEqual(importing.toSorted(), [
      `monitors/sync/transport.ts: ${client}/dist/logger.js`,
      `monitors/sync/transport.ts: ${client}/dist/packages/datadog-api-client-common/index.js`,
    ]);
  });

  it("is never loaded by run", async () => {
    const host = await replayedHost("two-networks", path());
    try {
      const packages = await loadedBy(["run", "--sink", "none", ...host.args], {}, () =>
        until("it watches Docker", () => host.docker.subscribers.size > 0, 8000),
      );
      assert.ok(!packages.includes(client));
      assert.ok(packages.includes("yaml"), `the probe sees what is loaded: ${packages.join()}`);
    } finally {
      await host.remove();
    }
  }).timeout(30_000);

  it("is loaded by what talks to Datadog, and not by validate --offline", async () => {
    const standin = await startStandin({ clock: liveClock, onProblem: (error) => assert.fail(String(error)) });
    const { apiKey, appKey } = standin.organisations[0]!;
    const env = { DD_API_KEY: apiKey, DD_APP_KEY: appKey };
    const args = ["--api-url", standin.url, "--state-dir", path()];
    try {
      assert.ok((await loadedBy(["monitors", "plan", ...args], env)).includes(client));
      assert.ok(!(await loadedBy(["monitors", "validate", "--offline", ...args], env)).includes(client));
    } finally {
      await standin.close();
    }
  }).timeout(30_000);
});
