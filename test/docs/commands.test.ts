import assert from "node:assert/strict";
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { liveClock } from "../../host/clock.ts";
import { startStandin, type Standin } from "../../standin/standin.ts";
import { endAll, type Program, says, start } from "../accept/program.ts";
import { cli } from "../agent/cli.ts";
import { useLab } from "../lab/fixture.ts";
import { ways } from "./ways.ts";
import { documents, type Written, writtenIn } from "./written.ts";

const written = documents.flatMap((file) => writtenIn(file));
/** Each once, at its first place. */
const first = written.filter(({ command }, i) => written.findIndex((one) => one.command === command) === i);
const placeOf = ({ file, line, command }: Written) => `${file}:${line}: ${command}`;

const saying = (program: Program): string => `${program.out()}${program.err()}`;

/** Options that `help` of the command does not name. */
async function foreignOptions(command: string): Promise<readonly string[]> {
  const [, script = "", rest = ""] = /^(?:\.\/scripts\/)?(\S+)\s*(.*)$/u.exec(command) ?? [];
  const { code, out } = await cli(["help", script === "overlaywatch" ? (rest.split(" ")[0] ?? "") : script]);
  assert.equal(code, 0, command);
  return [...rest.matchAll(/--[a-z-]+/gu)].map(([flag]) => flag).filter((flag) => !out.includes(flag));
}

describe("docs: every command", () => {
  it("is known to the table of ways, and the table knows no other", () => {
    assert.ok(written.length > 40, `only ${written.length} were found`);
    assert.deepEqual(first.filter(({ command }) => !Object.hasOwn(ways, command)).map(placeOf), []);
    assert.deepEqual(
      Object.keys(ways).filter((command) => !first.some((one) => one.command === command)),
      [],
    );
  });

  it("that is only shown is there, with its options", async () => {
    for (const { command } of first) {
      const way = ways[command];
      if (way === undefined || !("shown" in way) || !command.startsWith("./")) continue;
      accessSync(command.split(" ")[0] ?? "", constants.X_OK);
      if (!["./scripts/test", "./scripts/setup"].includes(command))
        assert.deepEqual(await foreignOptions(command), [], command);
    }
  });
});

describe("docs: commands that run", function () {
  this.timeout(120_000);
  const lab = useLab();
  let folder: string;
  let standin: Standin;
  let count = 0;

  before("a folder to type in", async () => {
    folder = mkdtempSync(join(lab().shared, "docs-"));
    mkdirSync(join(folder, "bin"));
    symlinkSync(join(process.cwd(), "scripts"), join(folder, "scripts"));
    symlinkSync(join(process.cwd(), "scripts/overlaywatch"), join(folder, "bin/overlaywatch"));
    writeFileSync(join(folder, "overlaywatch.yaml"), "tags:\n  profile: service\n");
    standin = await startStandin({ clock: liveClock, onProblem: (error) => assert.fail(String(error)) });
  });
  after("away with it", async () => {
    endAll();
    await standin?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const environment = () => {
    const { PATH = "", NODE_V8_COVERAGE } = process.env;
    const { apiKey = "", appKey = "" } = standin.organisations[0] ?? {};
    return {
      PATH: `${join(folder, "bin")}:${PATH}`,
      DD_API_KEY: apiKey,
      DD_APP_KEY: appKey,
      // A table of rates comes with the second cycle.
      OVERLAYWATCH_COLLECTORS_INTERFACES_INTERVAL: "2s",
      ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }),
    };
  };
  const type = (text: string, on: 1 | 2 | "here", state: string, stdin = false): Program => {
    const line = `exec ${text.replace("/opt/overlaywatch/", "./")}`;
    const env = { ...environment(), OVERLAYWATCH_PATHS_STATE_DIR: join(folder, state) };
    const place = { cwd: folder, ...(stdin ? { stdin: "pipe" as const } : {}) };
    if (on === "here") return start(["/bin/sh", "-c", line], env, place);
    const host = lab().host(on);
    return start(host.argv(["/bin/sh", "-c", line], folder), host.environment(env), place);
  };
  for (const { command, ...at } of first) {
    const way = ways[command];
    if (way === undefined || !("codes" in way)) continue;
    it(placeOf({ command, ...at }), async () => {
      if (command.includes("--from dockerhost1.json"))
        assert.ok([0, 1].includes(await type("overlaywatch doctor --save dockerhost1.json", 1, "state-saved").ended));
      const text = "as" in way ? (way.as ?? command) : command;
      const program =
        way.on === "stand-in"
          ? type(`${text} --api-url ${standin.url}`, "here", "state-own")
          : type(text, way.on, "state-own");
      const code = await program.ended;
      assert.ok(way.codes.includes(code), `${code}: ${saying(program)}`);
    });
  }

  it("that run until they are told to end: all at once, each with a folder of state of its own", async () => {
    const running = first.flatMap(({ command }) => {
      const way = ways[command];
      return way !== undefined && "says" in way ? [{ command, way }] : [];
    });
    const failed = await Promise.all(
      running.map(async ({ command, way }) => {
        const program = type(command, way.on, `state-${count++}`, way.feed !== undefined);
        if (way.feed !== undefined) program.child.stdin?.write("\n");
        await (way.says === "nothing" ? sleep(6000) : says(program, way.says, 40_000)).catch(() => undefined);
        const alive = program.child.exitCode === null;
        const { code } = await program.stop();
        const good = command.startsWith("journalctl") ? [-1, 0] : [0];
        const said = way.says === "nothing" ? !/ERROR/u.test(saying(program)) : way.says.test(saying(program));
        return alive && said && good.includes(code) ? [] : [`${command}: ${code}: ${saying(program)}`];
      }),
    );
    assert.deepEqual(failed.flat(), []);
  });
});
