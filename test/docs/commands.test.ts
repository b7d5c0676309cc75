import assert from "node:assert/strict";
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { liveClock } from "../../host/clock.ts";
import { type Receiver, startReceiver } from "../../emit/dogstatsd/receiver.ts";
import { startStandin, type Standin } from "../../standin/standin.ts";
import { endAll, type Program, says, start } from "../accept/program.ts";
import { useLab } from "../lab/fixture.ts";
import { type Offer, offer, wrongIn } from "./offer.ts";
import { ways } from "./ways.ts";
import { documents, namedIn, strangeIn, type Written, writtenIn } from "./written.ts";

const written = documents.flatMap((file) => writtenIn(file));
/** Each once, at its first place. */
const first = written.filter(({ command }, i) => written.findIndex((one) => one.command === command) === i);
const placeOf = ({ file, line, command }: Written) => `${file}:${line}: ${command}`;

const saying = (program: Program): string => `${program.out()}${program.err()}`;

/** Whether it has started what it listens to, and has used next to no CPU for two seconds: it waits. */
async function isAtRest(pid = 0): Promise<boolean> {
  const [before] = [usedBy(pid), await sleep(2000)];
  const hasStarted = nameOf(pid) === "journalctl" || (nameOf(pid) === "node" && hasChildren(pid));
  return hasStarted && usedBy(pid) - before < 5;
}

/** `ip monitor` or `journalctl -f`, which it listens to: by then it heeds SIGTERM. A thread's children are listed as that thread's. */
function hasChildren(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.some((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8") !== "");
}

const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, "utf8").trim();

/** Ticks of a hundredth of a second. */
function usedBy(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ").slice(11, 13);
  return Number(user) + Number(system);
}

async function until(holds: () => boolean | Promise<boolean>, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${milliseconds} ms`);
    await sleep(100);
  }
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

  let offered: Offer;
  before("what the shell offers", async () => {
    offered = await offer();
  });

  it("that is only shown is there, with its options", () => {
    for (const { command } of first) {
      const way = ways[command];
      if (way === undefined || !("shown" in way)) continue;
      const [program = ""] = command.split(" ");
      if (program.startsWith("./")) accessSync(program, constants.X_OK);
      assert.deepEqual(wrongIn(command, offered), [], command);
    }
  });

  it("in an indented block begins with a program that is known", () => {
    assert.deepEqual(documents.flatMap((file) => strangeIn(file)).map(placeOf), []);
  });

  it("that there is is in docs/commands.md", () => {
    const page = readFileSync("docs/commands.md", "utf8").replaceAll(/^```[^]*?^```$/gmu, "");
    const code = [...page.matchAll(/`[^`]+`|^ {4}.*/gmu)].map(([text]) => text).join("\n");
    assert.ok(offered.size >= 25);
    const isThere = (name: string) => new RegExp(`(?<![\\w-])${name}(?![\\w-])`, "u").test(code);
    assert.deepEqual(
      [...offered.keys()].filter((name) => !isThere(name)),
      [],
    );
  });

  it("is told where an option, an action or a name is none", () => {
    const wrong = {
      "overlaywatch monitors frobnicate": "frobnicate",
      "overlaywatch fleet banish HOST": "banish",
      "./scripts/overlaywatch lab nonsense": "nonsense",
      "overlaywatch cleanup --app": "--app",
      "./scripts/overlaywatch demo --st": "--st",
      "overlaywatch pause --forev --reason R": "--forev",
      "overlaywatch webhook tset": "tset",
      "overlaywatch run overlay recrod": "recrod",
      "overlaywatch doctr": "doctr",
      "overlaywatch help doctr": "doctr",
      "./scripts/arp-cleanup --unatended": "--unatended",
    };
    for (const [command, what] of Object.entries(wrong)) assert.deepEqual(wrongIn(command, offered), [what], command);
  });

  it("that a sentence, a table or a runbook names is there, with its options", () => {
    // The collector of CONTRIBUTING's example is made up.
    const named = documents.flatMap((file) => namedIn(file)).filter(({ command }) => !command.endsWith("check uptime"));
    assert.ok(named.length > 80, `only ${named.length} were found`);
    for (const one of named) assert.deepEqual(wrongIn(one.command, offered), [], placeOf(one));
  });
});

