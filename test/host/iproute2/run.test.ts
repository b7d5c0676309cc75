import assert from "node:assert/strict";
import { NotAvailable } from "../../../host/host.ts";
import { ProgramError } from "../../../host/iproute2/error.ts";
import { enter, find, type Iproute2 } from "../../../host/iproute2/program.ts";
import { runIn } from "../../../host/iproute2/run.ts";
import { isRoot, needs } from "../../needs.ts";
import { namespaceFolder, type NamespaceFolder } from "../netns/stage.ts";

const { signal } = new AbortController();

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => assert.fail("it did not fail"),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof Error);
  return error;
}

describe("host/iproute2/run", () => {
  let folder: NamespaceFolder;
  let netns: string;
  before(function () {
    needs(this, "root", isRoot());
    folder = namespaceFolder();
    netns = folder.make("1-aaaaaaaaaa");
  });
  after(() => folder?.clear());

  it("gives what the program says inside that namespace, also from a batch", async () => {
    assert.match(await runIn(netns, ["ip", "-o", "link"], { signal }), /^1: lo: <LOOPBACK,UP[^\n]*\n$/);
    const input = "link add br0 type bridge\nlink add v0 type veth peer name v1\n";
    assert.equal(await runIn(netns, ["ip", "-batch", "-"], { signal, input }), "");
    assert.match(folder.run("1-aaaaaaaaaa", ["ip", "-o", "link"]), / v0@v1: /);
    assert.equal(await runIn(netns, ["bridge", "link"], { signal }), "");
  });

  it("tells with a failure what was run, where, how it ended and its own words", async () => {
    const error = await errorOf(runIn(netns, ["ip", "link", "show", "none\u001b[2J"], { signal }));
    assert.ok(error instanceof ProgramError);
    assert.equal(error.code, 1);
    assert.match(error.stderr, /does not exist/);
    assert.match(error.message, /^ip link show none \[2J in the namespace \/.*1-aaaaaaaaaa: exit code 1: Device/);
  });

  it("refuses arguments that are none before anything runs", async () => {
    for (const bad of ["", "a\0b"]) {
      const error = await errorOf(runIn(netns, ["ip", "link", bad], { signal }));
      assert.match(error.message, /not an argument for ip/);
    }
    for (const path of ["", "relative", "/a\0b"])
      assert.match((await errorOf(runIn(path, ["ip", "link"], { signal }))).message, /not the absolute path/);
    assert.throws(() => enter("/a", ["ip", ""]), /not an argument/);
    assert.throws(() => find("no-such-program-of-iproute2"), NotAvailable);
  });

  it("says that a namespace is gone, or was not mounted yet", async () => {
    folder.place("place");
    folder.make("gone");
    folder.remove("gone");
    for (const name of ["place", "gone"]) {
      const error = await errorOf(runIn(folder.path(name), ["ip", "link"], { signal }));
      assert.ok(error instanceof NotAvailable, String(error));
      assert.ok(error.cause instanceof ProgramError);
    }
  });

  it("kills what is too slow, and what its caller does not want any more", async () => {
    const forever: Iproute2 = ["ip", "monitor"];
    const began = performance.now();
    const late = await errorOf(runIn(netns, forever, { signal, timeoutMs: 100 }));
    assert.ok(late instanceof ProgramError);
    assert.match(late.message, /killed, not done after 100 ms/);
    const cancel = new AbortController();
    const reason = new Error("not wanted");
    setTimeout(() => cancel.abort(reason), 50);
    assert.equal(await errorOf(runIn(netns, forever, { signal: cancel.signal })), reason);
    assert.equal(await errorOf(runIn(netns, forever, { signal: cancel.signal })), reason);
    assert.ok(performance.now() - began < 2000);
    assert.equal(folder.run("1-aaaaaaaaaa", ["grep", "-c", "^[^ ]* 0 ", "/proc/self/net/netlink"]).trim(), "1");
  });
});
