import { digestOf } from "../../dispatch/gateway/token.ts";
import { isMissing } from "../../host/thrown.ts";
import { isSecretThere, readSecret } from "../../host/secret-file.ts";
import { errorText } from "../error-text.ts";
import { ConfigError } from "../exit-codes.ts";
import type { Log } from "../log.ts";

export interface Tokens {
  /** Digests of those that are valid now. */
  readonly digests: () => readonly Buffer[];
  /** Reads the files again. One that is gone takes its token with it; a bad one leaves the former in force, and that is told. */
  readonly reload: () => void;
}

/** One that is not there is the other half of a rotation. Throws `ConfigError` where one is no good, or none is there. */
export function openTokens(files: readonly string[], log: Log): Tokens {
  let byFile = new Map(thereOf(files).map((path) => [path, digestIn(path)]));
  const again = (path: string): readonly (readonly [string, Buffer])[] => {
    try {
      return [[path, digestIn(path)]];
    } catch (error) {
      const before = isGone(error) ? undefined : byFile.get(path);
      log.error(
        `${errorText(error)}: ${before === undefined ? "its token is not valid any more" : "the token that was there before stays valid"}`,
      );
      return before === undefined ? [] : [[path, before]];
    }
  };
  return {
    digests: () => [...byFile.values()],
    reload: () => {
      byFile = new Map(files.flatMap(again));
      log.info(`tokens were read again: ${byFile.size} valid`);
    },
  };
}

/** The files that are there; where none is, the first, so that who reads it says so. */
export function thereOf(files: readonly string[]): readonly string[] {
  const there = files.filter((path) => isSecretThere(path));
  return there.length > 0 ? there : files.slice(0, 1);
}

const digestIn = (path: string): Buffer => digestOf(readToken(path));

/** Throws `ConfigError`, which never has the token in it. */
export function readToken(path: string): string {
  const text = attempted(path).trim();
  if (!/^[!-~]{32,4096}$/u.test(text))
    throw new ConfigError(
      `webhook.token_files: ${path} holds no token: expected one line of at least 32 printable characters without spaces; \`openssl rand -hex 32\` makes one`,
    );
  return text;
}

function attempted(path: string): string {
  try {
    return readSecret(path);
  } catch (cause) {
    const why = isMissing(cause)
      ? `there is no file ${path}: make one by (umask 077; openssl rand -hex 32 > ${path}), and give it to the gateway's user`
      : `cannot read a token: ${errorText(cause)}`;
    throw new ConfigError(`webhook.token_files: ${why}`, { cause });
  }
}

const isGone = (error: unknown): boolean => error instanceof Error && isMissing(error.cause);
