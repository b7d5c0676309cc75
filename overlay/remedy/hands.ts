import { setTimeout as sleep } from "node:timers/promises";
import { NotAvailable, type OverlayView } from "../../host/host.ts";
import { ProgramError } from "../../host/iproute2/error.ts";
import type { Iproute2 } from "../../host/iproute2/program.ts";
import type { EchoTarget } from "../../host/sockets/echo.ts";
import { readTables, type Tables } from "../tables.ts";
import type { UndoFile } from "./undo-file.ts";

/** All that acting does to the machine. Namespaces are named by their file. */
export interface Hands {
  /** Throws `NotAvailable` where the namespace is gone, or another one has its name by now. */
  readonly look: (netns: string) => Promise<Tables>;
  /** What it complained of, empty if of nothing: whether it did anything, only the tables tell. Throws as `look` does. */
  readonly run: (netns: string, command: Iproute2) => Promise<string>;
  /** Loss of each, 0 to 1, or why it could not be measured. */
  readonly probe: (targets: readonly EchoTarget[]) => Promise<readonly (number | Error)[]>;
  /** On the disk for good once it resolves; gives the path. A second call replaces what the first wrote. */
  readonly keep: (file: UndoFile) => Promise<string>;
  readonly pause: (ms: number) => Promise<void>;
}

/** One life of a namespace. */
export interface Place {
  readonly path: string;
  readonly inode: number;
  readonly key: string;
}

interface Tools extends Pick<Hands, "probe" | "keep"> {
  readonly places: ReadonlyMap<string, Place>;
  readonly entry: Pick<OverlayView, "run" | "keyOf" | "inodeOf">;
  readonly signal: AbortSignal;
}

/** The hands of this very program: `ip` and `bridge` inside the namespaces that were read, and no others. */
export function liveHands({ places, entry, signal, probe, keep }: Tools): Hands {
  const placeOf = (netns: string): Place => {
    const place = places.get(netns);
    if (place === undefined || entry.keyOf(place.path) !== place.key)
      throw new NotAvailable(`the namespace ${netns} is gone, or was made anew since it was read`);
    return place;
  };
  return {
    look: async (netns) => readTables(placeOf(netns), signal, entry),
    run: async (netns, command) => complaintOf(entry.run(placeOf(netns).path, command, { signal })),
    probe,
    keep,
    pause: async (ms) => sleep(ms),
  };
}

/** "No such file or directory" of a delete is a success. */
async function complaintOf(running: Promise<string>): Promise<string> {
  try {
    await running;
    return "";
  } catch (error) {
    if (error instanceof ProgramError) return error.message;
    throw error;
  }
}
