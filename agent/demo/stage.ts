import { join } from "node:path";
import { Daemon } from "../../lab/daemon.ts";
import type { LabHost } from "../../lab/host.ts";
import type { Lab } from "../../lab/lab.ts";
import type { Machine } from "../../lab/machine.ts";
import { packOn, type Pack, type PackMember } from "../../lab/pack.ts";
import { pinnedEnv, until } from "../../lab/process.ts";
import { Datadog } from "./datadog.ts";
import type { DemoFault } from "./timeline.ts";

export interface Plan {
  readonly fault: DemoFault;
  readonly strategy: string;
  readonly fleet: boolean;
}

/** Everything that plays, at work. */
export interface Stage {
  readonly lab: Lab;
  readonly pack: Pack;
  readonly datadog: Datadog;
  /** Where the fault is made. */
  readonly affected: PackMember;
  /** Another host, with containers of the same network. */
  readonly other: LabHost;
}

/** Starts the pack on every host of a lab that is up, Datadog's stand-in with the shipped monitors, and traffic. */
export async function setStage(lab: Lab, plan: Plan, signal: AbortSignal): Promise<Stage> {
  const metricsSocket = join(lab.shared, "dogstatsd.sock");
  const env = { DD_DOGSTATSD_URL: `unix://${metricsSocket}` };
  const pack = await packFor(lab, plan, env, signal);
  const { gateway, members } = pack;
  const wire = { metricsSocket, socket: join(lab.shared, "datadog.sock"), token: gateway.token, signal };
  const datadog = await Datadog.open(gateway, wire);
  await Promise.all([pack.start(signal), ...members.map(async (one) => watch(one, env, signal))]);
  const { affected, other } = rolesOf(lab, pack, plan);
  await pack.prove(affected);
  await traffic(lab, plan);
  return { lab, pack, datadog, affected, other };
}

async function packFor(
  lab: Lab,
  { strategy, fleet }: Plan,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Pack> {
  const settings = {
    worker: { mode: "auto", rechecks: ["5s"] },
    remedy: { strategy },
    // Of this machine it reads nothing.
    datadog: { webhook_url: "http://127.0.0.1:8480/webhook" },
  };
  if (!fleet) return packOn(lab.hosts, { folder: join(lab.shared, "pack"), settings, env });
  const all = await lab.startFleet({ settings, env, signal });
  const { members, gateway } = all;
  return {
    members,
    gateway,
    start: async (ending) => all.start(ending),
    prove: async ({ name }) => all.prove(all.member(name)),
  };
}

/** In a fleet the gateway's host is well: the page has to find its way to another one. */
function rolesOf(lab: Lab, { members }: Pack, { fleet }: Plan) {
  const [affected, other] = [members[fleet ? 1 : 0], lab.hosts[fleet ? 2 : 1]];
  if (affected === undefined || other === undefined) throw new Error("the demo has too few hosts");
  return { affected, other };
}

/** All collectors and both halves of the pipeline; nothing heals by itself, for it is the page that is shown. */
async function watch({ name, host, machine }: PackMember, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const state = ["--state-dir", join(machine.folder, "agent")];
  const daemon = new Daemon({
    name: `run of ${name}`,
    argv: host.argv(machine.argv(["run", "--heal", "off", ...state])),
    env: host.environment({ ...pinnedEnv, ...env, DD_TAGS: `host:${name}` }),
    log: join(machine.folder, "run.log"),
    // It says nothing where all is well: `status` tells.
    ready: /^/u,
  });
  await daemon.start(signal);
  const isUp = async () => (await answersStatus(machine, state)) || undefined;
  await until(isUp, 20_000, () => new Error(`run of ${name} is not at work after 20 s: ${daemon.said()}`), signal);
}

async function answersStatus(machine: Machine, state: readonly string[]): Promise<boolean> {
  return (await machine.overlaywatch(["status", ...state])).code === 0;
}

/**
 * Between the two containers of each host. What the affected ones send elsewhere would end the outage for a moment each time, for
 * the bridge learns their ports by it; and by what comes from another host the kernel would learn the way that a fault takes away.
 */
async function traffic(lab: Lab, { fault }: Plan): Promise<void> {
  const local = lab.hosts.map(({ number }) => [`A${number}`, `B${number}`] as const);
  const both = local.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]);
  await lab.startPings(fault === "outage" ? both : [...both, ["A1", "A2"]]);
}
