import { join } from "node:path";
import { z } from "zod";
import { atomicFile } from "../host/atomic-file.ts";

/** That a page was seen to reach this host by its name. */
export interface Proof {
  /** Milliseconds since the epoch; undefined where none did yet, or one for another name. */
  readonly read: () => Promise<number | undefined>;
  readonly keep: (at: number) => Promise<void>;
}

const schema = z.strictObject({ v: z.literal(1), host: z.string(), at: z.int() });

/** For one name: a host that is renamed has to be proved again. */
export function proofIn(stateDir: string, host: string): Proof {
  const file = atomicFile(join(stateDir, "worker-proved.json"), 0o600);
  return {
    read: async () => {
      const text = await file.read();
      const read = text === undefined ? undefined : schema.safeParse(parsed(text)).data;
      return read?.host === host ? read.at : undefined;
    },
    keep: async (at) => file.write(`${JSON.stringify({ v: 1, host, at } satisfies z.input<typeof schema>)}\n`),
  };
}

/** What is no JSON proves nothing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
