import { liveClock } from "../host/clock.ts";
import { dockerClient } from "../host/docker/client.ts";
import { socketPathOf } from "../host/docker/socket.ts";
import { type DockerWatch, watchDocker } from "../host/docker/watch.ts";
import { milliseconds } from "./config/duration.ts";
import type { Config } from "./config/schema.ts";
import type { Log } from "./log.ts";

/** The watch on the engine that the configuration names. */
export function openDocker({ docker }: Config, log: Log): DockerWatch {
  const timeoutMs = milliseconds(docker.timeout);
  return watchDocker({
    client: dockerClient({ socketPath: socketPathOf(docker.socket), timeoutMs }),
    clock: liveClock,
    resyncMs: milliseconds(docker.resync),
    timeoutMs,
    log: (level, message) => log[level](message),
  });
}
