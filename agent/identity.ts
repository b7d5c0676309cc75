import { hostName } from "../dispatch/job.ts";
import { datadogHostname } from "../host/datadog-agent.ts";
import type { Config } from "./config/schema.ts";
import { ConfigError } from "./exit-codes.ts";
import type { Io } from "./command.ts";

/** What this host is called in Datadog, in lower case, and who says so. */
export interface Identity {
  readonly host: string;
  readonly from: string;
}

/** It is not known, or told in two ways: this host must not act on what is asked of a host by its name. */
export class NoIdentity extends ConfigError {
  override readonly name = "NoIdentity";
}

/**
 * `worker.hostname`, else the Datadog agent's word. A page names a host as Datadog knows it: where the two differ, none is
 * believed. Throws `NoIdentity`, which says what to set.
 */
export async function hostIdentity(
  { worker }: { readonly worker: Pick<Config["worker"], "hostname" | "datadog_config"> },
  env: Io["env"],
  programs?: readonly string[],
): Promise<Identity> {
  const asked = { configFile: worker.datadog_config, ...(programs !== undefined && { programs }) };
  const agent = await datadogHostname(env, asked);
  if (worker.hostname === "" && "problems" in agent)
    throw new NoIdentity(
      `this host's name in Datadog is not known: ${agent.problems.join("; ")}. Set worker.hostname to what Datadog calls it.`,
    );
  const told = "name" in agent ? { host: valid(agent.name, agent.from), from: agent.from } : undefined;
  if (worker.hostname === "" && told !== undefined) return told;
  if (told !== undefined && told.host !== worker.hostname)
    throw new NoIdentity(
      `worker.hostname is ${worker.hostname}, and ${told.from} says ${told.host}: a page for this host can not be told from another's: make them the same`,
    );
  return { host: worker.hostname, from: "worker.hostname" };
}

function valid(name: string, from: string): string {
  const read = hostName.safeParse(name.toLowerCase());
  if (read.success) return read.data;
  throw new NoIdentity(
    `${from} says ${JSON.stringify(name.slice(0, 100))}, which is no host's name: set worker.hostname`,
  );
}
