import type { Examination } from "../../overlay/examine/examination.ts";
import type { Health } from "../collector.ts";

/** Ok: nothing is active. Critical: something is. Unknown: it could not be judged. */
export function healthOf({ verdict, findings, namespaces, unjudged }: Examination): Health {
  if (verdict === "healthy") return { status: "ok" };
  const all = [
    { findings, unjudged, name: "the host" },
    ...namespaces.map((one) => ({ ...one, name: one.input.network?.name ?? one.input.file })),
  ];
  if (verdict === "unknown") {
    const blind = all.flatMap((one) => one.unjudged).find((one) => one.blind);
    return { status: "unknown", message: blind === undefined ? "not judged" : `${blind.what}: ${blind.why}` };
  }
  const active = all.flatMap((one) =>
    one.findings
      .filter(({ state }) => state === "active")
      .map((finding) => `${finding.container ?? "-"} in ${one.name}: ${finding.class}`),
  );
  const shown = [...new Set(active)].slice(0, 5).join("; ");
  return {
    status: "critical",
    message: `${active.length} active findings: ${shown}. \`overlaywatch doctor\` says more`,
  };
}
