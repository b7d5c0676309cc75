import { defineMonitor } from "../definition.ts";

export const activeFindings = defineMonitor({
  key: "active-findings",
  level: "page",
  priority: 1,
  name: "Overlay network is broken: its tables send packets the wrong way",
  about:
    "Told when the tables of an overlay network have had wrong or missing rows that do harm now, for 2 minutes. Packets of its containers are lost, or go to the wrong host.",
  thresholds: { critical: 0 },
  // Not by class: one fault often shows as several, and is healed at once.
  query: ({ metric, scope, critical }) =>
    `min(last_2m):sum:${metric("overlay.findings")}${scope("state:active")} by {host,docker_network} > ${critical}`,
  message: {
    means:
      "{{value}} findings in the tables of the network {{docker_network.name}} on {{host.name}} do harm now, for 2 minutes already: rows that are missing, wrong or too many. Packets of its containers are lost.",
    look: "The tag `class` of `overlay.findings` says what it is. `latent` findings beside it are everyday life on classic engines and harm nobody.",
    run: [
      [
        "overlaywatch status",
        "whether the worker is at it, or waits for your `overlaywatch approve` (an hour, unless told)",
      ],
      ["overlaywatch doctor", "each finding with its evidence and its cure"],
      ["overlaywatch explain CONTAINER_A CONTAINER_B", "a packet's way between two of them, to the first wrong hop"],
      [
        "overlaywatch cleanup",
        "the commands that heal it, as a dry run; `--apply` runs and proves them, and after exit 20, 30, 31 or 40 its lines behind # say why",
      ],
    ],
  },
  // As a gauge that is told as 0 for 5 minutes when it ends. Where the agent dies in the outage, the page stays.
  noData: "keep",
  // A call of the webhook that was lost is made up for; a person is reminded while packets are lost.
  renotify: 30,
  // A finding that was never there has no series: any delay would be one of the page.
  newGroupDelay: 0,
  // For the same reason the window must be full: "for 2 minutes" would be "once".
  fullWindow: true,
  webhook: true,
});
