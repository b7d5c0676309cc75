import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { startHelper, endOf, request } from "../agent/helper/helper-process.ts";

const main = resolve("dist/agent/helper/main.js");

/** `import "x"`, `import … from "x"` and `export … from "x"`, over lines too. */
const imported = /^(?:import|export)\s(?:[^"'();=]*\sfrom\s)?"([^"]+)";/gmu;

/** Every file that an import at the head of a file leads to, and every npm package that is named on the way. */
function reachable(file: string, files = new Set<string>(), packages = new Map<string, string>()) {
  if (files.has(file)) return { files, packages };
  files.add(file);
  for (const [, name = ""] of readFileSync(file, "utf8").matchAll(imported)) {
    if (name.startsWith(".")) reachable(resolve(dirname(file), name), files, packages);
    else if (!name.startsWith("node:")) packages.set(name, file);
  }
  return { files, packages };
}

const coverage = z.object({ result: z.array(z.object({ url: z.string() })) });

/** npm packages of which a process has run anything, its threads too, by what V8 says at its end. */
function loadedBy(run: (env: Readonly<Record<string, string>>) => void): ReadonlySet<string> {
  const folder = mkdtempSync(join(tmpdir(), "ow-loaded-"));
  try {
    run({ NODE_V8_COVERAGE: folder });
    const urls = readdirSync(folder).flatMap((name) =>
      coverage.parse(JSON.parse(readFileSync(join(folder, name), "utf8"))).result.map(({ url }) => url),
    );
    assert.ok(
      urls.some((url) => url.endsWith("/dist/agent/exit-codes.js")),
      "it is seen what is loaded",
    );
    return new Set(urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(url)?.[1] ?? []));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const dockerless = { OVERLAYWATCH_DOCKER_SOCKET: "/nowhere/docker.sock" };

describe("contract: the privileged helper", function () {
  this.timeout(20_000);

  it("imports no npm package, by any way", () => {
    const { files, packages } = reachable(main);
    assert.ok(files.size > 100, `${files.size} files`);
    assert.deepEqual([...packages], []);
    // Not so of the command, which has the same work done: the walk sees packages where there are some.
    assert.ok(reachable(resolve("dist/agent/cleanup.js")).packages.has("zod"));
  });

  it("has run none when it ends, but koffi in the thread that enters namespaces", () => {
    for (const verb of ["hello", "look", "heal"]) {
      const loaded = loadedBy((env) => {
        const state = { OVERLAYWATCH_PATHS_STATE_DIR: join(env["NODE_V8_COVERAGE"] ?? "", "state") };
        const { status } = spawnSync(process.execPath, [main], {
          env: { ...env, ...dockerless, ...state },
          input: request(verb),
        });
        rmSync(join(env["NODE_V8_COVERAGE"] ?? "", "state"), { recursive: true, force: true });
        assert.ok([0, 20, 69].includes(status ?? -1), `${verb}: ${status}`);
      });
      loaded.forEach((name) => assert.equal(name, "koffi", verb));
    }
    const command = loadedBy((env) => {
      spawnSync(process.execPath, ["dist/agent/main.js", "cleanup"], { env: { ...env, ...dockerless } });
    });
    assert.ok(command.has("zod") && command.has("yaml"), [...command].join(" "));
  });

  it("is ready to work in no time", async () => {
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const began = performance.now();
      const child = startHelper();
      child.stdin?.end(request("hello"));
      await endOf(child);
      times.push(performance.now() - began);
    }
    // 0.1 s here; a machine that is busy by half takes more, and zod alone would take as much again.
    assert.ok(Math.min(...times) < 400, times.join(" "));
  });
});
