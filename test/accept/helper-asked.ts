import { z } from "zod";

export const trace = "0123456789abcdef0123456789abcdef";

export const request = (verb: string, of = trace): string => JSON.stringify({ v: 1, verb, trace: of });

/** What it answers to who has it look, or heal. */
export const answered = z.object({
  exit: z.int(),
  result: z.object({
    outcome: z.string(),
    verified: z.boolean(),
    refused: z.array(z.object({ rule: z.string() })),
    loss: z.array(z.object({ before: z.number().nullable(), after: z.number().nullable() })),
  }),
});
