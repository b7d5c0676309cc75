import { z } from "zod";
import { interval } from "./duration.ts";

/** `pipeline.follow`. */
export const followSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Whether `run` without names includes it."),
    interval: interval
      .default("10s")
      .describe("How often counts are sent; divides a minute. What is misplaced is told at once."),
  })
  .prefault({})
  .describe("Reads the recorder's entries from the journal and sends what they count.");
