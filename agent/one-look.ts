import { liveClock } from "../host/clock.ts";
import { dockerClient } from "../host/docker/client.ts";
import { socketPathOf } from "../host/docker/socket.ts";
import { watchDocker } from "../host/docker/watch.ts";
import { liveOverlays } from "../host/netns/live.ts";
import { procfs } from "../host/procfs.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { Config } from "./config/schema.ts";

/** This host, for a command that looks once; `watch` is to be closed. */
export function oneLook({ docker, paths }: Config) {
  const timeoutMs = milliseconds(docker.timeout);
  const client = dockerClient({ socketPath: socketPathOf(docker.socket), timeoutMs });
  const proc = procfs(paths.host_root);
  const overlays = liveOverlays({ netnsDir: paths.netns_dir, hostRoot: paths.host_root, client, proc });
  // With a list of some hundred containers, most of the time goes into asking for them one by one.
  const watch = watchDocker({ client, clock: liveClock, timeoutMs, concurrency: 8, log: () => undefined });
  return { proc, overlays, watch };
}