describe("docs: commands that run", function () {
  this.timeout(120_000);
  const lab = useLab();
  let folder: string;
  let standin: Standin;
  let receiver: Receiver;
  /** Numbers of the commands whose last collector has been heard of. */
  const sent = new Set<string>();

  before("a folder to type in", async () => {
    folder = mkdtempSync(join(lab().shared, "docs-"));
    mkdirSync(join(folder, "bin"));
    symlinkSync(join(process.cwd(), "scripts"), join(folder, "scripts"));
    symlinkSync(join(process.cwd(), "scripts/overlaywatch"), join(folder, "bin/overlaywatch"));
    writeFileSync(join(folder, "token"), "0123456789abcdef".repeat(4), { mode: 0o600 });
    writeFileSync(join(folder, "overlaywatch.yaml"), "tags:\n  profile: service\n");
    receiver = await startReceiver({ uds: { path: join(folder, "dsd") } }, (message) => {
      if (message.tags.includes("collector:tcp")) for (const tag of message.tags) sent.add(tag);
    });
    standin = await startStandin({ clock: liveClock, onProblem: (error) => assert.fail(String(error)) });
  });
  after("away with it", async () => {
    endAll();
    await Promise.all([standin?.close(), receiver?.close()]);
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const environment = () => {
    const { PATH = "", NODE_V8_COVERAGE } = process.env;
    const { apiKey = "", appKey = "" } = standin.organisations[0] ?? {};
    return {
      PATH: `${join(folder, "bin")}:${PATH}`,
      DD_API_KEY: apiKey,
      DD_APP_KEY: appKey,
      DD_DOGSTATSD_URL: `unix://${join(folder, "dsd")}`,
      // A table of rates comes with the second cycle.
      OVERLAYWATCH_COLLECTORS_INTERFACES_INTERVAL: "5s",
      ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }),
    };
  };
  const type = (text: string, on: 1 | 2 | "here", state: string, stdin = false): Program => {
    const line = `exec ${text.replace("/usr/lib/overlaywatch/", "./").replace(/ &$/u, "")}`;
    const of = (name: string) => join(folder, `${state}-${name}`);
    const env = {
      ...environment(),
      DD_TAGS: `typed:${state}`,
      OVERLAYWATCH_PATHS_STATE_DIR: join(folder, state),
      OVERLAYWATCH_WORKER_HOSTNAME: "dockerhost1",
      OVERLAYWATCH_WORKER_DATADOG_CONFIG: of("none"),
      OVERLAYWATCH_WORKER_JOBS_SOCKET: of("jobs.sock"),
      OVERLAYWATCH_WORKER_CONTROL_SOCKET: of("control.sock"),
      OVERLAYWATCH_WORKER_HELPER_SOCKET: of("helper.sock"),
      OVERLAYWATCH_WEBHOOK_TOKEN_FILES: join(folder, "token"),
      OVERLAYWATCH_WEBHOOK_LISTEN: "127.0.0.1:8099",
      OVERLAYWATCH_WEBHOOK_MONITORS: "any",
      OVERLAYWATCH_WEBHOOK_ORGS: "any",
    };
    const place = { cwd: folder, ...(stdin ? { stdin: "pipe" as const } : {}) };
    if (on === "here") return start(["/bin/sh", "-c", line], env, place);
    const host = lab().host(on);
    return start(host.argv(["/bin/sh", "-c", line], folder), host.environment(env), place);
  };
  for (const { command, ...at } of first) {
    const way = ways[command];
    if (way === undefined || !("codes" in way)) continue;
    it(placeOf({ command, ...at }), async () => {
      const { on, codes, prints = /^/u, as = command, before = "true", beside = [] } = way;
      const place = on === "stand-in" ? "here" : on;
      await type(before, place, "state-own").ended;
      const others = beside.map(([other]) => type(other, place, "state-own"));
      await Promise.all(others.map((other, i) => says(other, beside[i]![1], 30_000)));
      const program = type(on === "stand-in" ? `${as} --api-url ${standin.url}` : as, place, "state-own");
      const code = await program.ended;
      await Promise.all(others.map((other) => other.stop()));
      assert.ok(codes.includes(code), `${code}: ${saying(program)}`);
      assert.match(saying(program), prints);
    });
  }

  it("that run until they are told to end: all at once, each with a folder of state of its own", async () => {
    const running = first.flatMap(({ command }) => {
      const way = ways[command];
      return way !== undefined && "says" in way ? [{ command, way }] : [];
    });
    const failed = await Promise.all(
      running.map(async ({ command, way: { on, says: what, feed } }, number) => {
        const program = type(command, on, `state-${number}`, feed !== undefined);
        if (feed !== undefined) program.child.stdin?.write("\n");
        const did = await (
          what instanceof RegExp
            ? says(program, what, 60_000)
            : until(
                () => (what === "nothing" ? isAtRest(program.child.pid) : sent.has(`typed:state-${number}`)),
                60_000,
              )
        ).then(
          () => program.child.exitCode === null && !/ERROR/u.test(program.err()),
          () => false,
        );
        const { code } = await program.stop();
        const isGood = code === 0 || (code === -1 && command.startsWith("journalctl"));
        return did && isGood ? [] : [`${command}: ${code}: ${saying(program)}`];
      }),
    );
    assert.deepEqual(failed.flat(), []);
  });
});
