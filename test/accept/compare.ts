import assert from "node:assert/strict";
import type { LabHost } from "../../lab/host.ts";
import type { Delivered } from "./delivered.ts";
import { type Counters, difference, kernelCounters, same } from "./kernel.ts";

/** A moment of rest: the kernel's counters, which the agent's cycles up to this one have delivered. */
export interface Rest {
  readonly counters: Counters;
  /** The first cycle that can deliver what comes later. */
  readonly cycle: number;
}

/** Two readings of the kernel that agree, with whole cycles of the agent between them: more where they are told late. */
export async function atRest(delivered: Delivered, read: () => Promise<Counters>, wholeCycles = 2): Promise<Rest> {
  let before = await read();
  for (let attempt = 0; attempt < 10; attempt++) {
    await delivered.next(wholeCycles);
    const { cycles: cycle } = delivered;
    const counters = await read();
    if (same(before, counters)) return { counters, cycle };
    before = counters;
  }
  throw new Error("the kernel's counters do not come to rest");
}

/** A container's counters as the kernel has them, read by another program, and under the same keys as they were delivered. */
export interface Source {
  readonly read: (container: string) => Promise<Counters>;
  /** Sums of what came from one cycle on and before another. */
  readonly sums: (container: string, from: number, before: number) => Counters;
}

const interfaceCounters = (host: LabHost, delivered: Delivered): Source => ({
  read: async (container) => kernelCounters(host, container),
  sums: (container, from, before) => delivered.sums(container, from, before),
});

/** Does it, and checks that what came for each container is what its kernel counters grew by, off by 0. Gives that growth. */
export async function grows(
  host: LabHost,
  containers: readonly string[],
  delivered: Delivered,
  work: () => Promise<void>,
  { read, sums }: Source = interfaceCounters(host, delivered),
): Promise<ReadonlyMap<string, Counters>> {
  const rest = async (container: string) => atRest(delivered, async () => read(container));
  const rests = async () => Promise.all(containers.map(rest));
  const before = await rests();
  await work();
  const after = await rests();
  const grown = new Map<string, Counters>();
  for (const [index, container] of containers.entries()) {
    const [base, now] = [before[index]!, after[index]!];
    const kernel = difference(now.counters, base.counters);
    assertEqual(sums(container, base.cycle, now.cycle), kernel, container);
    grown.set(container, kernel);
  }
  return grown;
}

/** Off by 0 on every counter; what the kernel has at 0 may be left out. */
export function assertEqual(sums: Counters, kernel: Counters, what: string): void {
  assert.deepEqual(differences(sums, kernel), [], `${what}: delivered differs from the kernel's`);
}

/** Never above: whatever was missed. */
export function assertNotAbove(sums: Counters, kernel: Counters, what: string): void {
  const above = [...sums].filter(([key, value]) => value > (kernel.get(key) ?? 0));
  assert.deepEqual(above, [], `${what}: delivered is more than the kernel counted`);
}

function differences(sums: Counters, kernel: Counters): readonly string[] {
  const keys = new Set([...sums.keys(), ...kernel.keys()]);
  return [...keys]
    .filter((key) => (sums.get(key) ?? 0) !== (kernel.get(key) ?? 0))
    .map((key) => `${key}: delivered ${sums.get(key) ?? 0}, kernel ${kernel.get(key) ?? 0}`);
}

export function plus(...parts: readonly Counters[]): Counters {
  const sum = new Map<string, number>();
  for (const part of parts) for (const [key, value] of part) sum.set(key, (sum.get(key) ?? 0) + value);
  return sum;
}
