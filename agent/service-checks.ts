/** The service checks that this program sends, without the prefix; assets/service_checks.json is made of them. */
export const serviceChecks = {
  "docker.can_connect": {
    name: "Docker can connect",
    description:
      "CRITICAL where the Docker engine of the host does not answer; containers that run are still read. OK otherwise.",
    statuses: ["ok", "critical"],
  },
} as const;

export type ServiceCheckName = keyof typeof serviceChecks;
