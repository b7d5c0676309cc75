import type { Step } from "../../../../agent/demo/timeline.ts";

/** Recorded by `overlaywatch demo --json`. */
export const outage: readonly Step[] = [
  {
    step: "setup",
    at_s: null,
    engine: "20.10",
    driver: "classic",
    network: "testnet",
    hosts: [
      { name: "dockerhost1", containers: ["A1", "B1"] },
      { name: "dockerhost2", containers: ["A2", "B2"] },
    ],
    gateway: "dockerhost1",
    broker: false,
    strategy: "pin",
    seconds: 25.578,
  },
  {
    step: "baseline",
    at_s: null,
    loss: [
      { from: "A1", to: "B1", percent: 0 },
      { from: "A1", to: "A2", percent: 0 },
    ],
    series: 51,
    alerts: [],
  },
  {
    step: "break",
    at_s: 0,
    fault: "outage",
    host: "dockerhost1",
    commands: [
      "nsenter --net=/run/docker/netns/1-fff747dcfd ip neigh replace 10.0.0.3 lladdr 02:42:0a:00:00:03 dev vxlan0 nud permanent",
      "nsenter --net=/run/docker/netns/1-fff747dcfd bridge fdb append 02:42:0a:00:00:03 dev vxlan0 dst 172.31.240.1 self permanent",
      "nsenter --net=/run/docker/netns/1-fff747dcfd bridge fdb replace 02:42:0a:00:00:03 dev vxlan0 master dynamic",
    ],
    loss: { from: "A1", to: "B1", percent: 100 },
  },
  {
    step: "agent",
    at_s: 2.1,
    host: "dockerhost1",
    containers: [
      {
        name: "A1",
        before: { received: 8.7, sent: 8.7, errors: 0, drops: 0 },
        now: { received: 1.6, sent: 5.9, errors: 0, drops: 0 },
      },
      {
        name: "B1",
        before: { received: 8.7, sent: 8.7, errors: 0, drops: 0 },
        now: { received: 1.3, sent: 2.6, errors: 0, drops: 0 },
      },
    ],
  },
  {
    step: "seen",
    at_s: 2.2,
    host: "dockerhost1",
    metric: "overlaywatch.fdb.misplaced",
    value: 2,
    containers: ["A1", "B1"],
  },
  {
    step: "finding",
    at_s: 5.4,
    host: "dockerhost1",
    findings: [
      { class: "stale-local", container: "A1", evidence: "10.0.0.2 dev vxlan0 lladdr 02:42:0a:00:00:02 PERMANENT" },
      {
        class: "self-loop",
        container: "A1",
        evidence: "02:42:0a:00:00:02 dev vxlan0 dst 172.31.240.1 link-netnsid 0 self permanent",
      },
      {
        class: "local-mac-on-vxlan-port",
        container: "A1",
        evidence: "02:42:0a:00:00:02 dev vxlan0 master br0 (on it in 10 of 10 reads)",
      },
      { class: "stale-local", container: "B1", evidence: "10.0.0.3 dev vxlan0 lladdr 02:42:0a:00:00:03 PERMANENT" },
      {
        class: "self-loop",
        container: "B1",
        evidence: "02:42:0a:00:00:03 dev vxlan0 dst 172.31.240.1 link-netnsid 0 self permanent",
      },
      {
        class: "local-mac-on-vxlan-port",
        container: "B1",
        evidence: "02:42:0a:00:00:03 dev vxlan0 master br0 (on it in 10 of 10 reads)",
      },
    ],
  },
  {
    step: "page",
    at_s: 9.4,
    monitor: "Overlay network loses packets: a container's MAC address is on the wrong port",
    host: "dockerhost1",
    code: 202,
    trace: "47e395e697db415c8fa6b53d0fec72bb",
  },
  {
    step: "cure",
    at_s: 12.9,
    host: "dockerhost1",
    strategy: "pin",
    state: "healed",
    message:
      "healed and verified: 2 changes were made for A1, B1 by pin; loss 100 % before, 0 % after; to undo it: overlaywatch undo /var/lib/overlaywatch-lab/labs/demo/shared/pack/dockerhost1/helper/undo/2026-11-26T01-27-23.192Z-pin.json",
    commands: [
      "nsenter --net=/run/docker/netns/1-fff747dcfd bridge fdb replace 02:42:0a:00:00:02 dev veth0 master static sticky",
      "nsenter --net=/run/docker/netns/1-fff747dcfd bridge fdb replace 02:42:0a:00:00:03 dev veth1 master static sticky",
    ],
    elsewhere: [],
  },
  {
    step: "healed",
    at_s: 14,
    loss: [
      { from: "A1", to: "B1", percent: 0 },
      { from: "A1", to: "A2", percent: 0 },
    ],
  },
  {
    step: "recovered",
    at_s: 19.2,
    monitor: "Overlay network loses packets: a container's MAC address is on the wrong port",
    looked_again: "nothing active",
  },
  {
    step: "summary",
    at_s: 19.2,
    outcome: "healed",
    seconds: { seen: 2.2, paged: 9.4, ended: 12.9, healed: 14, recovered: 19.2 },
  },
];
