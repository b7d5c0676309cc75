import type { Step } from "../../../../agent/demo/timeline.ts";
export const missingFdb: readonly Step[] = [];
