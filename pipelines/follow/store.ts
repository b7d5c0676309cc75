import { randomBytes } from "node:crypto";
import { atomicFile, markBeside } from "../../host/atomic-file.ts";
import type { Clock } from "../../host/host.ts";
import { messageOf } from "../../host/thrown.ts";
import { type Batch, checkpointText, type Restored, restore, type Snapshot } from "./checkpoint.ts";
import type { Book } from "./series.ts";

export interface StoreOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Of this start of the machine. */
  readonly boot: string;
  readonly log: (level: "info" | "warn", message: string) => void;
}

/** The checkpoint on disk, and the protocol by which a batch is sent once at most and its counts never twice. */
export interface Store {
  /** What the last life left; undefined at the first start, or where it is of no use (which is said). */
  readonly load: () => Promise<Restored | undefined>;
  readonly save: (book: Book, snapshot: Snapshot) => Promise<void>;
  /**
   * Writes a batch down that is to be sent, together with the place up to which it counts, and gives its id. From here to
   * `sent`, and there alone, a crash leaves unknown whether it went. Rejects, or throws, where that can not be done.
   */
  readonly sending: (book: Book, snapshot: Omit<Snapshot, "batch">, batch: Omit<Batch, "id">) => Promise<string>;
  readonly sent: (id: string) => void;
  /** When it was last written, in milliseconds since the epoch. */
  readonly saved: () => number | undefined;
}

export function openStore({ path, clock, boot, log }: StoreOptions): Store {
  const [file, mark] = [atomicFile(path), markBeside(path)];
  const context = () => ({ now: clock.now(), boot });
  let saved: number | undefined;
  const save: Store["save"] = async (book, snapshot) => {
    const { now } = context();
    await file.write(checkpointText(book, snapshot, { now, boot }));
    saved = now;
  };
  return {
    load: async () => {
      try {
        const [text, marked] = [await file.read(), await mark.read()];
        return text === undefined ? undefined : restore(text, marked, context());
      } catch (error) {
        await dismiss(error, file, log);
        return undefined;
      }
    },
    save,
    sending: async (book, snapshot, batch) => {
      const id = randomBytes(8).toString("hex");
      await save(book, { ...snapshot, batch: { ...batch, id } });
      mark.set(`sending-${id}`);
      return id;
    },
    sent: (id) => mark.set(`sent-${id}`),
    saved: () => saved,
  };
}

async function dismiss(error: unknown, file: ReturnType<typeof atomicFile>, log: StoreOptions["log"]): Promise<void> {
  const why = messageOf(error);
  try {
    const to = await file.setAside();
    log(
      "warn",
      `the checkpoint ${file.path} is of no use: ${why}; it is now ${to}, reading begins at the journal's end`,
    );
  } catch (cause) {
    const more = messageOf(cause);
    log("warn", `the checkpoint ${file.path} is of no use: ${why}; ${more}; reading begins at the journal's end`);
  }
}
