import { z } from "zod";

/** What `cycle-agent.ts` answers: milliseconds, and samples, of one cycle. */
export const answerSchema = z.object({
  cpu: z.number(),
  samples: z.number(),
  delay: z.object({ p99: z.number(), max: z.number() }),
});
export type Answer = z.output<typeof answerSchema>;

/** Milliseconds, for every program that runs cycles: what they need is warm in none of them more than in another. */
export const pauseBetweenCycles = 50;
