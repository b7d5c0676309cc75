import type { Container } from "../../host/docker/inventory.ts";

/** A running container of no interest, changed by what a test is about. */
export function containerOf(change: Partial<Container> = {}): Container {
  return {
    id: "c0ffee".padEnd(64, "0"),
    name: "web",
    image: "nginx",
    pid: 100,
    startedAt: 1_000_000,
    networkMode: "default",
    labels: {},
    env: {},
    attachments: [],
    ...change,
  };
}
