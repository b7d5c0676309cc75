import { dashboardOf } from "./dashboard.ts";
import { type MonitorDefinition, monitorOf } from "./definition.ts";
import type { Desired } from "./desired.ts";
import { closeWaitGrowth } from "./inform/close-wait-growth.ts";
import { netlinkEventsAnomaly } from "./inform/netlink-events-anomaly.ts";
import { retransmissionRate } from "./inform/retransmission-rate.ts";
import { timeWaitGrowth } from "./inform/time-wait-growth.ts";
import { activeFindings } from "./page/active-findings.ts";
import { fdbMisplaced } from "./page/fdb-misplaced.ts";
import { netlinkEventsSpike } from "./page/netlink-events-spike.ts";
import { probeLoss } from "./page/probe-loss.ts";
import { remedyFailed } from "./page/remedy-failed.ts";
import type { MonitorSettings } from "./settings.ts";
import { conntrackTable } from "./ticket/conntrack-table.ts";
import { heartbeatSilent } from "./ticket/heartbeat-silent.ts";
import { interfaceDrops } from "./ticket/interface-drops.ts";
import { interfaceErrors } from "./ticket/interface-errors.ts";
import { listenOverflows } from "./ticket/listen-overflows.ts";
import { neighbourTable } from "./ticket/neighbour-table.ts";
import { pipelineLosingEvents } from "./ticket/pipeline-losing-events.ts";
import { webhookOf } from "./webhook.ts";

/** Every monitor that ships, the most urgent first. */
export const shippedMonitors: readonly MonitorDefinition[] = [
  fdbMisplaced,
  activeFindings,
  netlinkEventsSpike,
  probeLoss,
  remedyFailed,
  neighbourTable,
  conntrackTable,
  pipelineLosingEvents,
  heartbeatSilent,
  listenOverflows,
  interfaceDrops,
  interfaceErrors,
  netlinkEventsAnomaly,
  timeWaitGrowth,
  closeWaitGrowth,
  retransmissionRate,
];

/** Everything that ships, in the order in which it is to be made. */
export function shipped(settings: MonitorSettings): readonly Desired[] {
  return [
    ...(settings.webhookUrl === undefined ? [] : [webhookOf(settings.webhookUrl)]),
    ...shippedMonitors.filter(({ key }) => !settings.skip.includes(key)).map((one) => monitorOf(one, settings)),
    dashboardOf(settings),
  ];
}
