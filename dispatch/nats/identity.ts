import { nkeys } from "@nats-io/transport-node";

interface Identity {
  /** `SU...`: whoever has it is that user. */
  readonly seed: string;
  /** `U...` */
  readonly public: string;
}

export function makeIdentity(): Identity {
  const pair = nkeys.createUser();
  return { seed: Buffer.from(pair.getSeed()).toString("ascii"), public: pair.getPublicKey() };
}

/** The public key of a seed. Throws an Error that has nothing of it. */
export function publicOf(seed: string): string {
  const read = attempt(seed);
  if (read === undefined || !read.startsWith("U")) throw new Error("expected the seed of a user's nkey, SU...");
  return read;
}

function attempt(seed: string): string | undefined {
  try {
    return nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
  } catch {
    return undefined;
  }
}
