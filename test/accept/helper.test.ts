import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { bundleIn } from "../../dispatch/bundle.ts";
import type { LabHost } from "../../lab/host.ts";
import { askLine } from "../../host/line-socket.ts";
import { useLab } from "../lab/fixture.ts";
import { answered, request, trace } from "./helper-asked.ts";
import { figure, sized } from "./length.ts";
import { endAll, onHost, type Program, says, start } from "./program.ts";
import { Treatment } from "./treatment.ts";

const otherTrace = "fedcba9876543210fedcba9876543210";

/** Of what the helper has packed. */
function networkIn(line: string, wanted: string) {
  const { packed } = z.object({ packed: z.string() }).parse(JSON.parse(line));
  const { tables } = bundleIn(JSON.parse(gunzipSync(Buffer.from(packed, "base64")).toString("utf8")));
  return tables.networks.find(({ name }) => name === wanted);
}

/** A2 and B2 of the second host are never healed: an outage that ended by itself proves nothing. */
describe("accept: the helper", function () {
  this.timeout(sized(1_800_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;

  const cutOff = async (): Promise<void> => {
    await lab().break({ host: 1 });
    if ((await lab().loss("A2", "B2", 10)) < 100) await lab().break({ host: 2, a: "A2", b: "B2" });
  };
  const loss = async (): Promise<number> => lab().loss("A1", "B1", 10);
  const settings = (): Readonly<Record<string, string>> => ({ OVERLAYWATCH_PATHS_STATE_DIR: here.state });

  beforeEach(() => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
  });
  afterEach(async () => {
    endAll();
    here.forget();
    await lab().mend({ host: 1 });
    await lab().mend({ host: 2, a: "A2", b: "B2" });
  });

  /** `helperd` on the host, and how to ask it. */
  async function served(): Promise<{ readonly daemon: Program; readonly ask: (verb: string) => Promise<string> }> {
    const path = join(here.state, "helper", "helper.sock");
    const daemon = onHost(host, ["helperd", "--socket", path, "--state-dir", here.state]);
    await says(daemon, /listens at/u);
    return {
      daemon,
      ask: async (verb) => askLine(path, request(verb), { timeoutMs: 60_000, maxBytes: 2 ** 20, owner: 0 }),
    };
  }

  it("behind helperd, with CAP_SYS_ADMIN and CAP_NET_ADMIN alone, looks, heals and proves it", async () => {
    await here.host.settle();
    const times: number[] = [];
    for (let round = 0; round < sized(20, 1); round++) {
      here.forget();
      here = new Treatment(lab(), host);
      await cutOff();
      const { daemon, ask } = await served();
      const before = await here.tables();
      const looked = answered.parse(JSON.parse(await ask("look")));
      assert.deepEqual([looked.exit, looked.result.outcome], [11, "planned"]);
      const testnet = networkIn(await ask("tables"), "testnet");
      assert.ok(testnet?.space !== undefined && testnet.space.fdb.length > 0);
      const a1 = testnet.members.find(({ name }) => name === "A1");
      assert.ok(a1?.inside?.devices.some(({ addresses }) => addresses.some((one) => one.startsWith(`${a1.ip}/`))));
      await here.unwritten(before, "a look, and who asks for tables, changes nothing");
      const began = performance.now();
      const { exit, result } = answered.parse(JSON.parse(await ask("heal")));
      times.push(performance.now() - began);
      assert.deepEqual([exit, result.verified], [10, true], JSON.stringify(result));
      assert.ok(
        result.loss.every((one) => one.before === 1 && one.after === 0),
        JSON.stringify(result.loss),
      );
      assert.equal(await loss(), 0);
      assert.equal((await daemon.stop()).code, 0);
      await lab().mend({ host: 1 });
    }
    const sorted = times.toSorted((a, b) => a - b).map((ms) => (ms / 1000).toFixed(2));
    figure(
      `${times.length} heals by the helper, loss 100 % to 0 %: fastest ${sorted[0]} s, slowest ${sorted.at(-1)} s`,
    );
  });

  it("killed at any moment it leaves nothing worse, and the next one ends it or is refused by a limit that ends", async () => {
    await here.host.settle();
    const ends = new Map<string, number>();
    for (let round = 0; round < sized(100, 2); round++) {
      here.forget();
      here = new Treatment(lab(), host);
      await cutOff();
      const { daemon, ask } = await served();
      const asked = ask("heal").catch(() => "no answer");
      // Judging takes about a second: what follows are the writes.
      await sleep(900 + Math.random() * 900);
      for (const pid of childrenOf(daemon)) process.kill(pid, "SIGKILL");
      await asked;
      const stands = await loss();
      assert.ok(stands === 100 || stands === 0, `half of it works: ${stands} %`);
      const { exit, result } = answered.parse(JSON.parse(await ask("heal")));
      const isLimited = exit === 20 && result.refused.every(({ rule }) => rule === "cooldown");
      assert.ok(exit === 10 || exit === 0 || isLimited, JSON.stringify(result));
      const name = isLimited ? `refused for a while (loss ${stands} %)` : result.outcome;
      ends.set(name, (ends.get(name) ?? 0) + 1);
      assert.ok([0, 10].includes((await here.cleanup("--apply")).code));
      assert.equal(await loss(), 0);
      await daemon.stop();
      await lab().mend({ host: 1 });
    }
    figure(`killed ${sized(100, 2)} times; the next one: ${[...ends].map(([name, n]) => `${n} ${name}`).join(", ")}`);
  });

  it("nothing of a request reaches a program or the name of a file", async () => {
    await here.host.settle();
    for (const verb of ["hello", "look", "heal"]) {
      const [one, other] = [await ofTrace(verb, trace), await ofTrace(verb, otherTrace)];
      assert.deepEqual(one.programs, other.programs, `${verb}: other programs for another trace`);
      assert.ok(verb === "hello" || one.programs.length > 2, "programs are seen");
      for (const text of [one, other].flatMap(({ programs, names }) => [...programs, ...names]))
        assert.ok(!text.includes(trace.slice(0, 12)) && !text.includes(otherTrace.slice(0, 12)), `${verb}: ${text}`);
    }
  });

  async function ofTrace(verb: string, of: string) {
    if (verb === "heal") await cutOff();
    const found = await recorded(verb, of);
    await lab().mend({ host: 1 });
    return found;
  }

  /** What the helper did for one request, from outside. */
  async function recorded(verb: string, of: string) {
    const state = mkdtempSync(join(lab().shared, "recorded-"));
    const into = join(state, "recorded.json");
    const [command, ...args] = host.argv([process.execPath, `${process.cwd()}/dist/agent/helper/main.js`]);
    const recorder = { NODE_OPTIONS: `--import=${process.cwd()}/dist/test/accept/recorder.js`, RECORDED: into };
    const environment = { ...settings(), OVERLAYWATCH_PATHS_STATE_DIR: join(state, "own"), ...recorder };
    const helper = start([command, ...args], host.environment({ PATH: "/usr/sbin:/usr/bin", ...environment }), {
      stdin: "pipe",
    });
    helper.child.stdin?.end(`${request(verb, of)}\n`);
    const code = await helper.ended;
    assert.equal(code, { hello: 0, look: 0, heal: 10 }[verb], helper.out() + helper.err());
    const found = z
      .object({ programs: z.array(z.string()), names: z.array(z.string()) })
      .parse(JSON.parse(readFileSync(into, "utf8")));
    rmSync(state, { recursive: true });
    return { ...found, programs: found.programs.toSorted() };
  }
});

/** The helpers that a daemon has started. */
function childrenOf({ child }: Program): readonly number[] {
  const text = readdirSync(`/proc/${child.pid}/task`).map((task) =>
    readFileSync(`/proc/${child.pid}/task/${task}/children`, "utf8"),
  );
  return text.flatMap((line) => line.trim().split(" ")).flatMap((pid) => (pid === "" ? [] : [Number(pid)]));
}
