/** The service checks that this program sends, without the prefix; assets/service_checks.json is made of them. */
export const serviceChecks = {
  "docker.can_connect": {
    name: "Docker can connect",
    description:
      "CRITICAL where the Docker engine of the host does not answer; containers that run are still read. OK otherwise.",
    statuses: ["ok", "critical"],
  },
  "pipeline.health": {
    name: "Netlink pipeline",
    description:
      "CRITICAL where no recorder has written to the journal for 30 s or the journal can not be read; WARNING where reading is more than 60 s behind, or the checkpoint can not be written. OK otherwise.",
    statuses: ["ok", "warning", "critical"],
  },
  "remedy.worker": {
    name: "Remedy worker",
    description:
      "CRITICAL where a job of the last hour needs a person (escalated); WARNING where the helper does not answer, remedies are paused or switched off, or the mode is auto and no page was seen to reach this host yet. OK otherwise; no data where no worker runs.",
    statuses: ["ok", "warning", "critical"],
  },
  "overlay.health": {
    name: "Overlay health",
    description:
      "CRITICAL where an overlay network of the host loses packets now by a wrong row (active findings of the collector overlay), UNKNOWN where that could not be judged. OK otherwise.",
    statuses: ["ok", "critical", "unknown"],
  },
} as const;

/** Collectors that say how what they watch is, and as which check. */
export const checkOf: Readonly<Record<string, ServiceCheckName>> = { overlay: "overlay.health" };

export type ServiceCheckName = keyof typeof serviceChecks;
