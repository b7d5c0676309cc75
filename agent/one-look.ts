import { liveClock } from "../host/clock.ts";
import { dockerClient } from "../host/docker/client.ts";
import { socketPathOf } from "../host/docker/socket.ts";
import { watchDocker } from "../host/docker/watch.ts";
import { liveOverlays } from "../host/netns/live.ts";
import { procfs } from "../host/procfs.ts";
import { milliseconds } from "./config/milliseconds.ts";
import type { RemedySettings } from "./remedy/settings.ts";

/** This host, for a command that looks once; `watch` is to be closed. */
export function oneLook({ docker, paths }: Pick<RemedySettings, "docker" | "paths">) {
  const timeoutMs = milliseconds(docker.timeout);
  const client = dockerClient({ socketPath: socketPathOf(docker.socket), timeoutMs });
  const proc = procfs(paths.host_root);
  // With a list of some hundred containers, most of the time goes into asking for them one by one.
  const watch = watchDocker({ client, clock: liveClock, timeoutMs, concurrency: 8, log: () => undefined });
  const sandboxOf = (pid: number) => watch.inventory().containers.find((one) => one.pid === pid)?.sandbox;
  const overlays = liveOverlays({ netnsDir: paths.netns_dir, hostRoot: paths.host_root, client, proc, sandboxOf });
  return { proc, overlays, watch };
}
