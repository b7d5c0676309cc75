import { randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { brokerUrl, type LabBroker, provideBroker } from "./broker.ts";
import type { Daemon } from "./daemon.ts";
import type { LabContext, LabHost } from "./host.ts";
import { Machine, programFor, type Program, type Settings } from "./machine.ts";
import { gatewayUser, helperGroup, workerRun, workerUser } from "./pack-users.ts";
import type { ProcessId } from "./process.ts";
import { parseHost } from "./shape.ts";

export interface FleetOptions {
  /** Over those that the fleet has, on every machine of it. */
  readonly settings?: Settings | undefined;
  /** More of the environment of all its programs. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A host with its helper and its worker, both with their sockets at the default places of its own /run. */
export interface Member {
  /** As its name is in Datadog. */
  readonly name: string;
  readonly host: LabHost;
  readonly machine: Machine;
  readonly helperd: Daemon;
  readonly worker: Daemon;
  /** The worker's journal of jobs is there. */
  readonly workerState: string;
  /** The helper's undo files and limits. */
  readonly helperState: string;
  /** Of the worker, from this machine's own point of view. */
  readonly controlSocket: string;
}

/** Where Datadog's pages come in: on the loopback of its host, for it is plain HTTP. */
export interface Gateway {
  readonly host: LabHost;
  /** With the gateway's seed and key: what asks the hosts runs here. */
  readonly machine: Machine;
  readonly server: Daemon;
  readonly url: string;
  /** What the webhook has to show. */
  readonly token: string;
}

interface FleetParts {
  readonly folder: string;
  readonly broker: LabBroker;
  readonly members: readonly Member[];
  readonly gateway: Gateway;
  /** Who runs `overlaywatch fleet`. */
  readonly operator: Machine;
  /** Where `webhook test` finds gateway and host. */
  readonly proof: (member: Member) => Machine;
}

/**
 * A lab's hosts as a fleet: a broker, which runs, and a configuration for each host and for the gateway, which is on the first of them.
 * Their programs are started by `start`, or one by one. All of it is in the lab's cgroup and folder, and goes with the lab.
 */
export class LabFleet {
  readonly folder: string;
  readonly broker: LabBroker;
  readonly members: readonly Member[];
  readonly gateway: Gateway;
  readonly #operator: Machine;
  readonly #proof: (member: Member) => Machine;

  constructor({ folder, broker, members, gateway, operator, proof }: FleetParts) {
    [this.folder, this.broker, this.members, this.gateway] = [folder, broker, members, gateway];
    [this.#operator, this.#proof] = [operator, proof];
  }

  /** By its 1-based number or its host's name. */
  member(which: string | number): Member {
    const found = this.members[parseHost(which, this.members.length) - 1];
    if (found === undefined) throw new Error(`the fleet has no host ${which}`);
    return found;
  }

  /** Helpers, workers and the gateway, those that do not run yet. Returns when all are at work. */
  async start(signal?: AbortSignal): Promise<void> {
    const all = [...this.members.map(({ helperd, worker }) => [helperd, worker]), [this.gateway.server]];
    await Promise.all(
      all.map(async (daemons) => {
        for (const daemon of daemons) if (daemon.pid === undefined) await daemon.start(signal);
      }),
    );
  }

  /** `overlaywatch fleet ARGS`, as the operator; gives what it prints. The broker has to be told of it by `broker.reload`. */
  async manage(...args: readonly string[]): Promise<string> {
    return manage(this.#operator, args);
  }

  /** `webhook test` through gateway and broker: only then does `auto` heal there. Their worker and the gateway have to run. */
  async prove(member: Member): Promise<void> {
    const machine = this.#proof(member);
    const { code, stdout, stderr } = await machine.overlaywatch(["webhook", "test"], 60_000);
    if (code !== 0) throw new Error(`webhook test for ${member.name}: ${stdout}${stderr}`);
  }

  /** Ends all of it and removes its folder; the lab goes on without. */
  async remove(): Promise<void> {
    const daemons = this.members.flatMap(({ helperd, worker }) => [worker, helperd]);
    await Promise.all([this.gateway.server, ...daemons].map(async (daemon) => daemon.end("SIGKILL")));
    await this.broker.end("SIGKILL");
    for (const { host } of this.members) await host.exec(["rm", "-rf", workerRun, "/run/overlaywatch-helper"]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Throws where the lab has a fleet already; of one that fails nothing is left. */
export async function startFleet(
  context: LabContext,
  underlay: ProcessId,
  hosts: readonly LabHost[],
  options: FleetOptions,
): Promise<LabFleet> {
  const folder = `${context.folder.shared}/fleet`;
  if (existsSync(folder)) throw new Error(`lab ${context.name} has a fleet already, in ${folder}`);
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  try {
    return await build({ folder, options, programs: await programsOn(hosts) }, context, underlay);
  } catch (error) {
    context.cgroup.kill("fleet");
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Plan {
  readonly folder: string;
  readonly options: FleetOptions;
  /** Of each host, in order: the first is the gateway's too. */
  readonly programs: readonly [Placed, ...Placed[]];
}

type Placed = readonly [host: LabHost, program: Program];

const placed = async (host: LabHost): Promise<Placed> => [host, await programFor(host, workerUser)];

async function programsOn([first, ...more]: readonly LabHost[]): Promise<Plan["programs"]> {
  if (first === undefined) throw new Error("a fleet needs a host");
  return [await placed(first), ...(await Promise.all(more.map(placed)))];
}

async function build(plan: Plan, context: LabContext, underlay: ProcessId): Promise<LabFleet> {
  const { folder, options, programs } = plan;
  const [first] = programs;
  const secrets = `${folder}/operator/fleet`;
  const operator = machineIn(plan, "operator", first, { broker: { fleet_dir: secrets } });
  await manage(operator, ["init"]);
  for (const [{ name }] of programs) await manage(operator, ["enroll", name]);
  const broker = await provideBroker(context, underlay, `${folder}/broker`, `${secrets}/fleet.conf`);
  await broker.start(options.signal);
  await manage(operator, ["provision"]);
  const members: Member[] = [];
  for (const one of programs) members.push(await memberOf(plan, one, secrets));
  const gateway = await gatewayOf(plan, first, secrets);
  const proof = ({ name, controlSocket }: Member) =>
    machineIn(plan, `operator/proof-${name}`, first, {
      worker: { hostname: name, control_socket: controlSocket },
      webhook: { token_files: [`${folder}/gateway/state/token`] },
    });
  return new LabFleet({ folder, broker, members, gateway, operator, proof });
}

function machineIn({ folder, options }: Plan, name: string, [host, program]: Placed, settings: Settings): Machine {
  const all = { broker: { servers: [brokerUrl] } };
  const of = { host, program, folder: `${folder}/${name}`, env: options.env };
  return new Machine({ ...of, settings: [all, settings, options.settings] });
}

async function manage(operator: Machine, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await operator.overlaywatch(["fleet", ...args]);
  if (code !== 0) throw new Error(`overlaywatch fleet ${args.join(" ")}: exit code ${code}: ${stderr.trim()}`);
  return stdout;
}

async function memberOf(plan: Plan, on: Placed, secrets: string): Promise<Member> {
  const [host] = on;
  const { name } = host;
  await host.settle();
  const folder = `${plan.folder}/${name}`;
  const [workerState, helperState] = [`${folder}/worker`, `${folder}/helper`];
  const machine = machineIn(plan, name, on, {
    broker: { seed_file: `${workerState}/broker.seed`, gateway_key_file: `${folder}/gateway.pub` },
    worker: { hostname: name },
  });
  copyFileSync(`${secrets}/gateway-signing.pub`, `${folder}/gateway.pub`);
  mkdirSync(helperState, { mode: 0o700 });
  await machine.folderOf(workerUser, workerState, "0700");
  await machine.folderOf(workerUser, workerRun, "0750");
  await machine.giveTo(workerUser, `${secrets}/hosts/${name}.seed`, `${workerState}/broker.seed`);
  rmSync(`${secrets}/hosts/${name}.seed`);
  const helper = ["helperd", "--group", helperGroup, "--state-dir", helperState];
  return {
    name,
    host,
    machine,
    workerState,
    helperState,
    helperd: machine.daemon("helperd", helper, /listens at/u),
    worker: machine.daemon("worker", ["worker", "--state-dir", workerState], /this host is /u, workerUser),
    controlSocket: `/proc/${host.pid}/root${workerRun}/control.sock`,
  };
}

async function gatewayOf(plan: Plan, on: Placed, secrets: string): Promise<Gateway> {
  const state = `${plan.folder}/gateway/state`;
  const [seed, key, tokenFile] = [`${state}/broker.seed`, `${state}/signing.key`, `${state}/token`] as const;
  const machine = machineIn(plan, "gateway", on, {
    broker: { seed_file: seed, signing_key_file: key },
    webhook: { token_files: [tokenFile], monitors: ["any"], orgs: ["any"] },
  });
  await machine.folderOf(gatewayUser, state, "0700");
  const token = randomBytes(24).toString("hex");
  writeFileSync(`${secrets}/token`, `${token}\n`, { mode: 0o600 });
  await machine.giveTo(gatewayUser, `${secrets}/token`, tokenFile);
  await machine.giveTo(gatewayUser, `${secrets}/gateway.seed`, seed);
  await machine.giveTo(gatewayUser, `${secrets}/gateway-signing.key`, key);
  const server = machine.daemon("webhook", ["webhook", "--state-dir", state], /listen/u, gatewayUser);
  return { host: on[0], machine, server, url: "http://127.0.0.1:8480/webhook", token };
}
