import { z } from "zod";
import { optionsSchema, thresholdsSchema, types } from "../body.ts";
import { noDataPolicies } from "../definition.ts";
import { levels } from "../settings.ts";

const keyForm = /^[a-z\d]+(?:-[a-z\d]+)*$/u;

/** One monitor as a person writes it. What stands in `${...}` is filled in: see `variablesOf`. */
const userMonitor = z.strictObject({
  key: z
    .string()
    .regex(keyForm, { error: "expected lower-case letters and digits with dashes between, such as queue-full" }),
  level: z.enum(levels),
  name: z.string().min(1),
  type: z.enum(types).default("query alert"),
  query: z.string().min(1),
  thresholds: thresholdsSchema,
  message: z.string().min(1),
  no_data: z.enum(noDataPolicies),
  priority: z.int().min(1).max(5).default(3),
  tags: z.array(z.string()).default([]),
  // What a group is without data is said by `no_data`, once.
  options: optionsSchema.omit({ notify_no_data: true, on_missing_data: true }).default({}),
});

export type UserMonitor = z.output<typeof userMonitor>;

/** Filled in with what is in force, so that a file can not mean something else by them. */
const taken: ReadonlySet<string> = new Set(["scope", "notify", ...Object.keys(thresholdsSchema.shape)]);

const variables = z
  .record(z.string(), z.union([z.string(), z.number()], { error: "expected text or a number" }))
  .superRefine((all, context) => {
    for (const name of Object.keys(all)) {
      const complain = (message: string) => context.addIssue({ code: "custom", path: [name], message });
      if (taken.has(name)) complain("it is filled in already: expected another name");
      else if (!/^[a-z][a-z\d_]*$/u.test(name)) complain("expected a name of a-z, 0-9 and _, such as queue_name");
    }
  });

export const userFile = z.strictObject({
  variables: variables.default({}),
  monitors: z.array(userMonitor).min(1, { error: "expected one at least" }),
});
