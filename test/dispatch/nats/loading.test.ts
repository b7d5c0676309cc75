import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { useFolder } from "../../agent/folder.ts";

/** The npm packages that the program has loaded when it ends. */
function loadedBy(args: readonly string[], env: Readonly<Record<string, string>> = {}): readonly string[] {
  const { output, stderr } = spawnSync(
    process.execPath,
    ["--require", "./test/agent/loaded.cjs", "dist/agent/main.js", ...args],
    { env: { PATH: process.env["PATH"], ...env }, stdio: ["ignore", "ignore", "pipe", "pipe"], encoding: "utf8" },
  );
  assert.ok(output[3], stderr);
  return output[3].split("\n");
}

describe("dispatch/nats: its client", function () {
  this.timeout(30_000);
  const nats = "@nats-io/transport-node";
  const { path } = useFolder();
  const worker = (more: Readonly<Record<string, string>>) =>
    loadedBy(["worker", "--for", "200ms"], {
      OVERLAYWATCH_WORKER_HOSTNAME: "host-a",
      OVERLAYWATCH_WORKER_JOBS_SOCKET: join(path(), "run/jobs.sock"),
      OVERLAYWATCH_WORKER_CONTROL_SOCKET: join(path(), "run/control.sock"),
      OVERLAYWATCH_PATHS_STATE_DIR: path(),
      OVERLAYWATCH_SINKS_ENABLED: "none",
      ...more,
    });

  it("is loaded by no command's words, and by no fleet that speaks with no broker", () => {
    for (const args of [["help"], ["help", "fleet"], ["fleet", "list", "--dir", "/nowhere"]]) {
      const packages = loadedBy(args);
      assert.ok(packages.includes("yaml"), `the probe sees what is loaded: ${packages.join()}`);
      assert.ok(!packages.includes(nats), args.join(" "));
    }
  });

  it("is loaded by a worker where there is a broker, and only there", () => {
    assert.ok(!worker({}).includes(nats));
    assert.ok(worker({ OVERLAYWATCH_BROKER_SERVERS: "nats://127.0.0.1:1" }).includes(nats));
  });
});
