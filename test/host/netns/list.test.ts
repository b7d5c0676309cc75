import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readlinkSync, symlinkSync } from "node:fs";
import { NotAvailable } from "../../../host/host.ts";
import { listNamespaces, namespaceInode, namespaceKey } from "../../../host/netns/list.ts";
import { isRoot, needs } from "../../needs.ts";
import { namespaceFolder, type NamespaceFolder } from "./stage.ts";

describe("host/netns/list", () => {
  let folder: NamespaceFolder;
  before(function () {
    needs(this, "root", isRoot());
  });
  beforeEach(() => {
    folder = namespaceFolder();
  });
  afterEach(() => folder?.clear());

  it("lists what is mounted, with the inode that a process inside sees, and not Docker's empty places", () => {
    folder.place("1-cccccccccc");
    folder.make("1-bbbbbbbbbb");
    folder.make("0123456789ab");
    const listed = listNamespaces(folder.dir);
    assert.deepEqual(
      listed.map(({ name }) => name),
      ["0123456789ab", "1-bbbbbbbbbb"],
    );
    for (const { name, path, inode } of listed) {
      assert.equal(path, folder.path(name));
      assert.equal(folder.run(name, ["readlink", "/proc/self/ns/net"]).trim(), `net:[${inode}]`);
    }
    assert.equal(namespaceInode("/proc/self/ns/net"), Number(/\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0]));
  });

  it("leaves out links, and this host's own namespace: what is done in there is meant for others", () => {
    folder.make("1-bbbbbbbbbb");
    symlinkSync(folder.path("1-bbbbbbbbbb"), folder.path("1-aaaaaaaaaa"));
    const own = folder.path("1-cccccccccc");
    folder.place("1-cccccccccc");
    execFileSync("/usr/bin/mount", ["--bind", "/proc/self/ns/net", own]);
    try {
      assert.ok(namespaceInode(own) !== undefined && namespaceInode(folder.path("1-aaaaaaaaaa")) !== undefined);
      assert.deepEqual(
        listNamespaces(folder.dir).map(({ name }) => name),
        ["1-bbbbbbbbbb"],
      );
    } finally {
      execFileSync("/usr/bin/umount", [own]);
    }
  });

  it("looks only at the wanted ones", () => {
    folder.make("a");
    folder.make("b");
    assert.deepEqual(
      listNamespaces(folder.dir, (name) => name === "b").map(({ name }) => name),
      ["b"],
    );
  });

  it("tells two lives under one name apart, also where the kernel uses the inode number again", () => {
    const lives = Array.from({ length: 4 }, () => {
      folder.make("a");
      const [life] = listNamespaces(folder.dir);
      folder.run("a", ["true"]);
      assert.equal(namespaceKey(folder.path("a")), life?.key);
      folder.remove("a");
      return life?.key;
    });
    assert.equal(new Set(lives).size, lives.length);
  });

  it("gives no inode for what is gone, unmounted or no namespace", () => {
    folder.place("place");
    folder.make("gone");
    folder.remove("gone");
    for (const path of ["place", "gone", "place/below"].map(folder.path)) assert.equal(namespaceInode(path), undefined);
    assert.equal(namespaceInode("/proc/self/status"), undefined);
  });

  it("says that there is no folder, and where it is something else, what it could not do", () => {
    assert.throws(() => listNamespaces(folder.path("none")), NotAvailable);
    folder.place("file");
    assert.throws(() => listNamespaces(folder.path("file")), NotAvailable);
    assert.throws(() => listNamespaces("/a\0b"), /cannot list the namespaces in /);
  });
});
