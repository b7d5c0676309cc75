import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import type { Daemon } from "./daemon.ts";
import type { Gateway, Member } from "./fleet.ts";
import type { LabHost } from "./host.ts";
import { Machine, programFor, type Program, type Settings } from "./machine.ts";
import { gatewayUser, helperGroup, workerRun, workerUser } from "./pack-users.ts";

/** A host's part of it. */
export type PackMember = Pick<Member, "name" | "host" | "machine" | "helperState" | "controlSocket">;

/** What heals the hosts of a lab when Datadog pages: with a broker between them (`LabFleet`) or, as here, without. */
export interface Pack {
  readonly members: readonly PackMember[];
  readonly gateway: Gateway;
  /** Returns when all are at work. */
  readonly start: (signal?: AbortSignal) => Promise<void>;
  /** `webhook test`: only then does `auto` heal there. */
  readonly prove: (member: PackMember) => Promise<void>;
}

interface PackOptions {
  /** Of the lab: each host has one of its own in it. */
  readonly folder: string;
  readonly settings: Settings;
  readonly env: NodeJS.ProcessEnv;
}

type Placed = PackMember & { readonly program: Program; readonly daemons: readonly Daemon[] };

/** Helper and worker on each host, and a gateway on the first, which hands over to that host's own worker. */
export async function packOn(hosts: readonly LabHost[], options: PackOptions): Promise<Pack> {
  mkdirSync(options.folder);
  chmodSync(options.folder, 0o755);
  const members = await Promise.all(hosts.map(async (host) => memberOn(host, options)));
  const [first] = members;
  if (first === undefined) throw new Error("a pack needs a host");
  const gateway = await gatewayOn(first, options);
  return {
    members,
    gateway,
    start: async (signal) => {
      await Promise.all(
        members.map(async ({ daemons }) => {
          for (const daemon of daemons) await daemon.start(signal);
        }),
      );
      await gateway.server.start(signal);
    },
    prove: async ({ name }) => {
      const { code, stdout, stderr } = await gateway.machine.overlaywatch(["webhook", "test"], 60_000);
      if (code !== 0) throw new Error(`webhook test for ${name}: ${stdout}${stderr}`);
    },
  };
}

async function memberOn(host: LabHost, { folder, settings, env }: PackOptions): Promise<Placed> {
  await host.settle();
  const { name } = host;
  const program = await programFor(host, workerUser);
  const own = { worker: { hostname: name } };
  const machine = new Machine({ host, folder: `${folder}/${name}`, program, settings: [settings, own], env });
  const [workerState, helperState] = [`${machine.folder}/worker`, `${machine.folder}/helper`];
  mkdirSync(helperState, { mode: 0o700 });
  await machine.folderOf(workerUser, workerState, "0700");
  await machine.folderOf(workerUser, workerRun, "0750");
  const helper = ["helperd", "--group", helperGroup, "--state-dir", helperState];
  const daemons = [
    machine.daemon("helperd", helper, /listens at/u),
    machine.daemon("worker", ["worker", "--state-dir", workerState], /this host is /u, workerUser),
  ];
  const controlSocket = `/proc/${host.pid}/root${workerRun}/control.sock`;
  return { name, host, machine, helperState, controlSocket, program, daemons };
}

async function gatewayOn({ host, name, program }: Placed, { folder, settings, env }: PackOptions): Promise<Gateway> {
  const state = `${folder}/gateway/state`;
  const own = {
    worker: { hostname: name },
    webhook: { token_files: [`${state}/token`], monitors: ["any"], orgs: ["any"], hosts: [name] },
  };
  const machine = new Machine({ host, folder: `${folder}/gateway`, program, settings: [settings, own], env });
  await machine.folderOf(gatewayUser, state, "0700");
  const token = randomBytes(24).toString("hex");
  writeFileSync(`${folder}/token`, `${token}\n`, { mode: 0o600 });
  await machine.giveTo(gatewayUser, `${folder}/token`, `${state}/token`);
  const server = machine.daemon("webhook", ["webhook", "--state-dir", state], /listen/u, gatewayUser);
  return { host, machine, server, url: "http://127.0.0.1:8480/webhook", token };
}
