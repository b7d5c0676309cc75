import { shellLine } from "../../host/shell-line.ts";
import { breakWay, mendWay } from "../../lab/remote-fault.ts";
import type { Stage } from "./stage.ts";
import type { DemoFault, Loss } from "./timeline.ts";

/** What was done, and by which metric it shows. */
export interface Broken {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly commands: readonly string[];
  readonly loss: Loss;
  readonly metric: string;
  readonly tags: Readonly<Record<string, string>>;
}

type Pair = readonly [from: string, to: string];

/** Whose pings are measured: first those that the fault takes. */
export function pairsOf(
  { affected, other }: Pick<Stage, "affected" | "other">,
  fault: DemoFault,
): readonly [Pair, Pair] {
  const local: Pair = [`A${affected.host.number}`, `B${affected.host.number}`];
  const remote: Pair = [`A${affected.host.number}`, `A${other.number}`];
  return fault === "outage" ? [local, remote] : [remote, local];
}

/** Done by hand, and measured: returns when 10 of 10 pings are lost. */
export async function breakIt(stage: Stage, fault: DemoFault): Promise<Broken> {
  const [[from, to]] = pairsOf(stage, fault);
  if (fault === "outage") {
    const where = { host: stage.affected.host.number };
    const commands = await stage.lab.breakingCommands(where);
    // It returns when 10 of 10 are lost, and not before.
    const at = await stage.lab.break(where);
    const loss = { from, to, percent: 100 };
    return { at, commands: commands.map(shellLine), loss, metric: "overlaywatch.fdb.misplaced", tags: {} };
  }
  const { at, command, lossPercent: percent } = await breakWay(wayOf(stage), fault);
  const tags = { class: fault, state: "active" };
  const shows = { metric: "overlaywatch.overlay.findings", tags };
  return { at, commands: [shellLine(command)], loss: { from, to, percent }, ...shows };
}

export async function mendIt(stage: Stage, fault: DemoFault): Promise<void> {
  if (fault === "outage") await stage.lab.mend({ host: stage.affected.host.number });
  else await mendWay(wayOf(stage));
}

const wayOf = ({ affected: { host }, other }: Stage) => ({
  from: { host, container: `A${host.number}` },
  to: { host: other, container: `A${other.number}` },
});
