import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { run } from "../../../lab/process.ts";
import { isRoot, needs } from "../../needs.ts";
import { hasJournald } from "./own-journald.ts";
import { engineLogScenarios } from "./engine-log-scenarios.ts";
import { scenarios } from "./scenarios.ts";

const inside = fileURLToPath(new URL("./inside.js", import.meta.url));

describe("host/journald, with a journald of its own", function () {
  this.timeout(90_000);

  before(function () {
    needs(this, "root", isRoot());
    needs(this, "systemd-journald", hasJournald());
  });

  for (const name of Object.keys({ ...scenarios, ...engineLogScenarios })) {
    it(name, async () => {
      const unshare = ["/usr/bin/unshare", "--mount", "--propagation", "private", "--"] as const;
      const { code, stdout, stderr } = await run([...unshare, process.execPath, inside, name], { timeout: 80_000 });
      assert.equal(code, 0, stderr);
      if (stdout !== "") process.stdout.write(`      = ${stdout}\n`);
    });
  }
});
