import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { debianTarget, install, ownSource, type PackageSource, privateSource } from "./apt.ts";
import { labRoot } from "./folder.ts";
import { must, pinnedEnv } from "./process.ts";
import type { EngineVersion } from "./shape.ts";

/** Says what is being done, one line a step. */
export type Log = (line: string) => void;

/** An engine in a folder of its own; the system's engine, if there is one, never learns of it. */
export interface Engine {
  readonly version: EngineVersion;
  /** For PATH: `dockerd docker containerd runc` ... */
  readonly path: string;
}

export const tools = {
  busybox: `${labRoot}/tools/bin/busybox`,
  etcd: `${labRoot}/tools/usr/bin/etcd`,
  /** Root file system of the containers: busybox and nothing else. */
  image: `${labRoot}/tools/image.tar`,
} as const;

/** The engine where it is there already. */
export function findEngine(version: EngineVersion): Engine | undefined {
  const { folder, path } = placeOf(version);
  const complete = [`${folder}/usr/sbin/dockerd`, ...Object.values(tools)].every((file) => existsSync(file));
  return complete && missingPrograms().length === 0 ? { version, path } : undefined;
}

/** Brings the engine and the tools; at once where they are there. Nothing is left half-done. */
export async function provideEngine(version: EngineVersion, log: Log): Promise<Engine> {
  const missing = missingPrograms();
  if (missing.length > 0) {
    log(`installing ${missing.join(" ")} into the system`);
    await install(missing);
  }
  await provide(`${labRoot}/tools`, log, fillTools);
  const { folder, path } = placeOf(version);
  await provide(folder, log, async (target, downloads) => fillEngine(version, target, downloads, log));
  return { version, path };
}

const suites: Readonly<Record<EngineVersion, string>> = { "20.10": "bookworm", "26.1": "trixie", "28.5": "sid" };
/** Harmless ones, which every host may have. */
const systemPrograms = { iptables: "iptables", ip: "iproute2", bridge: "iproute2", fping: "fping" };

function placeOf(version: EngineVersion) {
  const folder = `${labRoot}/engines/${version}`;
  return { folder, path: `${folder}/usr/sbin:${folder}/usr/bin` };
}

function missingPrograms(): string[] {
  const missing = Object.entries(systemPrograms).filter(([program]) => !isProgram(program));
  return [...new Set(missing.map(([, packageName]) => packageName))];
}

function isProgram(name: string): boolean {
  return String(pinnedEnv["PATH"])
    .split(":")
    .some((folder) => {
      try {
        accessSync(`${folder}/${name}`, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Filled beside its place and then renamed: what has the final name is whole. */
export async function provide(
  place: string,
  log: Log,
  fill: (target: string, downloads: string) => Promise<void>,
): Promise<void> {
  if (existsSync(place)) return log(`${place}: is there`);
  mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
  const work = mkdtempSync(`${place}.part-`);
  try {
    log(`${place}: downloading and unpacking`);
    await fill(`${work}/target`, `${work}/downloads`);
    renameSync(`${work}/target`, place);
  } catch (error) {
    // Another set-up that ran at the same time was first: its result is as good.
    if (!existsSync(place)) throw new Error(`could not set up ${place}: nothing was changed there`, { cause: error });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fillTools(target: string, downloads: string): Promise<void> {
  await ownSource().unpack(["busybox-static", "etcd-server"], downloads, target);
  const root = `${target}/image`;
  for (const folder of ["bin", "etc", "tmp", "root"]) mkdirSync(`${root}/${folder}`, { recursive: true });
  await must(["/bin/cp", `${target}/bin/busybox`, `${root}/bin/busybox`]);
  const applets = (await must([`${target}/bin/busybox`, "--list"])).split("\n");
  for (const applet of applets)
    if (applet !== "" && applet !== "busybox") symlinkSync("busybox", `${root}/bin/${applet}`);
  await must(["/bin/tar", "-C", root, "-cf", `${target}/image.tar`, "."]);
  await must([`${target}/usr/bin/etcd`, "--version"]);
}

async function fillEngine(version: EngineVersion, target: string, downloads: string, log: Log): Promise<void> {
  const suite = suites[version];
  const source = await sourceOf(suite, `${downloads}.apt`, log);
  const split = version === "20.10" ? [] : ["docker-cli"];
  await source.unpack(["docker.io", "containerd", ...split], `${downloads}/engine`, target);
  // The machine's own: a newer runc wants a newer libc, and sid's tini has no static build.
  await ownSource().unpack(["runc", "tini"], `${downloads}/own`, target);
  const said = await must([`${target}/usr/sbin/dockerd`, "--version"]);
  if (!said.startsWith(`Docker version ${version}.`)) {
    throw new Error(`Debian ${suite} has another engine by now: wanted ${version}, got ${said.trim()}`);
  }
  log(said.trim());
}

/** A suite's packages; where it is not the machine's own, with lists in a folder of ours. */
export async function sourceOf(suite: string, folder: string, log: Log): Promise<PackageSource> {
  const machine = await debianTarget();
  if (suite === machine.codename) return ownSource();
  log(`reading the package lists of ${suite} from the machine's own mirror`);
  return privateSource(suite, machine.address, folder);
}
