import { existsSync } from "node:fs";
import type { Context } from "mocha";
import { labNames } from "../../lab/folder.ts";
import { down, up, type Lab } from "../../lab/lab.ts";
import { describeShape, parseShape, type ShapeOptions } from "../../lab/shape.ts";
import { isRoot, needs } from "../needs.ts";

/** Labs of this test process, by shape: started when the first suite asks for it. */
const labs = new Map<string, Promise<Lab>>();
const running = new Set<Lab>();
let started = 0;

/** The four kinds of lab that the acceptance tests speak of. */
export const labKinds: readonly (readonly [what: string, shape: ShapeOptions])[] = [
  ["20.10 classic", {}],
  ["28.5 swarm", { driver: "swarm", engine: "28.5" }],
  ["26.1 swarm", { driver: "swarm", engine: "26.1" }],
  ["20.10 swarm", { driver: "swarm", engine: "20.10" }],
];

/**
 * In a `describe`: `const lab = useLab()`, and `lab()` in its tests. Two classic hosts with A1 B1 and A2 B2 unless told;
 * shared with the suites of that shape that this process runs, so leave it as it was. Without root or journald the suite is skipped aloud.
 */
export function useLab(options: ShapeOptions = {}): () => Lab {
  let lab: Lab | undefined;
  before("lab", async function (this: Context) {
    needsLab(this);
    this.timeout(240_000);
    lab = await shared(options);
  });
  return () => {
    if (!lab) throw new Error("the lab is there only inside tests and hooks");
    return lab;
  };
}

/** A name that no other test process uses; labs that a killed one left are taken down first. */
export async function uniqueName(suffix: string): Promise<string> {
  await sweep();
  return `t-${process.pid}-${suffix}`;
}

export function needsLab(context: Context): void {
  needs(context, "root", isRoot());
  needs(context, "systemd-journald", existsSync("/lib/systemd/systemd-journald"));
}

async function shared(options: ShapeOptions): Promise<Lab> {
  const key = describeShape(parseShape(options));
  if (!labs.has(key)) await endOthers();
  const lab = labs.get(key) ?? start(options);
  labs.set(key, lab);
  return lab;
}

const usual = describeShape(parseShape({}));

/** A lab that nobody uses takes a twentieth of a core: the usual one stays, of the others there is one at a time. */
async function endOthers(): Promise<void> {
  for (const key of [...labs.keys()].filter((one) => one !== usual)) {
    const lab = await labs.get(key)?.catch(() => undefined);
    labs.delete(key);
    if (lab === undefined) continue;
    await lab.down();
    running.delete(lab);
  }
}

async function start(options: ShapeOptions): Promise<Lab> {
  const lab = await upAtLast({ ...options, name: await uniqueName(`shared${started++}`) }, 3);
  running.add(lab);
  return lab;
}

/** Engines that start at once may miss each other's first gossip, and then never reach each other: said, and tried again. */
async function upAtLast(options: Parameters<typeof up>[0], tries: number): Promise<Lab> {
  try {
    return await up(options);
  } catch (error) {
    if (tries < 2) throw error;
    process.stderr.write(`the lab is started once more: ${String(error)}\n`);
    return upAtLast(options, tries - 1);
  }
}

async function sweep(): Promise<void> {
  for (const name of labNames()) {
    const [, pid] = /^t-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await down(name);
  }
}

function downNow(): void {
  for (const lab of running) lab.downNow();
  running.clear();
}

// Not by a hook: suites of other files that this process still runs may want them.
process.once("exit", downNow);
for (const [signal, code] of [["SIGINT", 130] as const, ["SIGTERM", 143] as const]) {
  // mocha's own handler of SIGINT would first wait for the running test.
  process.once(signal, () => process.exit(code));
}
