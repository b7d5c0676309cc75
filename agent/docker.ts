import { liveClock } from "../host/clock.ts";
import { type DockerClient, dockerClient } from "../host/docker/client.ts";
import { socketPathOf } from "../host/docker/socket.ts";
import { type DockerWatch, watchDocker } from "../host/docker/watch.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { Config } from "./config/schema.ts";
import type { Log } from "./log.ts";

/** The engine that the configuration names. */
export function openClient({ docker }: Config): DockerClient {
  return dockerClient({ socketPath: socketPathOf(docker.socket), timeoutMs: milliseconds(docker.timeout) });
}

/** The watch on it. */
export function openDocker(config: Config, log: Log, client = openClient(config)): DockerWatch {
  return watchDocker({
    client,
    clock: liveClock,
    resyncMs: milliseconds(config.docker.resync),
    timeoutMs: milliseconds(config.docker.timeout),
    log: (level, message) => log[level](message),
  });
}
