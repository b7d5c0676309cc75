import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { useLab } from "../lab/fixture.ts";
import { ByHand } from "./by-hand.ts";
import { figure, sized } from "./length.ts";

/** Everything of one host's engine goes, so no other suite uses this shape. */
for (const engine of sized(["20.10", "28.5"], ["20.10"]))
  describe(`accept: docker-state-cleanup on engine ${engine}, one host`, function () {
    this.timeout(120_000);
    const lab = useLab({ hosts: 1, containers: 2, engine });
    let host: LabHost;
    let byHand: ByHand;
    const root = "/var/lib/docker";

    before("host", () => {
      host = lab().host(1);
      byHand = new ByHand(host, "docker-state-cleanup", mkdtempSync(`${lab().shared}/state-`));
    });

    const on = async (line: string) => {
      const { code, stdout, stderr } = await host.exec(["/bin/sh", "-c", line], { timeout: 60_000 });
      assert.equal(code, 0, `${line}: ${stderr}`);
      return stdout.trim();
    };
    const images = async () =>
      ids
        .parse(await host.demand("GET", "/images/json?all=true"))
        .map(({ Id }) => Id)
        .toSorted();
    const ids = z.array(z.object({ Id: z.string() }));
    const files = async () => on(`cd ${root} && find . -path ./overlay2/*/merged -prune -o -print | sort`);
    const refused = async (rule: string, ...args: readonly string[]) => {
      const { code, json, out } = await byHand.run(...args);
      assert.deepEqual([code, json?.refused[0]?.rule], [20, rule], out);
      return json?.refused[0]?.sentence ?? "";
    };
    const yes = ["--apply", "--yes", "dockerhost1"];
    let had: readonly string[];

    it("refuses while a container runs, and says which", async () => {
      await on(
        "docker network create own && docker volume create kept && docker run --name filled -v kept:/v lab:1 sh -c 'dd if=/dev/zero of=/v/f bs=1M count=3 2>/dev/null; ln -s /etc/passwd /v/link'",
      );
      await on("docker commit filled made:1");
      had = await images();
      assert.match(await refused("running", ...yes), /A1/);
      await refused("engine", "--docker-socket", "/run/none.sock", "--data-root", root, ...yes);
      await on("docker kill A1");
      assert.match(await refused("running", ...yes), /B1/);
      await on("docker kill B1");
    });

    it("refuses without a terminal, another host's name, and another data root than the engine's", async () => {
      await refused("confirmation", "--apply");
      await refused("confirmation", "--apply", "--yes", "dockerhost2");
      const wrong = await byHand.typed("dockerhost2", "--apply");
      assert.equal(wrong.code, 20, wrong.out);
      assert.match(wrong.out, /3\.1 MB {2}volume kept[^]*what was typed is not dockerhost1/);
      await refused("data-root", "--data-root", "/var/lib/other", ...yes);
      assert.equal((await byHand.run("--yes", "dockerhost1")).code, 64);
      assert.match(await on("docker ps -aq --no-trunc | wc -l"), /^3$/);
    });

    it("has the engine remove what only it can tell from images, then asks for it to be stopped", async () => {
      const dry = await byHand.run();
      assert.equal(dry.code, 11, dry.out);
      assert.equal(await on("docker ps -aq | wc -l"), "3");
      const { code, out } = await byHand.typed("dockerhost1", "--apply");
      assert.equal(code, 40, out);
      assert.match(out, /now stop the engine, and run this again with --data-root \/var\/lib\/docker/);
      assert.equal(await on("docker ps -aq; docker volume ls -q; docker network ls -q --filter name=own"), "");
      assert.deepEqual(await images(), had);
      assert.equal(await on(`ls ${root}/image/overlay2/layerdb/mounts`), "", "no container's layer is left");
    });

    it("on the disk, refuses what is no data root, a link to one, an engine at work, a hung one, and mounts", async () => {
      assert.equal((await byHand.run(...yes)).code, 40, "it runs: nothing more for it to do");
      await on(`kill -STOP $(cat /run/docker.pid)`);
      const hung = await byHand.run("--data-root", root, ...yes);
      await on(`kill -CONT $(cat /run/docker.pid)`);
      assert.equal(hung.code, 69, hung.out);
      await host.stopEngine();
      const is = await files();
      await on(`ln -s ${root} /run/linked && ln -s /var/lib /run/up && mkdir -p /run/empty`);
      // Dry runs: these are the machine's own, and a test must not hang on the very check that it tries.
      for (const folder of ["/", "/var", "/home", "/var/lib", "/tmp"])
        await refused("data-root", "--data-root", folder);
      for (const folder of ["/run/empty", "/run/linked", "/run/up/docker", "/run/none", "var/lib/docker"])
        await refused("data-root", "--data-root", folder, ...yes);
      await refused("data-root", ...yes);
      await on(`chmod o+w ${root}`);
      await refused("data-root", "--data-root", root, ...yes);
      await on(`chmod o-w ${root} && mkdir ${root}/volumes/disk && mount -t tmpfs none ${root}/volumes/disk`);
      assert.match(await refused("mounts", "--data-root", root, ...yes), /volumes\/disk/);
      await on(`umount ${root}/volumes/disk && rmdir ${root}/volumes/disk && mkdir ${root}/containers/x`);
      await refused("containers", "--data-root", root, ...yes);
      await on(`rmdir ${root}/containers/x`);
      assert.equal(await files(), is, "nothing was removed");
    });

    it("removes the folders that are left, links as links, and an engine that is started again has its images", async () => {
      await on(`mkdir -p /run/precious && echo mine >/run/precious/file && ln -s /run/precious ${root}/volumes/inside`);
      await on(`rm -rf ${root}/tmp && ln -s /run/precious ${root}/tmp && touch ${root}/mine`);
      const dry = await byHand.run("--data-root", root);
      assert.equal(dry.code, 11, dry.out);
      const { code, json, out } = await byHand.run("--data-root", `${root}/`, ...yes);
      assert.equal(code, 10, out);
      assert.match(json?.notes.join("\n") ?? "", /docker\/mine is nothing that is known[^]*docker\/tmp is a link/);
      assert.equal(await on("cat /run/precious/file"), "mine", "what a link leads to stays");
      const left = await on(`ls ${root}`);
      assert.match(left.replaceAll("\n", " "), /^(?:containerd )?image mine overlay2(?: trust)?$/);
      assert.equal((await byHand.run("--data-root", root, ...yes)).code, 0, "twice is once");
      await host.startEngine();
      assert.deepEqual(await images(), had);
      assert.equal(await on("docker run --rm made:1 echo it runs"), "it runs");
      assert.equal(await on("docker volume ls -q; docker network ls -q --filter name=own"), "");
      const removed = json?.items.filter(({ result }) => result === "removed") ?? [];
      figure(
        `${removed.length} folders, ${removed.reduce((sum, one) => sum + one.bytes, 0)} bytes; images ${had.length} before and after`,
      );
    });
  });
