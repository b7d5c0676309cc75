import { styleText } from "node:util";
import type { ClusterDiagnosis } from "../../overlay/cluster/finding.ts";
import { findingLines } from "./findings.ts";
import { colorOf, counted, type PageOptions, unjudgedLines } from "./page.ts";
import { wrapped } from "./wrap.ts";

/** What a person reads: the verdict of all hosts, findings with the host that each is on, and what could not be judged. */
export function clusterPage(diagnosis: Omit<ClusterDiagnosis, "again">, { colors, columns }: PageOptions): string {
  const { verdict } = diagnosis;
  const painted = colors ? styleText(colorOf[verdict], verdict, { validateStream: false }) : verdict;
  const headline = wrapped(saidOf(diagnosis), columns, "").map((line) => line.replace(verdict, () => painted));
  const findings = findingLines(
    diagnosis.networks.flatMap((network) => network.findings),
    columns,
    colors,
  );
  const parts = [headline, findings, unjudgedLines(diagnosis.unjudged, columns)];
  const filled = parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${filled.join("\n\n")}\n`;
}

function saidOf({ hosts, networks, verdict }: Omit<ClusterDiagnosis, "again">): string {
  const states = networks.flatMap(({ findings }) => findings.map(({ state }) => state));
  const active = states.filter((state) => state === "active").length;
  const silent = hosts.filter(({ answered }) => !answered).length;
  const said = {
    // A row that is missing altogether is no row that is wrong.
    healthy: "no row is wrong now",
    faulty: counted(active, "active finding"),
    unknown: "it could not all be judged",
  }[verdict];
  const seen = `${counted(hosts.length - silent, "host")}, ${counted(networks.length, "overlay")}`;
  const asked = silent === 0 ? "" : `; ${silent} of ${hosts.length} did not answer`;
  return `${verdict}: ${said} (${seen}${asked}; ${states.length - active} latent)`;
}
