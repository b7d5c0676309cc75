import type { Step } from "../../../../agent/demo/timeline.ts";

/** Recorded by `overlaywatch demo --json`. */
export const fleet: readonly Step[] = [
  {
    step: "setup",
    at_s: null,
    engine: "20.10",
    driver: "classic",
    network: "testnet",
    hosts: [
      { name: "dockerhost1", containers: ["A1", "B1"] },
      { name: "dockerhost2", containers: ["A2", "B2"] },
      { name: "dockerhost3", containers: ["A3", "B3"] },
    ],
    gateway: "dockerhost1",
    broker: true,
    strategy: "pin",
    seconds: 45.939,
  },
  {
    step: "baseline",
    at_s: null,
    loss: [
      { from: "A2", to: "B2", percent: 0 },
      { from: "A2", to: "A3", percent: 0 },
    ],
    series: 80,
    alerts: [],
  },
  {
    step: "break",
    at_s: 0,
    fault: "outage",
    host: "dockerhost2",
    commands: [
      "nsenter --net=/run/docker/netns/1-c2102ce405 ip neigh replace 10.0.0.5 lladdr 02:42:0a:00:00:05 dev vxlan0 nud permanent",
      "nsenter --net=/run/docker/netns/1-c2102ce405 bridge fdb append 02:42:0a:00:00:05 dev vxlan0 dst 172.31.240.2 self permanent",
      "nsenter --net=/run/docker/netns/1-c2102ce405 bridge fdb replace 02:42:0a:00:00:05 dev vxlan0 master dynamic",
    ],
    loss: { from: "A2", to: "B2", percent: 100 },
  },
  {
    step: "agent",
    at_s: 2.1,
    host: "dockerhost2",
    containers: [
      {
        name: "A2",
        before: { received: 8.5, sent: 8.5, errors: 0, drops: 0 },
        now: { received: 1.4, sent: 6.1, errors: 0, drops: 0 },
      },
      {
        name: "B2",
        before: { received: 8.6, sent: 8.6, errors: 0, drops: 0 },
        now: { received: 1, sent: 2.7, errors: 0, drops: 0 },
      },
    ],
  },
  {
    step: "seen",
    at_s: 2.1,
    host: "dockerhost2",
    metric: "overlaywatch.fdb.misplaced",
    value: 2,
    containers: ["A2", "B2"],
  },
  {
    step: "finding",
    at_s: 5.2,
    host: "dockerhost2",
    findings: [
      { class: "stale-local", container: "B2", evidence: "10.0.0.5 dev vxlan0 lladdr 02:42:0a:00:00:05 PERMANENT" },
      {
        class: "self-loop",
        container: "B2",
        evidence: "02:42:0a:00:00:05 dev vxlan0 dst 172.31.240.2 link-netnsid 0 self permanent",
      },
      {
        class: "local-mac-on-vxlan-port",
        container: "B2",
        evidence: "02:42:0a:00:00:05 dev vxlan0 master br0 (on it in 10 of 10 reads)",
      },
      { class: "stale-local", container: "A2", evidence: "10.0.0.4 dev vxlan0 lladdr 02:42:0a:00:00:04 PERMANENT" },
      {
        class: "self-loop",
        container: "A2",
        evidence: "02:42:0a:00:00:04 dev vxlan0 dst 172.31.240.2 link-netnsid 0 self permanent",
      },
      {
        class: "local-mac-on-vxlan-port",
        container: "A2",
        evidence: "02:42:0a:00:00:04 dev vxlan0 master br0 (on it in 10 of 10 reads)",
      },
    ],
  },
  {
    step: "page",
    at_s: 10.7,
    monitor: "Overlay network loses packets: a container's MAC address is on the wrong port",
    host: "dockerhost2",
    code: 202,
    trace: "ede0c244da8d47b1b5d3c2b0b7712f0d",
  },
  {
    step: "cure",
    at_s: 13.7,
    host: "dockerhost2",
    strategy: "pin",
    state: "healed",
    message:
      "healed and verified: 2 changes were made for B2, A2 by pin; loss 100 % before, 0 % after; to undo it: overlaywatch undo /var/lib/overlaywatch-lab/labs/demo/shared/fleet/dockerhost2/helper/undo/2026-11-26T01-29-33.994Z-pin.json",
    commands: [
      "nsenter --net=/run/docker/netns/1-c2102ce405 bridge fdb replace 02:42:0a:00:00:05 dev veth1 master static sticky",
      "nsenter --net=/run/docker/netns/1-c2102ce405 bridge fdb replace 02:42:0a:00:00:04 dev veth0 master static sticky",
    ],
    elsewhere: [],
  },
  {
    step: "healed",
    at_s: 14.8,
    loss: [
      { from: "A2", to: "B2", percent: 0 },
      { from: "A2", to: "A3", percent: 0 },
    ],
  },
  {
    step: "recovered",
    at_s: 20.7,
    monitor: "Overlay network loses packets: a container's MAC address is on the wrong port",
    looked_again: "nothing active",
  },
  {
    step: "summary",
    at_s: 20.7,
    outcome: "healed",
    seconds: { seen: 2.1, paged: 10.7, ended: 13.7, healed: 14.8, recovered: 20.7 },
  },
];
