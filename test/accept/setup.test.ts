import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must, run } from "../../lab/process.ts";
import { isRoot, needs } from "../needs.ts";
import { figure } from "./length.ts";

const engines = ["docker-ce", "docker-ce-cli", "containerd.io", "moby-engine"];

describe("accept: set-up on a machine with another engine", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach("machine", function () {
    needs(this, "apt-get", existsSync("/usr/bin/apt-get"));
    needs(this, "root", isRoot());
    folder = mkdtempSync(join(tmpdir(), "overlaywatch-accept-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("scripts/setup would install the build tools, and touch no engine", async () => {
    const env = { ...(await machine(folder, "")), PATH: pathWithoutTools(folder) };
    const { code, stdout, stderr } = await run(["/bin/bash", "scripts/setup", "--dry-run"], {
      env,
      cwd: process.cwd(),
    });
    assert.equal(code, 0, stdout + stderr);
    const changes = stdout.split("\n").filter((line) => /^(?:Inst|Remv|Purg)/.test(line));
    assert.deepEqual(changes.map((line) => line.split(" ", 2).join(" ")).sort(), [
      "Inst g++",
      "Inst make",
      "Inst pkg-config",
      "Inst python3",
    ]);
    figure(`simulated apt run: ${changes.length} packages installed, 0 removed, no engine among them`);
  });

  it("where the build tools could only come in place of an engine, apt gives up and nothing is done", async () => {
    const env = { ...(await machine(folder, "Conflicts: docker-ce, moby-engine\n")), PATH: pathWithoutTools(folder) };
    const { code, stdout, stderr } = await run(["/bin/bash", "scripts/setup", "--dry-run"], {
      env,
      cwd: process.cwd(),
    });
    assert.notEqual(code, 0, stdout);
    assert.match(stderr, /Packages need to be removed but remove is disabled/);
    assert.doesNotMatch(stdout, /^(?:Inst|Purg)/m);
    // The machine is as it should be for this test: without --no-remove, apt would take the engines away.
    const plain = await run(["/usr/bin/apt-get", "-s", "-y", "install", "make"], { env });
    assert.match(plain.stdout, /^Remv docker-ce /m);
  });

  it("the lab's own apt-get install gives up as well", async () => {
    const conf = join(folder, "apt.conf.d");
    for (const [conflicts, outcome] of [
      ["", 0],
      ["Conflicts: docker-ce, moby-engine\n", 1],
    ] as const) {
      const { APT_CONFIG } = await machine(folder, conflicts);
      rmSync(conf, { recursive: true, force: true });
      mkdirSync(conf);
      symlinkSync(APT_CONFIG, join(conf, "99machine"));
      writeFileSync(join(conf, "99simulate"), 'APT::Get::Simulate "true";\n');
      const script = 'const { install } = await import(process.argv[1]); await install(["iptables", "iproute2"]);';
      const node = [process.execPath, "--input-type=module", "-e", script, `${process.cwd()}/dist/lab/apt.js`];
      const mount = 'mount --bind "$1" /etc/apt/apt.conf.d && shift && exec "$@"';
      const { code, stderr } = await run(["/usr/bin/unshare", "--mount", "/bin/sh", "-c", mount, "sh", conf, ...node]);
      assert.equal(code, outcome, stderr);
      if (outcome === 1) assert.match(stderr, /remove is disabled/);
    }
  });
});

/** An apt that knows a made-up machine, with engines installed, and a made-up archive. Gives its environment. */
async function machine(
  folder: string,
  conflicts: string,
): Promise<{ readonly APT_CONFIG: string; readonly LC_ALL: string }> {
  const archive = join(folder, "archive");
  for (const made of [archive, join(folder, "lists/partial"), join(folder, "cache/archives/partial")])
    mkdirSync(made, { recursive: true });
  const available = ["make", "g++", "python3", "pkg-config", "iptables", "iproute2"];
  writeFileSync(join(archive, "Packages"), available.map((name) => stanza(name, "9", conflicts)).join("\n"));
  writeFileSync(
    join(folder, "status"),
    engines.map((name) => stanza(name, "1", "Status: install ok installed\n")).join("\n"),
  );
  writeFileSync(join(folder, "sources.list"), `deb [trusted=yes] file:${archive} ./\n`);
  const settings = {
    "Dir::State::status": join(folder, "status"),
    "Dir::State::extended_states": join(folder, "extended_states"),
    "Dir::State::Lists": join(folder, "lists"),
    "Dir::Cache": join(folder, "cache"),
    "Dir::Etc::SourceList": join(folder, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "APT::Sandbox::User": "root",
  };
  const file = join(folder, "apt.conf");
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(""),
  );
  const env = { APT_CONFIG: file, LC_ALL: "C" };
  await must(["/usr/bin/apt-get", "-q", "update"], { env: { ...env, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  return env;
}

const stanza = (name: string, version: string, more: string): string =>
  `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: nobody <nobody@example.invalid>\nFilename: ./${name}.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n${more}Description: made up\n`;

/** What set-up calls, by links: python3, make, g++ and pkg-config are not among it. */
function pathWithoutTools(folder: string): string {
  const path = join(folder, "bin");
  mkdirSync(path);
  symlinkSync(process.execPath, join(path, "node"));
  for (const program of ["dirname", "readlink", "id", "sha256sum", "cut", "cat", "apt-get", "dpkg", "env"]) {
    symlinkSync(`/usr/bin/${program}`, join(path, program));
  }
  symlinkSync("/bin/true", join(path, "npm"));
  return path;
}
