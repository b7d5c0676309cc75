import { existsSync, writeFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { entryEnd, itemEnd } from "../../../host/journald/entry-text.ts";
import { type Batch, endOrder, type Receipt } from "../../../host/journald/messages.ts";

/** In the place of the true worker: takes everything, and does wrong what an entry's message orders. */
parentPort?.on("message", (batch: Batch | typeof endOrder) => {
  if (batch === endOrder) parentPort?.close();
  else answer(batch);
});

function answer({ id, text }: Batch): void {
  const entries = text.split(entryEnd);
  const [order, file = ""] = (entries[0]?.split(itemEnd)[1] ?? "").slice("MESSAGE=".length).split(" ");
  if (order === "die" && !existsSync(file)) {
    writeFileSync(file, "");
    throw new Error("ordered to die");
  }
  const done = { id, done: entries.length, bad: 0 };
  const receipt: Receipt = order === "bad" ? { ...done, bad: 1, why: "EMSGSIZE" } : done;
  setTimeout(() => parentPort?.postMessage(receipt, []), order === "late" ? 400 : 0);
}
