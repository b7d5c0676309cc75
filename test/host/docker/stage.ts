import assert from "node:assert/strict";
import { dockerClient } from "../../../host/docker/client.ts";
import { DockerError } from "../../../host/docker/error.ts";
import { type DockerWatch, type DockerWatchOptions, watchDocker } from "../../../host/docker/watch.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";
import { type ScriptedDocker, inspectOf, scriptedDocker } from "./scripted.ts";

/** A scripted engine, and watches on it at a quick pace. */
export interface Stage {
  readonly docker: ScriptedDocker;
  readonly clock: ManualClock;
  readonly logged: string[];
  readonly watching: (options?: Partial<DockerWatchOptions>) => DockerWatch;
  /** Containers that run, without an event. */
  readonly run: (...ids: string[]) => void;
  /** How often a path was asked for. */
  readonly asks: (path: string) => number;
  readonly clear: () => Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const docker = await scriptedDocker();
  const clock = manualClock(1_000_000_000_000);
  const watches: DockerWatch[] = [];
  const logged: string[] = [];
  return {
    docker,
    clock,
    logged,
    watching: (options = {}) => {
      const watch = watchDocker({
        client: dockerClient({ socketPath: docker.socketPath }),
        clock,
        log: (level, message) => logged.push(`${level} ${message}`),
        coalesceMs: 10,
        backoffMs: [5, 20],
        timeoutMs: 1000,
        ...options,
      });
      watches.push(watch);
      return watch;
    },
    run: (...ids) => ids.forEach((id) => docker.containers.set(id, inspectOf(id))),
    asks: (path) => docker.asked.filter((asked) => asked === path).length,
    clear: async () => {
      await Promise.all(watches.map(async (watch) => watch.close()));
      await docker.remove();
    },
  };
}

export function containerIds(watch: DockerWatch): string[] {
  return watch.inventory().containers.map((container) => container.id);
}

export async function dockerErrorOf(promise: Promise<unknown>): Promise<DockerError> {
  const error = await promise.then(
    () => assert.fail("it did not fail"),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof DockerError, `a DockerError, not ${String(error)}`);
  return error;
}
