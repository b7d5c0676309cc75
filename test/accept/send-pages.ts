import { createInterface } from "node:readline";
import { z } from "zod";
import { deliver, receiverSchema } from "./delivery.ts";

/**
 * Sends pages to a gateway from where it runs, until stdin ends. The first line is where to; each other one is a page; each try is
 * told as a line on stdout. All JSON.
 */
const page = z.object({ event: z.string(), body: z.string() });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await lines.next();
const receiver = receiverSchema.parse(JSON.parse(String(first.value)));

for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  const { event, body } = page.parse(JSON.parse(line.value));
  void deliver(receiver, event, body, (one) => void process.stdout.write(`${JSON.stringify(one)}\n`));
}
process.exit();
