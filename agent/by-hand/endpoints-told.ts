import { printable } from "../../host/iproute2/error.ts";
import type { StoredEndpoint } from "../../overlay/stale/endpoint.ts";
import type { NodeLook } from "./node-look.ts";
import type { ByHandOutcome, Reason } from "./outcome.ts";

export interface EndpointJson extends Omit<StoredEndpoint, "networkId" | "pool"> {
  readonly network: string;
  readonly network_id: string;
  readonly result: "planned" | "freed" | "left" | "failed" | "not tried";
  readonly sentence: string;
}

/** What `disconnect-stale-endpoints --json` prints: to be extended, never changed. */
export interface EndpointsJson {
  readonly outcome: ByHandOutcome;
  readonly nodes: readonly (Pick<NodeLook, "node" | "verdict" | "statements"> & {
    readonly endpoints: readonly EndpointJson[];
  })[];
  readonly refused: readonly Reason[];
  readonly ambiguous: readonly Reason[];
  /** The file that keeps what was removed. */
  readonly record: string | null;
}

export const noEndpoints: Omit<EndpointsJson, "outcome"> = { nodes: [], refused: [], ambiguous: [], record: null };

const headlines: Readonly<Record<ByHandOutcome, string>> = {
  nothing: "Nothing to do: no endpoint of a dead node.",
  done: "Done and verified.",
  planned: "Dry run: nothing was changed. With --apply and --node these endpoints would be taken out of the cluster:",
  refused: "Refused: nothing was changed.",
  unverified: "NOT all of it was done, or could be verified.",
  ambiguous: "What is left has to be judged by a person.",
  unavailable: "Docker does not answer: nothing was changed.",
  locked: "Another run is at work: nothing was changed.",
};

export function endpointsText(json: EndpointsJson): string {
  const nodes = json.nodes.flatMap(nodeLines);
  const reasons = [
    ...json.refused.map(({ rule, sentence }) => `# refused (${rule}): ${sentence}`),
    ...json.ambiguous.map(({ rule, sentence }) => `# for a person (${rule}): ${sentence}`),
    ...(json.record === null ? [] : [`# what was removed is kept in ${json.record}`]),
  ];
  return `${[headlines[json.outcome], ...nodes, ...reasons].map(printable).join("\n")}\n`;
}

export function nodeLines({ node, verdict, statements, endpoints }: EndpointsJson["nodes"][number]): readonly string[] {
  return [
    `${node}: ${verdict}`,
    ...statements.map(({ witness, says, sentence }) => `  ${says.padEnd(6)} ${witness}: ${sentence}`),
    ...endpoints.map(
      ({ network, name, ip, mac, locator, result, sentence }) =>
        `  ${result.padEnd(9)} ${network} ${name} ${ip} ${mac} on ${locator}${sentence === "" ? "" : `: ${sentence}`}`,
    ),
  ];
}
