import type { Step } from "../../../../agent/demo/timeline.ts";

/** Recorded by `overlaywatch demo --json`. */
export const missingFdb: readonly Step[] = [
  {
    step: "setup",
    at_s: null,
    engine: "20.10",
    driver: "swarm",
    network: "testnet",
    hosts: [
      { name: "dockerhost1", containers: ["A1", "B1"] },
      { name: "dockerhost2", containers: ["A2", "B2"] },
    ],
    gateway: "dockerhost1",
    broker: false,
    strategy: "pin",
    seconds: 28.678,
  },
  {
    step: "baseline",
    at_s: null,
    loss: [
      { from: "A1", to: "A2", percent: 0 },
      { from: "A1", to: "B1", percent: 0 },
    ],
    series: 51,
    alerts: [],
  },
  {
    step: "break",
    at_s: 0,
    fault: "missing-fdb",
    host: "dockerhost1",
    commands: [
      "nsenter --net=/run/docker/netns/1-aqwe9jddzd bridge fdb del 02:42:0a:00:00:05 dev vxlan0 dst 172.31.240.2 self",
    ],
    loss: { from: "A1", to: "A2", percent: 100 },
  },
  {
    step: "agent",
    at_s: 2,
    host: "dockerhost1",
    containers: [
      {
        name: "A1",
        before: { received: 10.8, sent: 10.8, errors: 0, drops: 0 },
        now: { received: 4.3, sent: 11, errors: 0, drops: 0 },
      },
      {
        name: "B1",
        before: { received: 3.9, sent: 3.9, errors: 0, drops: 0 },
        now: { received: 3.8, sent: 3.8, errors: 0, drops: 0 },
      },
    ],
  },
  { step: "seen", at_s: 7.9, host: "dockerhost1", metric: "overlaywatch.overlay.findings", value: 1, containers: [] },
  {
    step: "finding",
    at_s: 24.5,
    host: "dockerhost1",
    findings: [
      {
        class: "missing-fdb",
        container: "A2",
        evidence:
          "10.0.0.5 dev vxlan0 lladdr 02:42:0a:00:00:05 PERMANENT; no row for 02:42:0a:00:00:05 in bridge fdb show dev vxlan0 (self permanent)",
      },
    ],
  },
  {
    step: "page",
    at_s: 71.3,
    monitor: "Overlay network is broken: its tables send packets the wrong way",
    host: "dockerhost1",
    code: 202,
    trace: "b5a839f0a33345f6aa3e2c834a0549e1",
  },
  {
    step: "cure",
    at_s: 84.9,
    host: "dockerhost1",
    strategy: "pin",
    state: "healed",
    message:
      "healed and verified: 1 changes were made for A2 by pin; loss 100 % before, 0 % after; to undo it: overlaywatch undo /var/lib/overlaywatch-lab/labs/demo/shared/pack/dockerhost1/helper/undo/2026-11-26T01-34-04.211Z-pin.json",
    commands: [
      "nsenter --net=/run/docker/netns/1-aqwe9jddzd bridge fdb replace 02:42:0a:00:00:05 dev vxlan0 dst 172.31.240.2 self permanent",
    ],
    elsewhere: [],
  },
  {
    step: "healed",
    at_s: 86.2,
    loss: [
      { from: "A1", to: "A2", percent: 0 },
      { from: "A1", to: "B1", percent: 0 },
    ],
  },
  {
    step: "recovered",
    at_s: 91.2,
    monitor: "Overlay network is broken: its tables send packets the wrong way",
    looked_again: "nothing active",
  },
  {
    step: "summary",
    at_s: 91.2,
    outcome: "healed",
    seconds: { seen: 7.9, paged: 71.3, ended: 84.9, healed: 86.2, recovered: 91.2 },
  },
];
