import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { needs } from "../../needs.ts";
import { endHolders, hold, ssStates, hasTools, tools } from "./stage.ts";

describe("host/sockets, without the right to enter namespaces", () => {
  afterEach(endHolders);

  it("reads the same as text, and says why, once", async function () {
    needs(this, tools, hasTools());
    const program = fileURLToPath(new URL("./ask-as-nobody.js", import.meta.url));
    const nobody = { uid: 65_534, gid: 65_534, encoding: "utf8" } as const;
    needs(this, "a clone that others may read", spawnSync(process.execPath, ["--check", program], nobody).status === 0);
    const holder = await hold("states");
    const { stdout, stderr } = spawnSync(process.execPath, [program, String(holder.pid)], nobody);
    const [said, ...readings] = stdout.trim().split("\n");
    assert.match(
      said ?? stderr,
      /: cannot open network namespaces: EACCES \(it takes CAP_SYS_PTRACE and CAP_SYS_ADMIN\)$/u,
    );
    const reading = { states: ssStates(holder), how: "text", interrupted: false };
    assert.deepEqual(
      readings.map((line): unknown => JSON.parse(line)),
      [reading, reading],
    );
  });
});
