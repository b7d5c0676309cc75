import { diagnoseCluster } from "../../../overlay/cluster/cluster.ts";
import type { ClusterDiagnosis, ClusterFinding } from "../../../overlay/cluster/finding.ts";
import type { Asked } from "../../../overlay/cluster/machines.ts";
import { cluster, ipOf, macOf } from "./made.ts";

export const twice = (all: readonly Asked[], before: readonly Asked[] = all) => diagnoseCluster({ now: all, before });
export const findingsOf = ({ networks }: ClusterDiagnosis): readonly ClusterFinding[] =>
  networks.flatMap(({ findings }) => findings);
export const briefly = (diagnosis: ClusterDiagnosis) =>
  findingsOf(diagnosis).map(({ host, class: of, state, mac, container }) => [host, of, state, mac, container]);
export const doubled = (diagnosis: ClusterDiagnosis) =>
  briefly(diagnosis).filter(([, of]) => of === "duplicate-ip" || of === "duplicate-mac");
export const blind = ({ unjudged }: ClusterDiagnosis) =>
  unjudged.filter((one) => one.blind).map(({ what, why }) => `${what}: ${why}`);

export const three = cluster({ hosts: 3, containers: 2 });
export const [far, farIp] = [macOf(2, 1), ipOf(2, 1)];
