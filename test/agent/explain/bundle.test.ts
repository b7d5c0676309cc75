import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readBundle, saveBundle } from "../../../agent/explain/bundle.ts";
import { explainedPage } from "../../../agent/explain/page.ts";
import { explain } from "../../../overlay/explain/explain.ts";
import { pair, withSpace } from "../../overlay/explain/pair.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";

const update = process.env["OVERLAYWATCH_UPDATE_GOLDEN"] === "1";
const [h1, h2] = pair();
const at = "2026-11-24T22:00:00.000Z";

function checkGolden(name: string, text: string): void {
  const path = `test/agent/explain/pages/${name}.txt`;
  if (update) writeFileSync(path, text);
  assert.equal(text, readFileSync(path, "utf8"));
}

describe("agent/explain", () => {
  const { path, file } = useFolder();
  const offline = async (...args: readonly string[]) => cli(["explain", "--config", file("empty.yaml", ""), ...args]);
  const saved = async (name: string, tables = h1) => {
    const to = join(path(), name);
    await saveBundle(to, "/", tables, at);
    return to;
  };

  it("reads back what it saved, for its owner's eyes only, and leaves nothing beside it", async () => {
    const to = await saved("h1.json");
    assert.deepEqual((await readBundle("h1.json", path())).tables, h1);
    assert.equal(statSync(to).mode & 0o777, 0o600);
    await saved("h1.json", h2);
    assert.deepEqual((await readBundle(to, "/")).tables, h2);
  });

  it("follows no link, and writes over no folder", async () => {
    const target = file("target", "kept");
    symlinkSync(target, join(path(), "link"));
    await assert.rejects(saveBundle("link", path(), h1, at), {
      name: "Error",
      message: /no regular file/,
      exitCode: 78,
    });
    await assert.rejects(saveBundle("", path(), h1, at), { exitCode: 78 });
    assert.equal(readFileSync(target, "utf8"), "kept");
  });

  it("explains from two bundles, with no engine and no right, and exits by what it found", async () => {
    const [from, to] = [await saved("h1.json"), await saved("h2.json", h2)];
    const healthy = await offline("A1", "A2", "--from", from, "--with", to);
    assert.deepEqual([healthy.code, healthy.err], [0, ""]);
    const broken = await saved(
      "h2.json",
      withSpace(h2, ({ links }) => ({ links: links.map((link) => ({ ...link, up: link.kind !== "veth" })) })),
    );
    assert.equal((await offline("A1", "A2", "--from", from, "--with", broken)).code, 1);
    const silent = await saved("h3.json", { ...h1, routes: [] });
    assert.equal((await offline("A1", "A2", "--from", silent)).code, 2);
  });

  it("refuses bad bundles with 78, and says why", async () => {
    const good = await saved("good.json");
    const value: unknown = JSON.parse(readFileSync(good, "utf8"));
    const bad = {
      torn: () => truncateSync(good, 500),
      other: () => file("good.json", "[]"),
      version: () => file("good.json", JSON.stringify({ ...Object(value), version: 2 })),
      more: () => file("good.json", JSON.stringify({ ...Object(value), env: ["PASSWORD=x"] })),
      type: () => file("good.json", readFileSync(good, "utf8").replace('"up":true', '"up":"yes"')),
      big: () => truncateSync(good, 65 * 2 ** 20),
    };
    const messages = {
      torn: /not whole/,
      other: /no bundle/,
      version: /version 2, and this program reads 1/,
      more: /env/,
      type: /tables\.networks\.0\.\S*up/,
      big: /more than/,
    };
    for (const kind of ["torn", "other", "version", "more", "type", "big"] as const) {
      await saved("good.json");
      bad[kind]();
      const { code, out, err } = await offline("A1", "A2", "--from", good);
      assert.deepEqual([code, out], [78, ""], kind);
      assert.match(err, messages[kind]);
    }
    assert.equal((await offline("A1", "A2", "--from", join(path(), "absent"))).code, 78);
    assert.equal((await offline("A1", "A2", "--from", path())).code, 78);
  });

  it("refuses bad usage with 64, and a host given twice", async () => {
    const from = await saved("h1.json");
    assert.equal((await offline("A1")).code, 64);
    assert.equal((await offline("A1", "A2", "B1", "--from", from)).code, 64);
    assert.match((await offline("A1", "A2", "--from", from, "--with", from)).err, /same host, dockerhost1/);
    assert.match((await offline("A1", "nobody", "--from", from)).err, /nobody/);
    assert.equal((await offline("A1", "nobody", "--from", from)).code, 64);
  });

  it("exits 69 where Docker does not answer", async () => {
    const { code, err } = await offline("A1", "B1", "--docker-socket", join(path(), "none.sock"));
    assert.equal(code, 69);
    assert.match(err, /Is Docker running/);
    assert.ok(!existsSync(join(path(), "none.sock")));
  });

  it("asks a fleet on its gateway's machine only, and looks at this host alone where nobody asked for the fleet by name", async () => {
    const keyless = await offline("A1", "A2", "--fleet");
    assert.equal(keyless.code, 78);
    assert.match(keyless.err, /on its gateway's machine/u);
    assert.equal((await offline("A1", "A2", "--fleet", "--from", await saved("h1.json"))).code, 64);
    assert.equal((await offline("A1", "A2", "--fleet", "--arp")).code, 64);
    const dir = join(path(), "fleet");
    assert.equal((await cli(["fleet", "init", "--dir", dir])).code, 0);
    const broker = {
      servers: ["nats://127.0.0.1:1"],
      seed_file: join(dir, "gateway.seed"),
      signing_key_file: join(dir, "gateway-signing.key"),
    };
    const config = file("gateway.yaml", JSON.stringify({ broker }));
    const asked = async (...args: readonly string[]) =>
      cli(["explain", "A1", "A2", "--config", config, "--docker-socket", join(path(), "none.sock"), ...args]);
    const named = await asked("--fleet");
    assert.equal(named.code, 69);
    assert.match(named.err, /^overlaywatch: the fleet can not be asked/u);
    const implied = await asked();
    assert.equal(implied.code, 69);
    assert.match(implied.err, /Is Docker running.*the fleet can not be asked: .*: only this host was looked at/u);
    // Bundles are what was asked for.
    assert.equal((await asked("--from", await saved("h1.json"), "--with", await saved("h2.json", h2))).code, 0);
  });

  it("draws the way, and the command that shows where it ends", () => {
    const options = { colors: false, columns: 80 };
    checkGolden("healthy-remote", explainedPage(explain([h1, h2], { a: "A1", b: "A2" }), options));
    const loop = withSpace(h1, ({ fdb }) => ({
      fdb: fdb.map((row) => (row.dst === undefined ? row : { ...row, dst: "172.31.240.1" })),
    }));
    checkGolden("self-row-to-itself", explainedPage(explain([loop, h2], { a: "A1", b: "A2" }), options));
  });
});
