import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { followIn, type FollowEnd, type Followed, stderrLines } from "../../../host/iproute2/follow.ts";
import type { Iproute2 } from "../../../host/iproute2/program.ts";
import { namespaceInode } from "../../../host/netns/list.ts";
import { isRoot, needs } from "../../needs.ts";
import { namespaceFolder, type NamespaceFolder } from "../netns/stage.ts";
import { until } from "../until.ts";

interface Heard extends Followed {
  readonly text: () => string;
  readonly said: string[];
  readonly ends: FollowEnd[];
}

describe("host/iproute2/follow", () => {
  let folder: NamespaceFolder;
  let netns: string;
  const open: Followed[] = [];
  before(function () {
    needs(this, "root", isRoot());
    folder = namespaceFolder();
    netns = folder.make("1-aaaaaaaaaa");
  });
  after(() => {
    for (const followed of open) followed.kill();
    folder?.clear();
  });

  function follow(argv: Iproute2, path = netns): Heard {
    const chunks: Buffer[] = [];
    const said: string[] = [];
    const ends: FollowEnd[] = [];
    const followed = followIn(path, argv, {
      stdout: (chunk) => void chunks.push(chunk),
      stderr: (line) => void said.push(line),
      exit: (end) => void ends.push(end),
    });
    open.push(followed);
    return { ...followed, text: () => Buffer.concat(chunks).toString(), said, ends };
  }

  it("becomes the program itself, in that namespace, with nothing of our own environment", async () => {
    const monitor = follow(["ip", "-o", "monitor", "link"]);
    await until("ip itself", () => exe(monitor.pid).endsWith("/ip"));
    assert.equal(namespaceInode(`/proc/${monitor.pid}/ns/net`), namespaceInode(netns));
    const environment = readFileSync(`/proc/${monitor.pid}/environ`, "utf8").split("\0").filter(Boolean);
    // Node adds its own to every child where it is measured.
    const ours = environment.filter((line) => !line.startsWith("NODE_V8_COVERAGE="));
    assert.deepEqual(ours.toSorted(), ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC"]);
    monitor.kill();
    await until("its end", () => monitor.ends.length > 0);
    assert.deepEqual(monitor.ends, [{ code: null, signal: "SIGKILL" }]);
  });

  it("hands on what it prints, and at its end how it ended, once", async () => {
    const monitor = follow(["ip", "-o", "monitor", "link"]);
    await until("an event", () => {
      folder.run("1-aaaaaaaaaa", ["ip", "link", "set", "lo", "mtu", String(10_000 + (Date.now() % 1000))]);
      return /^1: lo: /m.test(monitor.text());
    });
    monitor.kill();
    await until("its end", () => monitor.ends.length > 0);
    const wrong = follow(["ip", "monitor", "nothing-of-that-name"]);
    await until("its end", () => wrong.ends.length > 0);
    assert.deepEqual(wrong.ends, [{ code: 255, signal: null }]);
    assert.match(wrong.said.join(), /nothing-of-that-name/);
    const nowhere = follow(["ip", "monitor"], folder.path("none"));
    await until("its end", () => nowhere.ends.length > 0);
    assert.match(nowhere.said.join(), /nsenter: .*No such file/);
  });

  it("leaves no process behind where it is killed itself, so that the namespace can go", async () => {
    const module = new URL("../../../host/iproute2/follow.js", import.meta.url).href;
    const program = `import { followIn } from ${JSON.stringify(module)};
      const handlers = { stdout() {}, stderr() {}, exit() {} };
      console.log(followIn(${JSON.stringify(netns)}, ["ip", "monitor"], handlers).pid);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", 2] });
    let told = "";
    parent.stdout?.on("data", (chunk: Buffer) => (told += chunk.toString()));
    await until("the number of its child", () => told.includes("\n"));
    const pid = Number(told);
    await until("ip itself", () => exe(pid).endsWith("/ip"));
    parent.kill("SIGKILL");
    await until("the end of its child", () => !existsSync(`/proc/${pid}/ns/net`) || stateOf(pid) === "Z");
  });

  it("tells lines of stderr whole, printable, cut, and of a flood only some, with how many it left out", () => {
    let now = 0;
    const told: [string, number][] = [];
    const lines = stderrLines(
      (line, left) => void told.push([line, left]),
      () => now,
    );
    lines.take(Buffer.from("one\ntw"));
    lines.take(Buffer.from("o\u001b[1m\n\n  \nthree"));
    assert.deepEqual(told, [
      ["one", 0],
      ["two [1m", 0],
    ]);
    lines.take(Buffer.from(`${"x".repeat(10_000)}\n`));
    assert.equal(told[2]?.[0].length, 500);
    lines.take(Buffer.from("flood\n".repeat(100)));
    assert.equal(told.length, 10);
    now = 1000;
    lines.take(Buffer.from("after"));
    lines.end();
    assert.deepEqual(told[10], ["after", 93]);
  });
});

function stateOf(pid: number): string | undefined {
  return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
}

function exe(pid: number | undefined): string {
  return readlinkSync(`/proc/${pid}/exe`);
}
