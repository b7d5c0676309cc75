import type { Step } from "../../../../agent/demo/timeline.ts";
export const fleet: readonly Step[] = [];
