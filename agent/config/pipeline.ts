import { z } from "zod";

/** `journal`. */
export const journalSection = z
  .strictObject({
    namespace: z
      .string()
      .regex(/^[\w\-.]{0,64}$/u, { error: "expected a name of letters, digits, _ - and ." })
      .default("")
      .describe(
        "Journal namespace to read (LogNamespace= of the recorder's unit decides where it writes). Empty: the system's journal.",
      ),
  })
  .prefault({})
  .describe("The journal, which keeps what happened.");

/** `pipeline.record`. */
export const recordSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Whether `run` without names includes it."),
    max_entries_per_second: z
      .int()
      .min(10)
      .max(100_000)
      .default(100)
      .describe(
        "Most journal entries in any second, reached in bursts (two thirds of it when they last); events above that are folded into entries that carry a count.",
      ),
    rcvbuf: z
      .int()
      .min(65_536)
      .max(1_073_741_824)
      .default(8_388_608)
      .describe(
        "Bytes of receive buffer to ask for, of each netlink socket (two a network); net.core.rmem_max caps it. One event takes about 832.",
      ),
  })
  .prefault({})
  .describe("Records what happens at the netlink layer inside every overlay network, in the journal.");
