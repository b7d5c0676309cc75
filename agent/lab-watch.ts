import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { startReceiver } from "../emit/dogstatsd/receiver.ts";
import type { LabHost } from "../lab/host.ts";
import type { Lab } from "../lab/lab.ts";
import { launch } from "../lab/process.ts";
import type { Io } from "./command.ts";
import { aborted } from "./ending.ts";
import { liveView } from "./live-view.ts";

/** One agent on each host of the lab, sending DogStatsD to a socket here, shown as one live table until the end. */
export async function watchLab(lab: Lab, interval: string, io: Io, ending: AbortSignal): Promise<void> {
  const path = join(lab.shared, `dsd-${randomBytes(4).toString("hex")}.sock`);
  const view = liveView(io, `overlaywatch, lab ${lab.name}`, "overlaywatch.");
  const receiver = await startReceiver({ uds: { path } }, view.message);
  const agents = lab.hosts.map((host) =>
    startAgent(lab, host, io, {
      OVERLAYWATCH_COLLECTORS_INTERFACES_INTERVAL: interval,
      DD_DOGSTATSD_URL: `unix://${path}`,
      DD_TAGS: `host:${host.name}`,
    }),
  );
  try {
    await Promise.race([aborted(ending), ...agents.map((agent) => agent.failed)]);
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await view.close();
    await receiver.close();
  }
}

interface Agent {
  /** Rejects if the agent ends before it is told to. */
  readonly failed: Promise<never>;
  readonly stop: () => Promise<void>;
}

function startAgent(lab: Lab, host: LabHost, io: Io, settings: Readonly<Record<string, string>>): Agent {
  const log = join(lab.dir, `${host.name}-overlaywatch.log`);
  const child = launch(
    host.argv([...io.self, "run", "interfaces"], io.cwd),
    log,
    host.environment({ ...io.env, ...settings }),
  );
  const ended = once(child, "exit");
  let stopping = false;
  const failed = ended.then(([code]) => {
    if (stopping) return new Promise<never>(() => undefined);
    throw new Error(`the agent on ${host.name} ended with ${String(code)}; its log is ${log}`);
  });
  return {
    failed,
    stop: async () => {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await ended;
    },
  };
}
