import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Suite } from "mocha";
import { LabFolder } from "../../lab/folder.ts";
import { down, findLab } from "../../lab/lab.ts";
import { type Argv, must } from "../../lab/process.ts";
import { needsLab, uniqueName } from "../lab/fixture.ts";
import { figure, isFull, sized } from "./length.ts";
import { endAll, type Program, says, start } from "./program.ts";

const rows = (program: Program) =>
  ["A1", "B1", "A2", "B2"].flatMap((container) =>
    ["testnet", "docker_gwbridge"].map((network) => ({
      container,
      network,
      found: new RegExp(`${container} +${network} +eth\\d +([\\d.]+) [kM]?B +([\\d.]+) [kM]?B`).exec(program.out()),
    })),
  );

/** The short form leaves set-up out: it starts in the checkout that the tests run in. */
describe(`accept: quickstart${isFull() ? " on a fresh clone" : ", without set-up"}`, quickstartTests);

function quickstartTests(this: Suite): void {
  this.timeout(600_000);
  let clone: string;
  let name: string;
  const program: Argv = isFull() ? ["/bin/bash", "scripts/quickstart"] : ["scripts/overlaywatch", "quickstart"];
  const quickstart = (...args: string[]) =>
    start([...program, "--name", name, ...args], { PATH: process.env["PATH"] }, { cwd: clone });

  before("clone", async function () {
    needsLab(this);
    name = await uniqueName("quick");
    clone = isFull() ? mkdtempSync(join(tmpdir(), "overlaywatch-clone-")) : process.cwd();
    if (isFull()) await must(["/usr/bin/git", "clone", "-q", process.cwd(), clone]);
  });
  after("clone", async () => {
    endAll();
    if (name !== undefined) await down(name);
    if (isFull() && clone !== undefined) rmSync(clone, { recursive: true });
  });

  it("--for sets all up, shows real rates of all four containers in both networks, and ends 0", async () => {
    const began = performance.now();
    const shown = quickstart("--for", sized("30s", "12s"));
    assert.equal(await shown.ended, 0, shown.err());
    for (const { container, network, found } of rows(shown)) {
      assert.ok(found && Number(found[1]) > 0 && Number(found[2]) > 0, `${container} ${network}: ${shown.out()}`);
    }
    figure(`first run: ${seconds(began)} s in all, rates of A1 B1 A2 B2 on testnet and docker_gwbridge`);
  });

  if (isFull())
    it("scripts/setup a second time takes less than 5 s", async () => {
      const began = performance.now();
      await must(["/bin/bash", `${clone}/scripts/setup`], { env: { PATH: process.env["PATH"] } });
      assert.ok(performance.now() - began < 5_000);
      figure(`second set-up: ${seconds(began)} s`);
    });

  it("a second time shows rates within 10 s, and leaves a lab alone that was there before", async () => {
    const began = performance.now();
    const shown = quickstart();
    await says(shown, /A2 +testnet +eth\d +[1-9][\d.]* k?B/, 10_000);
    figure(`second quickstart: rates after ${seconds(began)} s`);
    assert.equal((await shown.stop("SIGINT")).code, 0, shown.err());
    assert.ok(findLab(name), "a lab that was there before is left alone");
  });

  it("where an engine answers, it watches that one", async () => {
    const on = findLab(name).host(1);
    const [command, ...args] = on.argv([...program, "--for", sized("10s", "8s")], clone);
    const shown = start([command, ...args], on.environment({ PATH: process.env["PATH"] }));
    assert.equal(await shown.ended, 0, shown.err());
    assert.match(shown.err(), /watching the Docker engine on \/var\/run\/docker.sock/);
    assert.match(shown.out(), /A1 +testnet/);
    assert.doesNotMatch(shown.out(), /A2 /);
  });

  it("SIGINT takes down the lab that it has started itself", async () => {
    await down(name);
    const shown = quickstart();
    await says(shown, /A2 +testnet/, 60_000);
    const { ms, code } = await shown.stop("SIGINT");
    assert.equal(code, 0, shown.err());
    assert.ok(!existsSync(new LabFolder(name).path), "the lab is gone");
    figure(`SIGINT: lab gone after ${(ms / 1000).toFixed(1)} s`);
  });
}

const seconds = (began: number): string => ((performance.now() - began) / 1000).toFixed(1);
