import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Suite } from "mocha";
import { LabFolder } from "../../lab/folder.ts";
import { down, findLab } from "../../lab/lab.ts";
import { must } from "../../lab/process.ts";
import { needsLab, uniqueName } from "../lab/fixture.ts";
import { figure, isFull } from "./length.ts";
import { endAll, type Program, says, start } from "./program.ts";

const rows = (program: Program) =>
  ["A1", "B1", "A2", "B2"].flatMap((container) =>
    ["testnet", "docker_gwbridge"].map((network) => ({
      container,
      network,
      found: new RegExp(`${container} +${network} +eth\\d +([\\d.]+) [kM]?B +([\\d.]+) [kM]?B`).exec(program.out()),
    })),
  );

// A whole set-up has no short form: it is not there, rather than skipped, in `npm test`.
if (isFull()) describe("accept: quickstart on a fresh clone", quickstartTests);

function quickstartTests(this: Suite): void {
  this.timeout(600_000);
  let clone: string;
  let name: string;
  const quickstart = (...args: string[]) =>
    start(["/bin/bash", "scripts/quickstart", "--name", name, ...args], { PATH: process.env["PATH"] }, { cwd: clone });

  before("clone", async function () {
    needsLab(this);
    clone = mkdtempSync(join(tmpdir(), "overlaywatch-clone-"));
    name = await uniqueName("quick");
    await must(["/usr/bin/git", "clone", "-q", process.cwd(), clone]);
  });
  after("clone", async () => {
    endAll();
    if (name !== undefined) await down(name);
    if (clone !== undefined) rmSync(clone, { recursive: true });
  });

  it("--for 30s sets all up, shows real rates of all four containers in both networks, and ends 0", async () => {
    const began = performance.now();
    const program = quickstart("--for", "30s");
    assert.equal(await program.ended, 0, program.err());
    for (const { container, network, found } of rows(program)) {
      assert.ok(found && Number(found[1]) > 0 && Number(found[2]) > 0, `${container} ${network}: ${program.out()}`);
    }
    figure(`first run: ${seconds(began)} s in all, rates of A1 B1 A2 B2 on testnet and docker_gwbridge`);
  });

  it("scripts/setup a second time takes less than 5 s; quickstart a second time shows rates within 10 s", async () => {
    const setUp = performance.now();
    await must(["/bin/bash", `${clone}/scripts/setup`], { env: { PATH: process.env["PATH"] } });
    assert.ok(performance.now() - setUp < 5_000);
    figure(`second set-up: ${seconds(setUp)} s`);
    const began = performance.now();
    const program = quickstart();
    await says(program, /A2 +testnet +eth\d +[1-9][\d.]* k?B/, 10_000);
    figure(`second quickstart: rates after ${seconds(began)} s`);
    assert.equal((await program.stop("SIGINT")).code, 0, program.err());
    assert.ok(findLab(name), "a lab that was there before is left alone");
  });

  it("where an engine answers, it watches that one", async () => {
    const on = findLab(name).host(1);
    const [command, ...args] = on.argv(["/bin/bash", "scripts/quickstart", "--for", "10s"], clone);
    const program = start([command, ...args], on.environment({ PATH: process.env["PATH"] }));
    assert.equal(await program.ended, 0, program.err());
    assert.match(program.err(), /watching the Docker engine on \/var\/run\/docker.sock/);
    assert.match(program.out(), /A1 +testnet/);
    assert.doesNotMatch(program.out(), /A2 /);
  });

  it("SIGINT takes down the lab that it has started itself", async () => {
    await down(name);
    const program = quickstart();
    await says(program, /A2 +testnet/, 60_000);
    const { ms, code } = await program.stop("SIGINT");
    assert.equal(code, 0, program.err());
    assert.ok(!existsSync(new LabFolder(name).path), "the lab is gone");
    figure(`SIGINT: lab gone after ${(ms / 1000).toFixed(1)} s`);
  });
}

const seconds = (began: number): string => ((performance.now() - began) / 1000).toFixed(1);
