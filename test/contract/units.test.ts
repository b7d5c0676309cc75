import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needs } from "../needs.ts";

const folder = "assets/systemd";
const units = readdirSync(folder).filter((name) => /\.(?:service|socket)$/u.test(name));
const textOf = (name: string): string => readFileSync(join(folder, name), "utf8");
const analyze = "/usr/bin/systemd-analyze";

/** As `systemd-analyze security` judges: 0 is nothing to be had, 10 is everything. */
const most: Readonly<Record<string, number>> = {
  "overlaywatch-webhook.service": 1.5,
  "overlaywatch-worker.service": 1.5,
  "overlaywatch-helper@.service": 2.5,
  // It has its right to enter every namespace for as long as it runs.
  "overlaywatch-run.service": 3.5,
};

function exposure(name: string, text = textOf(name)): number {
  const own = mkdtempSync(join(tmpdir(), "ow-unit-"));
  try {
    writeFileSync(join(own, name), text);
    const { stdout } = spawnSync(analyze, ["security", "--offline=true", join(own, name)], { encoding: "utf8" });
    const [, found] = /Overall exposure level for \S+: (\d+\.\d)/u.exec(stdout) ?? [];
    assert.ok(found !== undefined, stdout);
    return Number(found);
  } finally {
    rmSync(own, { recursive: true });
  }
}

describe("contract: systemd's units", function () {
  this.timeout(20_000);
  before(function () {
    needs(this, "systemd-analyze", existsSync(analyze));
  });

  it("are five, and systemd finds no fault in them", () => {
    assert.deepEqual(units.toSorted(), [...Object.keys(most), "overlaywatch-helper.socket"].toSorted());
    const own = mkdtempSync(join(tmpdir(), "ow-units-"));
    try {
      // Where the program is not installed that would be all that is found.
      for (const name of units)
        writeFileSync(join(own, name), textOf(name).replace(/^ExecStart=.*$/mu, "ExecStart=/usr/bin/true"));
      const { status, stdout, stderr } = spawnSync(analyze, ["verify", ...units.map((name) => join(own, name))], {
        encoding: "utf8",
      });
      assert.deepEqual([status, stdout, stderr], [0, "", ""]);
    } finally {
      rmSync(own, { recursive: true });
    }
  });

  for (const [name, limit] of Object.entries(most))
    it(`${name} is exposed by ${limit} at most`, () => {
      const found = exposure(name);
      assert.ok(found <= limit, `${found}`);
      const open = textOf(name).replaceAll(/^(?:Protect|Private|Restrict|SystemCall|Capability).*\n/gmu, "");
      assert.ok(exposure(name, open) > limit + 2, "without its lines it is exposed by more");
    });

  it("start what is shipped, without what could bring other code into it", () => {
    for (const name of Object.keys(most)) {
      const [, program = "", rest = ""] =
        /^ExecStart=\/usr\/bin\/node \/usr\/lib\/overlaywatch\/(\S+)(.*)$/mu.exec(textOf(name)) ?? [];
      assert.ok(existsSync(program), `${name}: ${program}`);
      assert.match(textOf(name), /^UnsetEnvironment=NODE_OPTIONS .*LD_PRELOAD/mu);
      if (program === "dist/agent/main.js") assert.match(rest, /^ (?:run|worker|webhook)$/u);
      // V8 makes machine code while it runs.
      assert.doesNotMatch(textOf(name), /^MemoryDenyWriteExecute=yes/mu);
    }
  });

  it("put users into groups that the sockets are of", () => {
    const sysusers = readFileSync(join(folder, "sysusers.d/overlaywatch.conf"), "utf8");
    assert.match(textOf("overlaywatch-helper.socket"), /^SocketGroup=overlaywatch-helper\nSocketMode=0660$/mu);
    const members = [...sysusers.matchAll(/^m (\S+) (\S+)$/gmu)].map(([, user, group]) => `${user} ${group}`);
    assert.deepEqual(
      members.filter((one) => one.endsWith("helper")),
      ["overlaywatch-worker overlaywatch-helper"],
    );
    for (const name of ["overlaywatch-webhook.service", "overlaywatch-worker.service"]) {
      const user = /^User=(\S+)$/mu.exec(textOf(name))?.[1];
      assert.match(sysusers, new RegExp(`^u ${user} - `, "mu"));
    }
  });
});
