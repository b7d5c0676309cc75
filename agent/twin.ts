import type { RunState } from "./run-state.ts";
import { runningAgents } from "./status-socket.ts";

/** Where a sum of two agents is no sum of two hosts. */
const adding: readonly string[] = ["dogstatsd", "influx"];

/**
 * What is wrong where another agent of this state folder sends the same to a sink of the same kind: what both count arrives
 * twice, and no graph shows it. One line for each, none where all is well. To be asked before the own status is served.
 */
export async function twinsOf(stateDir: string, own: RunState): Promise<readonly string[]> {
  const { agents } = await runningAgents(stateDir, 500).catch(() => ({ agents: [] }));
  return agents.flatMap((other) => {
    const sinks = shared(own.sinks, other.sinks).filter((name) => adding.includes(name));
    const collectors = shared(own.collectors, other.collectors);
    if (sinks.length === 0 || collectors.length === 0) return [];
    return [
      `another agent (pid ${other.pid}) sends ${collectors.join(", ")} to ${sinks.join(" and ")} already: all that both count arrives twice. End one of them; \`overlaywatch status\` shows both.`,
    ];
  });
}

type Named = readonly { readonly name: string }[];

const shared = (own: Named, other: Named): readonly string[] =>
  own.map(({ name }) => name).filter((name) => other.some((one) => one.name === name));
