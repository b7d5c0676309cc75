import { z } from "zod";
import type { PackMember } from "../../lab/pack.ts";
import type { Machine } from "../../lab/machine.ts";
import { shellLine } from "../../host/shell-line.ts";
import type { Found, Steps } from "./timeline.ts";

const finding = z.object({
  class: z.string(),
  state: z.string(),
  container: z.string().nullable(),
  evidence: z.string(),
});
const report = z.object({ networks: z.array(z.object({ findings: z.array(finding) })) });

/** Of `doctor` on that host: what harms now. */
export async function activeFindings(machine: Machine): Promise<readonly Found[]> {
  const { stdout, stderr } = await machine.overlaywatch(["doctor", "--json"], 60_000);
  try {
    const all = report.parse(JSON.parse(stdout)).networks.flatMap(({ findings }) => findings);
    return all
      .filter(({ state }) => state === "active")
      .map(({ class: of, container, evidence }) => ({ class: of, container, evidence }));
  } catch (cause) {
    throw new Error(`doctor on ${machine.host.name}: ${stdout}${stderr}`, { cause });
  }
}

const share = z.number().nullable();
const cleaned = z.object({
  outcome: z.string(),
  actions: z.array(z.object({ command: z.array(z.string()) })),
  loss: z.array(z.object({ before: share, after: share })),
});

/** `cleanup --apply` with that strategy, as a person would: who asks is not held to what is healed unattended. */
export async function cleanedByHand({ name, machine, helperState }: PackMember, strategy: string) {
  const typed = ["cleanup", "--apply", "--strategy", strategy];
  const { code, stdout, stderr } = await machine.overlaywatch([...typed, "--json", "--state-dir", helperState], 60_000);
  const { success, data } = cleaned.safeParse(JSON.parse(stdout === "" ? "{}" : stdout));
  if (!success) throw new Error(`cleanup on ${name}: exit code ${code}: ${stdout}${stderr}`);
  const lost = data.loss.flatMap(({ before, after }): readonly (readonly [number, number])[] =>
    before === null || after === null ? [] : [[Math.round(100 * before), Math.round(100 * after)]],
  );
  return {
    host: name,
    command: shellLine(["overlaywatch", ...typed]),
    exit: code,
    outcome: data.outcome,
    commands: data.actions.map(({ command }) => shellLine(command)),
    lost,
  } satisfies Steps["by_hand"];
}
