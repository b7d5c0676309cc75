import type { Step } from "../../../../agent/demo/timeline.ts";

/** Recorded by `overlaywatch demo --json`. */
export const arp: readonly Step[] = [
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
    strategy: "arp",
    seconds: 20.997,
  },
  {
    step: "baseline",
    at_s: null,
    loss: [
      { from: "A1", to: "B1", percent: 0 },
      { from: "A1", to: "A2", percent: 0 },
    ],
    series: 48,
    alerts: [],
  },
  {
    step: "break",
    at_s: 0,
    fault: "outage",
    host: "dockerhost1",
    commands: [
      "nsenter --net=/run/docker/netns/1-4323569a28 ip neigh replace 10.0.0.3 lladdr 02:42:0a:00:00:03 dev vxlan0 nud permanent",
      "nsenter --net=/run/docker/netns/1-4323569a28 bridge fdb append 02:42:0a:00:00:03 dev vxlan0 dst 172.31.240.1 self permanent",
      "nsenter --net=/run/docker/netns/1-4323569a28 bridge fdb replace 02:42:0a:00:00:03 dev vxlan0 master dynamic",
    ],
    loss: { from: "A1", to: "B1", percent: 100 },
  },
  {
    step: "agent",
    at_s: 2.2,
    host: "dockerhost1",
    containers: [
      {
        name: "A1",
        before: { received: 9.3, sent: 9.3, errors: 0, drops: 0 },
        now: { received: 0.7, sent: 5.6, errors: 0, drops: 0 },
      },
      {
        name: "B1",
        before: { received: 9.4, sent: 9.4, errors: 0, drops: 0 },
        now: { received: 0.7, sent: 2.1, errors: 0, drops: 0 },
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
    at_s: 7.3,
    host: "dockerhost1",
    findings: [
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
    ],
  },
  {
    step: "page",
    at_s: 9.9,
    monitor: "Overlay network loses packets: a container's MAC address is on the wrong port",
    host: "dockerhost1",
    code: 202,
    trace: "cd2951d457c745b9a42bb5e5c6a039a0",
  },
  {
    step: "cure",
    at_s: 13.3,
    host: "dockerhost1",
    strategy: "arp",
    state: "refused",
    message:
      "refused: tested-engine: arp was not seen to heal on engine 20.10.24+dfsg1 (classic), so nothing is healed by it unattended",
    commands: [],
    elsewhere: [],
  },
  {
    step: "by_hand",
    host: "dockerhost1",
    command: "overlaywatch cleanup --apply --strategy arp",
    exit: 30,
    outcome: "undone",
    commands: [
      "nsenter --net=/var/run/docker/netns/1-4323569a28 ip neigh del 10.0.0.3 dev vxlan0",
      "nsenter --net=/var/run/docker/netns/1-4323569a28 ip neigh del 10.0.0.2 dev vxlan0",
    ],
    lost: [
      [100, 100],
      [100, 100],
    ],
    at_s: 20.4,
  },
  { step: "not_healed", at_s: 22.4, loss: [{ from: "A1", to: "B1", percent: 100 }] },
  { step: "mended", at_s: 24.2, loss: [{ from: "A1", to: "B1", percent: 0 }] },
  {
    step: "summary",
    at_s: 25.2,
    outcome: "not healed, as told",
    seconds: { seen: 2.2, paged: 9.9, ended: 13.3, healed: null, recovered: null },
  },
];
