import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { connectOnce } from "../../dispatch/nats/connection.ts";
import { publicOf } from "../../dispatch/nats/identity.ts";
import { readGatewayKeys, readSigningKey, signatureOf, isSigned } from "../../dispatch/nats/signature.ts";
import { hostKeyOf } from "../../dispatch/nats/subjects.ts";
import { natsServer, TestBroker } from "../dispatch/nats/broker.ts";
import { optionsOf } from "../dispatch/nats/fleet.ts";
import { cli } from "./cli.ts";
import { useFolder } from "./folder.ts";

const seedForm = /\bSU[A-Z2-7]{40,}/u;
const listed = z.object({
  hosts: z.array(z.object({ host: z.string(), public: z.string(), before: z.string().optional(), key: z.string() })),
  revoked: z.array(z.object({ host: z.string(), public: z.string() })),
});

describe("agent/fleet", () => {
  const { path } = useFolder();
  const dir = () => join(path(), "fleet");
  /** Nothing that it says may have a seed in it, or a private key. */
  const fleet = async (...args: string[]) => {
    const ended = await cli(["fleet", ...args, "--dir", dir()]);
    assert.doesNotMatch(ended.out + ended.err, seedForm);
    assert.doesNotMatch(ended.out + ended.err, /PRIVATE/u);
    return ended;
  };
  const list = async () => listed.parse(JSON.parse((await fleet("list", "--json")).out));
  const text = (name: string) => readFileSync(join(dir(), name), "utf8");
  const mode = (name: string) => (statSync(join(dir(), name)).mode & 0o777).toString(8);

  it("makes a fleet whose secrets are in files of their owner alone, and in nothing else", async () => {
    assert.equal((await fleet("init")).code, 0);
    assert.equal((await fleet("enroll", "Web-1.Example.com")).code, 0);
    for (const name of [
      "admin.seed",
      "gateway.seed",
      "gateway-signing.key",
      "hosts/web-1.example.com.seed",
      "registry.json",
    ])
      assert.equal(mode(name), "600", name);
    assert.equal(mode("."), "700");
    for (const name of ["fleet.conf", "registry.json", "gateway-signing.pub"])
      assert.doesNotMatch(text(name), /\bSU[A-Z2-7]{40,}|PRIVATE/u, name);
    const { hosts } = await list();
    assert.deepEqual(
      hosts.map(({ host, key }) => ({ host, key })),
      [{ host: "web-1.example.com", key: hostKeyOf("web-1.example.com") }],
    );
    assert.equal(publicOf(text("hosts/web-1.example.com.seed").trim()), hosts[0]?.public);
    assert.ok(text("fleet.conf").includes(hosts[0]?.public ?? "?"));
    const mark = signatureOf("x", readSigningKey(text("gateway-signing.key")));
    assert.ok(isSigned(Buffer.from("x"), mark, readGatewayKeys(text("gateway-signing.pub"))));
  });

  it("rotates in two steps, and revokes at once", async () => {
    await fleet("init");
    await fleet("enroll", "a");
    const first = publicOf(text("hosts/a.seed").trim());
    assert.match((await fleet("rotate", "a")).out, /the one before is good until/u);
    const second = publicOf(text("hosts/a.seed").trim());
    assert.deepEqual(
      (await list()).hosts.map((one) => [one.before, one.public]),
      [[first, second]],
    );
    assert.equal((await fleet("rotate", "a", "--finish")).code, 0);
    assert.deepEqual(
      (await list()).hosts.map((one) => one.public),
      [second],
    );
    const { out } = await fleet("revoke", "a");
    assert.match(out, /ends when the broker reads its configuration again[^]*nats-server --signal reload/u);
    assert.ok(!existsSync(join(dir(), "hosts/a.seed")));
    assert.ok(!text("fleet.conf").includes(second));
    assert.deepEqual(
      (await list()).revoked.map((one) => one.public),
      [second],
    );
    assert.match((await fleet("list")).out, /^a {2}[0-9a-f]{20} {2}revoked \d{4}-/u);
  });

  it("refuses bad usage with 64, and changes nothing", async () => {
    assert.equal((await fleet("list")).code, 64);
    assert.ok(!existsSync(dir()), "not even the folder");
    await fleet("init");
    await fleet("enroll", "a");
    const before = text("registry.json");
    for (const args of [
      ["init"],
      ["enroll", "a"],
      ["enroll"],
      ["enroll", "*"],
      ["enroll", ">"],
      ["enroll", "../a"],
      ["enroll", "a b"],
      ["enroll", "a\nb"],
      ["enroll", "a", "b"],
      ["rotate", "b"],
      ["rotate", "a", "--finish"],
      ["revoke", "b"],
      ["revoke", "a", "--finish"],
      ["list", "a"],
      ["lst"],
      [],
    ])
      assert.equal((await fleet(...args)).code, 64, args.join(" "));
    assert.match((await fleet("lst")).err, /did you mean list/u);
    assert.equal(text("registry.json"), before);
    assert.deepEqual(readdirSync(join(dir(), "hosts")), ["a.seed"]);
  });

  it("does not guess at a registry that is damaged", async () => {
    await fleet("init");
    writeFileSync(join(dir(), "registry.json"), "{}");
    for (const args of [["enroll", "a"], ["list"], ["config"]]) {
      const { code, err } = await fleet(...args);
      assert.deepEqual([code, /registry\.json can not be read: nothing was changed/u.test(err)], [78, true], err);
    }
    assert.equal(text("registry.json"), "{}");
  });

  it("keeps all of several that are enrolled at once", async () => {
    await fleet("init");
    const names = Array.from({ length: 8 }, (_, n) => `h${n}`);
    await Promise.all(names.map((name) => fleet("enroll", name)));
    assert.deepEqual((await list()).hosts.map(({ host }) => host).toSorted(), names);
  });

  it("provisions a broker that reads what it wrote, and says so where there is none", async function () {
    this.timeout(30_000);
    const program = await natsServer(this);
    await fleet("init");
    await fleet("enroll", "a");
    await fleet("enroll", "b");
    const server = new TestBroker(program, { fleet: text("fleet.conf") });
    try {
      await server.start();
      const config = join(path(), "overlaywatch.yaml");
      writeFileSync(config, `broker: {servers: ["${server.url}"], timeout: 1s}\n`);
      const provision = async () => {
        const ended = await fleet("provision", "--config", config);
        const [first = "", ...more] = (ended.out + ended.err).split(/(?<=\n)/u);
        if (ended.code === 0)
          assert.match(more.join(""), /^The broker is nats-server 2\.9\.\d+, whose holes are known/u);
        return [ended.code, first];
      };
      assert.deepEqual(await provision(), [
        0,
        "The stream of jobs is made; hosts with a place in it: 2, of them new: 2, taken away: 0.\n",
      ]);
      await fleet("revoke", "b");
      assert.deepEqual(await provision(), [
        0,
        "The stream of jobs is there; hosts with a place in it: 1, of them new: 0, taken away: 1.\n",
      ]);
      await (await connectOnce(optionsOf(server.url, text("hosts/a.seed").trim(), hostKeyOf("a")))).close();
      await server.end();
      const [code, words] = await provision();
      assert.equal(code, 69);
      assert.match(String(words), /could not be provisioned: no connection to the broker at nats:\/\/127/u);
    } finally {
      await server.remove();
    }
  });
});
