import { z } from "zod";
import type { Machine } from "../../lab/machine.ts";
import type { Found } from "./timeline.ts";

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
