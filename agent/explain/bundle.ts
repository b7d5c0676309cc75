import { resolve } from "node:path";
import { BadBundle, bundleIn } from "../../dispatch/bundle.ts";
import { FileTrouble, readBounded, writePrivate } from "../../host/bundle-file.ts";
import { bundleOf } from "../../overlay/explain/bundle.ts";
import type { HostTables } from "../../overlay/explain/tables.ts";
import { ConfigError } from "../exit-codes.ts";

/** Some 100 000 rows have 20 MB. */
const mostBytes = 64 * 2 ** 20;

export interface Bundle {
  readonly tables: HostTables;
  readonly savedAt: string;
  readonly path: string;
}

/** Names, ids, addresses and rows of what belongs to the network: no label, no environment, no image, no command. Throws `ConfigError`. */
export async function saveBundle(path: string, cwd: string, tables: HostTables, savedAt: string): Promise<void> {
  const value = bundleIn(bundleOf(tables, savedAt));
  try {
    await writePrivate(resolve(cwd, path), `${JSON.stringify(value)}\n`);
  } catch (error) {
    throw troubleOf(error);
  }
}

/** Throws `ConfigError`, which says what is wrong with it. */
export async function readBundle(path: string, cwd: string): Promise<Bundle> {
  const { tables, savedAt } = parsed(path, await textOf(resolve(cwd, path)));
  return { tables, savedAt, path };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readBounded(path, mostBytes);
  } catch (error) {
    throw troubleOf(error);
  }
}

const troubleOf = (error: unknown): unknown =>
  error instanceof FileTrouble ? new ConfigError(error.message, { cause: error }) : error;

function parsed(path: string, content: string) {
  try {
    return bundleIn(jsonOf(path, content));
  } catch (error) {
    if (!(error instanceof BadBundle)) throw error;
    throw new ConfigError(`${path}: ${error.message}`, { cause: error });
  }
}

function jsonOf(path: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new ConfigError(`${path}: it is not whole, or no JSON`, { cause });
  }
}
