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
} as const;

export type ServiceCheckName = keyof typeof serviceChecks;
