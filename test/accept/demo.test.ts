import assert from "node:assert/strict";
import { kill } from "node:process";
import { z } from "zod";
import { readdirSync, readFileSync } from "node:fs";
import { down, findLab, setup } from "../../lab/lab.ts";
import { pause, until } from "../../lab/process.ts";
import { needsLab, uniqueName } from "../lab/fixture.ts";
import { inhabitants, machine, nothingLeft } from "../lab/nothing-left.ts";
import { figure, isFull, sized } from "./length.ts";
import { endAll, type Program, start } from "./program.ts";

const loss = z.object({ from: z.string(), to: z.string(), percent: z.number() });
const seconds = z.record(z.string(), z.number().nullable());
const anyStep = z.looseObject({ step: z.string(), at_s: z.number().nullable() });
const steps = {
  baseline: z.looseObject({
    loss: z.array(loss),
    series: z.number().positive(),
    alerts: z.array(z.string()).length(0),
  }),
  break: z.looseObject({ at_s: z.literal(0), loss, host: z.string(), commands: z.array(z.string()).nonempty() }),
  agent: z.looseObject({
    containers: z.array(z.object({ name: z.string(), now: z.object({ errors: z.number(), drops: z.number() }) })),
  }),
  finding: z.looseObject({ findings: z.array(z.object({ class: z.string() })) }),
  page: z.looseObject({ code: z.literal(202), host: z.string(), monitor: z.string(), trace: z.string() }),
  cure: z.looseObject({
    state: z.string(),
    host: z.string(),
    commands: z.array(z.string()),
    elsewhere: z.array(z.string()).length(0),
  }),
  by_hand: z.looseObject({ exit: z.number(), outcome: z.string(), lost: z.array(z.array(z.number())).nonempty() }),
  healed: z.looseObject({ loss: z.array(loss) }),
  not_healed: z.looseObject({ loss: z.array(loss) }),
  mended: z.looseObject({ loss: z.array(loss) }),
  summary: z.looseObject({ outcome: z.string(), seconds }),
} as const;

type Steps = readonly z.output<typeof anyStep>[];

const main = `${process.cwd()}/dist/agent/main.js`;
const env = { PATH: process.env["PATH"] };
const inOrder = ["setup", "baseline", "break", "agent", "seen", "page", "cure", "healed", "recovered", "summary"];

