import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import type { Lab } from "../../lab/lab.ts";
import { onHost } from "./program.ts";

const answer = z.object({
  outcome: z.string(),
  actions: z.array(
    z.object({
      command: z.array(z.string()),
      reason: z.string(),
      class: z.string(),
      result: z.string(),
      ip: z.string(),
    }),
  ),
  verified: z.boolean(),
  undo: z.string().nullable(),
  refused: z.array(z.object({ rule: z.string(), sentence: z.string() })),
  loss: z.array(z.object({ before: z.number().nullable(), after: z.number().nullable() })),
  notes: z.array(z.string()),
});

const finding = z.object({ class: z.string(), state: z.string(), ip: z.string().nullable(), evidence: z.string() });
const endpoint = z.object({ mac: z.string().nullable(), veth: z.string().nullable(), pinned: z.boolean() });
const report = z.object({
  verdict: z.enum(["healthy", "faulty", "unknown"]),
  networks: z.array(z.object({ name: z.string(), findings: z.array(finding), endpoints: z.array(endpoint) })),
});

/** Doctor, cleanup and undo on one host of the lab, with a state folder of their own. */
export class Treatment {
  readonly host: LabHost;
  readonly state: string;

  constructor(lab: Lab, host: LabHost) {
    this.host = host;
    this.state = mkdtempSync(join(lab.shared, "state-"));
  }

  forget(): void {
    rmSync(this.state, { recursive: true, force: true });
  }

  async at(...args: readonly string[]) {
    const began = performance.now();
    const program = onHost(this.host, [...args, "--state-dir", this.state]);
    const code = await program.ended;
    return { code, out: program.out(), err: program.err(), ms: performance.now() - began };
  }

  async cleanup(...args: readonly string[]) {
    const ended = await this.at("cleanup", "--json", ...args);
    return { ...ended, json: answer.parse(JSON.parse(ended.out)) };
  }

  async doctor(...args: readonly string[]) {
    const ended = await this.at("doctor", "--json", ...args);
    return { ...ended, json: report.parse(JSON.parse(ended.out)) };
  }

  /** Every row of a container's, and the ports' switches, in all overlays of the host. */
  async tables(): Promise<readonly string[]> {
    const script =
      'for f in /run/docker/netns/*-*; do for c in "bridge fdb show" "ip neigh show" "bridge -d link show"; do nsenter --net=$f $c; done; done';
    const { stdout } = await this.host.exec(["sh", "-c", script]);
    // The container's own row comes and goes with what it says.
    const rows = stdout.split("\n").filter((line) => line.includes("02:42:0a") || line.includes("learning"));
    if (rows.length === 0) throw new Error("no row was read: nothing could be compared");
    return rows.toSorted();
  }

  /**
   * That nobody but dockerd and the bridge has written since. These two go on meanwhile: the bridge learns, and dockerd
   * adds a row on the vxlan device wherever the kernel misses one. What is set is never taken away by either.
   */
  async unwritten(before: readonly string[], message?: string): Promise<void> {
    const [was, is] = [whatIsSet(before), whatIsSet(await this.tables())];
    const gone = without(was, is);
    const added = without(is, was).filter((row) => / sticky| static/u.test(row) || !/ dev vxlan/u.test(row));
    assert.deepEqual({ gone, added }, { gone: [], added: [] }, message);
  }

  /** Of `tables`, what an engine or a program has set: no row that is learned from frames, and goes with them. */
  async set(): Promise<readonly string[]> {
    return whatIsSet(await this.tables());
  }

  /** That nobody at all has written since, dockerd neither. */
  async unchanged(before: readonly string[]): Promise<void> {
    assert.deepEqual(await this.set(), whatIsSet(before));
  }

  /** MACs that are pinned, each with its port. */
  async pins(): Promise<readonly string[]> {
    const rows = (await this.tables()).filter((line) => line.includes("sticky"));
    return rows.map((line) => line.split(" ").slice(0, 3).join(" "));
  }
}

const whatIsSet = (rows: readonly string[]) => rows.filter((row) => /permanent|sticky|static|learning/iu.test(row));

/** Every row of `all` that `others` has not, counting those that are there more than once. */
function without(all: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...others];
  return all.filter((row) => {
    const at = left.indexOf(row);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
