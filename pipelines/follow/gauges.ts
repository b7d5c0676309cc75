import type { NamesOf } from "../../emit/metric.ts";
import type { Sample } from "../../emit/sample.ts";
import type { pipelineMetrics } from "../metrics.ts";
import type { Progress } from "./progress.ts";
import type { Store } from "./store.ts";
import type { Tally } from "./tally.ts";

type GaugeName = NamesOf<typeof pipelineMetrics, "gauge">;

interface Sources {
  readonly tally: Tally;
  readonly progress: Progress;
  readonly store: Store;
}

/** What the follower has to say of itself at `now`, in milliseconds since the epoch. What is not known is not said. */
export function gaugesOf({ tally, progress, store }: Sources, now: number): readonly Sample[] {
  const since = (time: number | undefined) => (time === undefined ? undefined : Math.max(0, now - time));
  return [
    ...gauge("pipeline.lag", progress.lag),
    ...gauge("pipeline.heartbeat.age", since(tally.heartbeat)),
    ...gauge("pipeline.checkpoint.age", since(store.saved())),
  ];
}

function gauge(name: GaugeName, milliseconds: number | undefined): readonly Sample[] {
  return milliseconds === undefined ? [] : [{ name, type: "gauge", value: milliseconds / 1000, tags: none }];
}

const none = {};