describe("accept: demo", function () {
  this.timeout(sized(2_400_000, 240_000));
  let name: string;
  let before: readonly string[];

  beforeEach("nothing", async function () {
    needsLab(this);
    name = await uniqueName("demo");
    await setup({});
    before = (await machine()).split("\n");
  });
  afterEach(async () => {
    endAll();
    if (name !== undefined) await down(name);
  });

  /** A session of its own, as a shell gives it: what is typed there goes to the whole of it. */
  const demo = (...args: readonly string[]): Program =>
    start(["/usr/bin/setsid", process.execPath, main, "demo", "--name", name, ...args], env);

  async function leftNothing(inside: ReturnType<typeof inhabitants> = []): Promise<void> {
    nothingLeft(name, inside);
    const still = readdirSync("/proc").filter((pid) => /^\d+$/u.test(pid) && commandOf(pid).includes(name));
    assert.deepEqual(still.map(commandOf), []);
    // Of others, for a while, where tests run side by side.
    let more: readonly string[] = [];
    const isAsBefore = async () => {
      more = (await machine()).split("\n").filter((line) => !before.includes(line));
      return more.length === 0 || undefined;
    };
    await until(isAsBefore, 60_000, () => new Error(`the machine has more than before: ${more.join("; ")}`));
  }

  /** Told to its end, as expected; while it is broken that is measured from here as well. */
  async function played(args: readonly string[], tells: readonly string[]): Promise<Steps> {
    const program = demo("--json", ...args);
    await until(
      () => stepsOf(program).some(({ step }) => step === "break") || undefined,
      120_000,
      () => new Error(program.out() + program.err()),
    );
    const inside = inhabitants(name);
    const { from, to } = steps.break.parse(named(stepsOf(program), "break")).loss;
    assert.equal(await findLab(name).loss(from, to, 5), 100, "what is said to be broken is");
    assert.equal(await program.ended, 0, program.out() + program.err());
    const all = stepsOf(program);
    const order = all.map(({ step }) => step).filter((step) => tells.includes(step));
    assert.deepEqual(order, tells, program.out());
    await leftNothing(inside);
    return all;
  }

  it(`tells an outage from the break to the cure, ${sized(3, 1)} of ${sized(3, 1)}, and leaves nothing`, async () => {
    for (let trial = 0; trial < sized(3, 1); trial++) {
      const began = performance.now();
      const all = await played([], inOrder);
      const took = (performance.now() - began) / 1000;
      healedOn(all, "dockerhost1");
      const { findings } = steps.finding.parse(named(all, "finding"));
      figure(`all of it: ${took.toFixed(0)} s; doctor named ${findings.length} rows`);
      if (isFull()) assert.ok(took <= 120, `${took} s`);
    }
  });

  it("refuses what it can not do, says why, and leaves nothing", async () => {
    const tries: readonly (readonly [code: number, says: RegExp, argv: readonly [string, ...string[]], ...string[]])[] =
      [
        [64, /--strategy arps: expected pin, clean, arp, learning-off/u, [process.execPath], "--strategy", "arps"],
        [64, /--fault x: expected missing-fdb, wrong-vtep/u, [process.execPath], "--fault", "x"],
        [69, /demo needs root/u, ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups", process.execPath]],
        [
          69,
          /engine is not there: run \.\/scripts\/overlaywatch lab setup/u,
          within("mount -t tmpfs none $LAB/engines"),
        ],
        [69, /MB are free .* make room/u, within("mount -t tmpfs -o size=20m none $LAB/labs")],
        [69, /do not start: dockerd on dockerhost1 ended at once/u, within(brokenEngine)],
      ];
    for (const [code, says, [command, ...more], ...args] of tries) {
      const program = start([command, ...more, main, "demo", "--name", name, ...args], env);
      assert.equal(await program.ended, code, program.err());
      assert.match(program.err(), says);
      await leftNothing();
    }
  });

  it(`ends at Ctrl-C, at ${sized(20, 2)} random moments, and leaves nothing`, async () => {
    for (let trial = 0; trial < sized(20, 2); trial++) {
      const program = demo();
      await pause(Math.random() * sized(40_000, 14_000));
      const inside = inhabitants(name);
      const began = performance.now();
      interrupt(program, trial % 2 === 0);
      // Who sees nothing happen types it again, and again.
      for (let more = 0; more < trial % 3; more++) {
        await Promise.race([pause(Math.random() * 1000), program.ended]);
        interrupt(program, trial % 2 === 0);
      }
      const code = await program.ended;
      const told = program
        .out()
        .split("\n")
        .filter((line) => line.startsWith(" +")).length;
      const isDone = code === 0 && program.out().includes("monitor's recovery");
      // A signal ends a program that has not come so far as to wait for it; a second one, one that has begun nothing yet.
      const hasBegun = program.out() !== "";
      assert.ok(code === 1 || isDone || ([-1, 130].includes(code) && !hasBegun), `${code} ${program.err()}`);
      if (code === 1) assert.match(program.err(), /interrupted: taking all of it down, which takes some seconds/u);
      figure(`ended ${((performance.now() - began) / 1000).toFixed(1)} s after it, ${told} steps after the break told`);
      await leftNothing(inside);
    }
  });

  it("ends where nobody reads any more, and leaves nothing", async () => {
    const argv = [process.execPath, main, "demo", "--name", name].join(" ");
    const program = start(["/bin/bash", "-o", "pipefail", "-c", `${argv} | head -n 1`], env);
    assert.notEqual(await program.ended, 0);
    assert.match(program.out(), /^A Docker overlay network breaks/u);
    await leftNothing();
  });

  it("is the only one of its name; one that was killed is cleared away by the next, one that was kept is not", async () => {
    const first = demo();
    await until(
      () => /BROKEN/u.test(first.out()) || undefined,
      120_000,
      () => new Error(first.err()),
    );
    const second = demo();
    assert.equal(await second.ended, 75, second.out());
    assert.match(second.err(), /another demo is at work \(process \d+\)/u);
    await first.stop("SIGKILL");
    const orphans = inhabitants(name);
    assert.ok(orphans.length > 0);
    if (!isFull()) {
      await down(name);
      return leftNothing(orphans);
    }
    const next = demo("--keep");
    assert.equal(await next.ended, 0, next.err());
    assert.match(next.out(), new RegExp(`lab down --name ${name}`, "u"));
    assert.equal(await findLab(name).loss("A1", "B1"), 0);
    const refused = demo();
    assert.equal(await refused.ended, 75);
    assert.match(refused.err(), new RegExp(`was kept .*lab down --name ${name}`, "u"));
    const inside = inhabitants(name);
    await down(name);
    await leftNothing([...orphans, ...inside]);
  });

  if (!isFull()) return;

  it("tells an outage that has ended by itself, and breaks it once more", async () => {
    const program = demo("--json");
    const told = (step: string) => stepsOf(program).filter((one) => one.step === step).length;
    const untilTold = async (step: string) =>
      until(
        () => told(step) > 0 || undefined,
        120_000,
        () => new Error(program.out() + program.err()),
      );
    await untilTold("seen");
    await findLab(name).mend({ host: 1 });
    assert.equal(await program.ended, 0, program.out() + program.err());
    assert.deepEqual([told("break"), told("by_itself"), told("healed")], [2, 1, 1]);
    const { percent } = steps.break.parse(stepsOf(program).findLast(({ step }) => step === "break")).loss;
    assert.equal(percent, 100);
    healedOn(stepsOf(program), "dockerhost1");
    await leftNothing();
  });

  it("--fleet: the page comes to one host, the outage is on another", async () => {
    healedOn(await played(["--fleet"], inOrder), "dockerhost2");
  });

  for (const fault of ["missing-fdb", "wrong-vtep"])
    it(`--fault ${fault}: found, paged by what was found, healed`, async () => {
      const all = await played(["--fault", fault], inOrder);
      healedOn(all, "dockerhost1");
      assert.deepEqual(
        steps.finding.parse(named(all, "finding")).findings.map((one) => one.class),
        [fault],
      );
    });

  it("--strategy arp: does not heal, says so, and the demo mends it", async () => {
    const tells = [
      "setup",
      "baseline",
      "break",
      "agent",
      "seen",
      "page",
      "cure",
      "by_hand",
      "not_healed",
      "mended",
      "summary",
    ];
    const all = await played(["--strategy", "arp"], tells);
    const { exit, outcome, lost } = steps.by_hand.parse(named(all, "by_hand"));
    assert.deepEqual([exit, outcome], [30, "undone"]);
    for (const [was, is] of lost) assert.deepEqual([was, is], [100, 100]);
    assert.equal(steps.not_healed.parse(named(all, "not_healed")).loss[0]?.percent, 100);
    assert.equal(steps.mended.parse(named(all, "mended")).loss[0]?.percent, 0);
    assert.equal(steps.summary.parse(named(all, "summary")).outcome, "not healed, as told");
  });
});

function healedOn(all: Steps, host: string): void {
  const cure = steps.cure.parse(named(all, "cure"));
  assert.deepEqual([cure.host, cure.state, steps.page.parse(named(all, "page")).host], [host, "healed", host]);
  assert.ok(cure.commands.length > 0);
  for (const step of ["baseline", "healed"] as const)
    assert.deepEqual(
      new Set(steps[step].parse(named(all, step)).loss.map(({ percent }) => percent)),
      new Set([0]),
      step,
    );
  for (const { now } of steps.agent.parse(named(all, "agent")).containers)
    assert.deepEqual(now, { ...now, errors: 0, drops: 0 });
  const { seen, paged, ended, healed, recovered } = steps.summary.parse(named(all, "summary")).seconds;
  const times = [0, seen, paged, ended, healed, recovered].map((at) => at ?? assert.fail("not told"));
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  figure(`break to seen ${seen} s, paged ${paged} s, cured ${ended} s, healed ${healed} s, recovered ${recovered} s`);
}

/** To the whole session as a terminal does it, or, as `kill` does, to the program alone; nothing where it has ended. */
function interrupt({ child }: Program, whole: boolean): void {
  if (child.exitCode !== null || child.pid === undefined) return;
  try {
    if (whole) return void kill(-child.pid, "SIGINT");
  } catch {
    // It has no session yet.
  }
  child.kill("SIGTERM");
}

/** As a layer over the lab's folder: hosts of a lab do not see what is mounted below it. */
const brokenEngine = `mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work
mount -t overlay overlay -o lowerdir=$LAB,upperdir=/mnt/upper,workdir=/mnt/work $LAB
rm $LAB/engines/20.10/usr/sbin/dockerd && cp /bin/false $LAB/engines/20.10/usr/sbin/dockerd`;

/** In a mount namespace of its own something is not as it should be. */
const within = (script: string): readonly [string, ...string[]] => [
  "/usr/bin/unshare",
  "--mount",
  "/bin/sh",
  "-euc",
  `LAB=/var/lib/overlaywatch-lab\n${script}\nexec "$@"`,
  "sh",
  process.execPath,
];

function stepsOf(program: Program): Steps {
  const whole = program.out().split("\n").slice(0, -1);
  return whole.map((line) => anyStep.parse(JSON.parse(line)));
}

const named = (all: Steps, wanted: string): unknown =>
  all.find(({ step }) => step === wanted) ?? assert.fail(`no step ${wanted}`);

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
