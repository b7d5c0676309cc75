import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { must, pinnedEnv, run, type Argv } from "./process.ts";

/** One set of package sources: the machine's own, or another suite from the same mirror. */
export interface PackageSource {
  /** Downloads packages into a folder, checked by apt against the signed release, and unpacks them into another. */
  readonly unpack: (packages: readonly string[], downloads: string, target: string) => Promise<void>;
}

/** A suite that the machine itself uses, as `apt-get indextargets` describes it. */
export interface Target {
  readonly codename: string;
  readonly address: string;
}

const format = "$(IDENTIFIER)\t$(ORIGIN)\t$(CODENAME)\t$(COMPONENT)\t$(REPO_URI)";
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The machine's Debian release and its mirror. Throws where it has none. */
export async function debianTarget(): Promise<Target> {
  const found = parseTargets(await apt(["indextargets", "--format", format]));
  if (found) return found;
  await apt(["update"]);
  const updated = parseTargets(await apt(["indextargets", "--format", format]));
  if (updated) return updated;
  throw new Error("apt knows no Debian mirror here (apt-get indextargets): the lab takes its engines from Debian");
}

/** The release itself, not its `-updates` or `-security`. */
export function parseTargets(text: string): Target | undefined {
  return text
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([kind, origin, codename = "", component]) => {
      return kind === "Packages" && origin === "Debian" && component === "main" && /^[a-z]+$/.test(codename);
    })
    .flatMap(([, , codename = "", , address = ""]) =>
      /^[a-z+]+:\/\/\S+$/.test(address) ? [{ codename, address }] : [],
    )[0];
}

export function ownSource(): PackageSource {
  return source([]);
}

/**
 * Another suite of the machine's own mirror, with lists, cache and source list in a folder of ours: the machine's apt
 * never learns of it.
 */
export async function privateSource(suite: string, mirror: string, folder: string): Promise<PackageSource> {
  if (!existsSync(keyring)) throw new Error(`${keyring} is missing: install the package debian-archive-keyring`);
  for (const part of ["lists/partial", "cache/archives/partial"]) mkdirSync(`${folder}/${part}`, { recursive: true });
  writeFileSync(`${folder}/sources.list`, `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  const options = [
    `Dir::Etc::SourceList=${folder}/sources.list`,
    "Dir::Etc::SourceParts=/dev/null",
    "Dir::Etc::Preferences=/dev/null",
    "Dir::Etc::PreferencesParts=/dev/null",
    `Dir::State::Lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`,
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  await apt([...options, "update"]);
  return source(options);
}

/** Installs what is missing into the system, and nothing that would remove or start anything. */
export async function install(packages: readonly string[]): Promise<void> {
  const command = ["install", "-y", "--no-install-recommends", "--no-remove", "-o", "DPkg::Lock::Timeout=120"];
  const first = await runApt([...command, ...packages]);
  if (first.code === 0) return;
  await apt(["update"]);
  await apt([...command, ...packages]);
}

function source(options: readonly string[]): PackageSource {
  return {
    async unpack(packages, downloads, target) {
      mkdirSync(downloads, { recursive: true });
      mkdirSync(target, { recursive: true });
      const download = [...options, "download", ...packages];
      // An image without lists, or lists so old that the mirror has dropped the version they name.
      if ((await runApt(download, downloads)).code !== 0) {
        await apt([...options, "update"]);
        await apt(download, downloads);
      }
      for (const file of readdirSync(downloads)) await must(["/usr/bin/dpkg", "-x", `${downloads}/${file}`, target]);
    },
  };
}

async function apt(args: readonly string[], cwd?: string): Promise<string> {
  return must(aptArgv(args), { ...aptOptions, cwd });
}

async function runApt(args: readonly string[], cwd?: string) {
  return run(aptArgv(args), { ...aptOptions, cwd });
}

const aptArgv = (args: readonly string[]): Argv => ["/usr/bin/apt-get", "-q", ...args];
const aptOptions = { timeout: 300_000, env: { ...pinnedEnv, DEBIAN_FRONTEND: "noninteractive" } };
