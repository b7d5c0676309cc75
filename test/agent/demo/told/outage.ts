import type { Step } from "../../../../agent/demo/timeline.ts";
export const outage: readonly Step[] = [];
