import { metrics, plainNames, tags } from "./names.ts";
import { conflicts, noData } from "./options.ts";
import { payload } from "./payload.ts";
import type { Rule } from "./rule.ts";
import { secrets } from "./secrets.ts";
import { thresholds } from "./thresholds.ts";
import { variables } from "./variables.ts";
import { webhooks } from "./webhooks.ts";

export const rules: readonly Rule[] = [
  thresholds,
  variables,
  webhooks,
  payload,
  secrets,
  noData,
  conflicts,
  metrics,
  tags,
  plainNames,
];
