import type { EngineInfo } from "../../host/docker/info.ts";
import type { Host } from "../../host/host.ts";

/** Another version can only be there after a restart, and is known a minute later. */
const keptMs = 60_000;

/** What the engine says of itself, asked once a minute; undefined where it never told. */
export function engineKeeper(): (host: Host, signal: AbortSignal) => Promise<EngineInfo | undefined> {
  let known: { readonly info: EngineInfo; readonly at: number } | undefined;
  return async ({ overlays, clock }, signal) => {
    const now = clock.monotonic();
    if (known !== undefined && now - known.at < keptMs) return known.info;
    try {
      known = { info: await overlays.engine(signal), at: now };
    } catch {
      signal.throwIfAborted();
    }
    return known?.info;
  };
}
